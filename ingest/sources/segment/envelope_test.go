package segment

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRejectsSayWhereTheyStand(t *testing.T) {
	for name, test := range map[string]struct {
		body  string
		shape Shape
		want  []string
		ids   []string
	}{
		"alone":             {` {"type":"page"} `, Single, []string{`{"type":"page"}`}, nil},
		"in a batch":        {`{"batch":[{"type":"page","userId":"a"}, {"type":"track","userId":"b\u0041","anonymousId":7} ,"text", 12]}`, Batch, []string{`{"type":"track","userId":"b\u0041","anonymousId":7}`, `"text"`, `12`}, []string{"bA", "7"}},
		"in an array":       {`[ {"type":"alias","previousId":"p","userId":{}} ]`, Auto, []string{`{"type":"alias","previousId":"p","userId":{}}`}, []string{"p"}},
		"lines":             {"{\"type\":\"page\",\"userId\":\"a\"}\r\n\n \t{\"type\":} \r\n[1]\n\"x\"", NDJSON, []string{`{"type":}`, `[1]`, `"x"`}, nil},
		"no batch":          {`{"type":"page"}`, Batch, []string{`{"type":"page"}`}, nil},
		"batch is a number": {` {"batch":1}`, Batch, []string{` {"batch":1}`}, nil},
		"a number":          {`7`, Auto, []string{`7`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, rejects, err := decode(t, test.body, test.shape)
			if err != nil {
				t.Fatal(err)
			}
			var got, ids []string
			for _, r := range rejects {
				got, ids = append(got, test.body[r.From:r.To]), append(ids, r.IDs...)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.ids, ids); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEnvelope(t *testing.T) {
	for body, want := range map[string]string{
		`{"batch":[{}],"context":{"ip":"1.2.3.4"},"sentAt":"2026-03-01T09:30:00Z","writeKey":"k"}`: `{"sentAt":"2026-03-01T09:30:00Z","context":{"ip":"1.2.3.4"}}`,
		`{"batch":[],"sentAt":1772357400000}`:                                                      `{"sentAt":1772357400000}`,
		`{"batch":[],"sentAt":"x","sentAt":null}`:                                                  ``,
		`{"type":"page","sentAt":"x"}`:                                                             ``,
		`{"batch":[{"context":{}}]}`:                                                               ``,
		`[{"sentAt":"x"}]`:                                                                         ``,
		`{"batch":[`:                                                                               ``,
		``:                                                                                         ``,
	} {
		if got := string(Envelope([]byte(body))); got != want {
			t.Errorf("envelope of %s is %s, want %s", body, got, want)
		}
	}
}

func TestRedact(t *testing.T) {
	const key = "lvw_SECRET"
	for text, want := range map[string]string{
		`{"writeKey":"lvw_SECRET","type":"x"}`:             `{"writeKey":"[redacted]","type":"x"}`,
		`{"writeKey" : "lvw_\u0053ECRET" }`:                `{"writeKey" : "[redacted]" }`,
		`{"type":"x","writeKey":"lvw_SECR`:                 `{"type":"x","writeKey":"[redacted]"`,
		`{"context":{"write_key":"other"}}`:                `{"context":{"write_key":"[redacted]"}}`,
		`{"writeKey":123,"url":"/?k=lvw_SECRET"}`:          `{"writeKey":"[redacted]","url":"/?k=[redacted]"}`,
		`{"properties":{"note":"the writeKey is secret"}}`: `{"properties":{"note":"the writeKey is secret"}}`,
		"\xff not JSON lvw_SECRET":                         "\xff not JSON [redacted]",
	} {
		if got := string(Redact([]byte(text), key)); got != want || strings.Contains(got, key) {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
	if got := string(Redact([]byte(`{"a":1}`), "")); got != `{"a":1}` {
		t.Errorf("without a key: %s", got)
	}
}
