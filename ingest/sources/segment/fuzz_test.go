package segment

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/internal/blocktest"
)

// records counts the records of a body with encoding/json; -1 when it does not know (a list that comes twice).
func records(body []byte, shape Shape) int {
	if shape == NDJSON {
		return countLines(body)
	}
	if shape == Single {
		return 1
	}
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && list != nil {
		return len(list)
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil || object["batch"] == nil {
		return 1
	}
	if bytes.Contains(body, []byte(`\u`)) {
		return -1 // the name may be spelt otherwise
	}
	if json.Unmarshal(object["batch"], &list) == nil && list != nil {
		return len(list)
	}
	return 1
}

// Whatever comes: no panic, every record is either kept or named, the same body twice is the same events, and a body that is
// refused as a whole leaves nothing behind.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"type":"track","event":"Order Completed","userId":"u","messageId":"m","properties":{"revenue":12.34567,"currency":"eur","products":[ {"a":1} ],"x":{"y":{"z":null}}}}`,
		`{"batch":[{"type":"page","anonymousId":1,"context":{"page":{"url":"https://a.example/p?utm_source=%41+b"},"campaign":{"name":"c"},"library":{"name":"analytics.js"}}},5],"sentAt":1772357459000,"context":{"ip":"1.2.3.4"}}`,
		`[{"type":"identify","userId":"u\ud83d","traits":{"a":"\u0000"},"timestamp":"2026-03-01T09:30:00+01:00","sentAt":"2026-03-01"},{"type":"alias","userId":"u","previousId":"v"}]`,
		"{\"type\":\"group\",\"userId\":\"u\",\"groupId\":\"g\"}\n\n{\"type\":\"screen\",\n{\"type\":\"track\",\"event\":\"review\",\"userId\":\"u\",\"properties\":{\"rating\":\"4.5\",\"sentiment\":-0.5,\"value\":\"abc\"}}",
		"{\"type\":\"page\",\"userId\":\"\xff\"}", `{"batch":null}`, `[[[[]]]]`, `{"type":"page","userId":"u","a":1,"a":2,"a":null}`,
	} {
		for shape := Auto; shape <= NDJSON; shape++ {
			f.Add([]byte(seed), byte(shape))
		}
	}
	d := NewDecoder(Options{Limits: Limits{Records: 100, Properties: 20, Depth: 6, Value: 100, Event: 1000}})
	meta := Meta{Source: "web", ReceivedAt: arrival, IP: "1.2.3.4", UserAgent: "Mozilla/5.0"}
	f.Fuzz(func(t *testing.T, body []byte, shapeOf byte) {
		shape := Shape(shapeOf % 4)
		if shape == Single {
			meta.Type = "track"
		} else {
			meta.Type = ""
		}
		before := bytes.Clone(body)
		columns := event.New()
		rejects, err := d.Decode(body, shape, meta, columns)
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			if columns.Rows() > 0 || len(rejects) > 0 {
				t.Fatalf("error %v, but %d rows and %d rejects", err, columns.Rows(), len(rejects))
			}
			return
		}
		if got, want := columns.Rows()+len(rejects), records(body, shape); json.Valid(body) && want >= 0 && got != want {
			t.Fatalf("%d records kept or rejected, there are %d", got, want)
		}
		for i, r := range rejects {
			if r.Reason == "" || !slices.Contains(Codes, r.Code) || i > 0 && r.Index <= rejects[i-1].Index {
				t.Fatalf("reject %d: %+v", i, r)
			}
		}
		ids := slices.Clone(columns.EventIDs())
		for _, row := range blocktest.Rows(t, columns.EncodeBlock(nil)) {
			if row["distinct_id"] == "" || row["type"] == "" || row["kind"] == "" || row["channel"] == "" || row["event_id"] == uuid.Nil.String() && row["message_id"] != "" {
				t.Fatalf("%v", row)
			}
		}
		columns.Reset()
		if _, err := d.Decode(body, shape, meta, columns); err != nil || !slices.Equal(ids, columns.EventIDs()) {
			t.Fatalf("the same body again: %v, other ids: %v", err, columns.EventIDs())
		}
	})
}
