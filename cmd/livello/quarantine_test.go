package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// Records are rejected under a limit that is too narrow, looked at, and sent again once it is wider: without a service and
// through one. What is taken happened when it arrived the first time, and is taken once.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	data := dataFolder(t)
	s := serve(t, data, "--limits-properties", "2")
	s.want(200, `"too_many"`, "POST", s.API+"/v1/batch", s.keys.WriteKey, `{"batch":[
		{"type":"track","event":"Seen","userId":"u1","messageId":"m1"},
		{"type":"track","event":"Wide","userId":"u2","messageId":"m2","properties":{"a":1,"b":2,"c":3}},
		{"type":"track","event":"Wide","userId":{},"properties":{"a":1}}],"context":{"campaign":{"name":"spring"}}}`)
	s.want(400, `"too_many"`, "POST", s.API+"/v1/t", "", `{"writeKey":"`+s.keys.WriteKey+`","event":"Alone","userId":"u3","properties":{"a":1,"b":2,"c":3}}`)
	s.want(202, `"syntax"`, "POST", s.API+"/v1/events", s.keys.WriteKey, "{\"type\":\"page\",\"userId\":\"u4\"}\n{\"type\":\"page\",}\n")
	s.settle()

	if out := must(t, "quarantine", "list", "--data", data, "-o", "csv"); !strings.Contains(out, `"default","type","userId",1,0,`) || strings.Count(out, "too_many") != 1 {
		t.Errorf("list:\n%s", out)
	}
	out := must(t, "quarantine", "show", "--data", data)
	for _, part := range []string{`"event":"Alone"`, `"event":"Wide","userId":{}`, `{"type":"page",}`, `batch: {"context":{"campaign":{"name":"spring"}}}`, "[redacted]", "/v1/track [0]"} {
		if !strings.Contains(out, part) {
			t.Errorf("show lacks %s:\n%s", part, out)
		}
	}
	if strings.Contains(out, s.keys.WriteKey) {
		t.Errorf("show prints the write key:\n%s", out)
	}
	var shown []shownRecord
	if err := json.Unmarshal([]byte(must(t, "quarantine", "show", "--data", data, "-o", "json", "--code", "syntax")), &shown); err != nil || len(shown) != 1 || shown[0].Payload != `{"type":"page",}` {
		t.Fatalf("show as JSON: %v %+v", err, shown)
	}
	if out := must(t, "quarantine", "show", "--data", data, shown[0].ID.String()); strings.Count(out, "\n") != 4 {
		t.Errorf("show of one:\n%s", out)
	}
	if got := count(t, data, "SELECT countIf(position(payload, '"+s.keys.WriteKey+"') > 0) FROM quarantine"); got != "0" {
		t.Errorf("%s payloads hold the write key", got)
	}
	// Through the service, whose limit is still narrow: nothing is taken, and nothing is in quarantine twice.
	if out := must(t, "quarantine", "replay", "--data", data, "--code", "too_many"); !strings.Contains(out, "2 records sent again: 0 accepted, 0 were there already, 2 rejected again") {
		t.Errorf("replay under the same limit:\n%s", out)
	}
	s.settle()
	if got := count(t, data, "SELECT sum(records) FROM quarantine"); got != "4" {
		t.Errorf("quarantine holds %s records, want 4", got)
	}
	s.stop()

	// Without a service, under the default limit.
	if out := must(t, "quarantine", "replay", "--data", data, "--limit", "1", "--code", "too_many"); !strings.Contains(out, "1 record sent again: 1 accepted") {
		t.Errorf("replay of one:\n%s", out)
	}
	if out := must(t, "quarantine", "replay", "--data", data); !strings.Contains(out, "2 records sent again: 1 accepted, 0 were there already, 1 rejected again") ||
		!strings.Contains(out, "userId") || !strings.Contains(out, "1 cannot be sent again") {
		t.Errorf("replay of the rest:\n%s", out)
	}
	if out := must(t, "quarantine", "replay", "--data", data, "-o", "json", "--code", "too_many"); !strings.Contains(out, `"sent": 0`) {
		t.Errorf("replay of what was taken:\n%s", out)
	}
	for _, want := range []struct{ what, statement, value string }{
		{"events", "SELECT arrayStringConcat(arraySort(groupArray(concat(source, ' ', name, ' ', utm_campaign))), ',') FROM events", "default  ,default Alone ,default Seen spring,default Wide spring"},
		{"time of arrival", "SELECT count() FROM events AS e JOIN quarantine AS q ON q.at = e.ts AND q.at = e.received_at WHERE e.name = JSONExtractString(q.payload, 'event') AND q.code = 'too_many'", "2"},
		{"rollup", "SELECT sum(events) FROM channel_hour", "4"},
	} {
		if got := count(t, data, want.statement); got != want.value {
			t.Errorf("%s: %q, want %q", want.what, got, want.value)
		}
	}
	if out := must(t, "quarantine", "list", "--data", data, "-o", "csv"); !strings.Contains(out, `"default","too_many","properties",2,2,`) {
		t.Errorf("list after the replay:\n%s", out)
	}

	fails(t, "write now, now-90d", "quarantine", "replay", "--data", data, "--since", "last week")
	fails(t, "no id of a rejected record", "quarantine", "show", "--data", data, "7")
	fails(t, "kept for 30 days", "quarantine", "show", "--data", data, "00000000-0000-7000-8000-000000000001")
	fails(t, "must not be negative", "quarantine", "show", "--data", data, "--limit", "-1")
}
