package ingest

import (
	"fmt"
	"strings"
	"testing"
)

// What senders get wrong, in the middle of a batch whose other records are fine: those are kept, the bad one is named.
func TestBadRecordsAreNamedAndTheOthersKept(t *testing.T) {
	s := start(t)
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"k%d":%d`, i, i)
	}
	for name, test := range map[string]struct{ record, field, reason string }{
		"wrong type of an id":         {`{"type":"page","userId":{}}`, "userId", "must be a string or an integer, not an object"},
		"wrong type of properties":    {`{"type":"page","userId":"u","properties":"x"}`, "properties", "must be an object"},
		"wrong type of an amount":     {`{"type":"track","event":"Order Completed","userId":"u","properties":{"revenue":"abc"}}`, "properties.revenue", `not the string "abc"`},
		"wrong type of a record":      {`"x"`, "", "must be an object"},
		"bytes that are not UTF-8":    {"{\"type\":\"page\",\"userId\":\"u\",\"properties\":{\"title\":\"caff\xe8\"}}", "properties.title", "not UTF-8"},
		"a time far in the future":    {`{"type":"page","userId":"u","timestamp":"2126-03-01T09:30:00Z"}`, "timestamp", "24h0m0s after the time of arrival"},
		"a NUL in an id":              {`{"type":"page","userId":"u\u0000"}`, "userId", "NUL"},
		"a text of a megabyte":        {`{"type":"page","userId":"u","properties":{"title":"` + strings.Repeat("x", 1<<20) + `"}}`, "properties.title", "the limit of a value is 65536"},
		"an id of a megabyte":         {`{"type":"page","userId":"` + strings.Repeat("x", 1<<20) + `"}`, "userId", "the limit of a value is 65536"},
		"ten thousand keys":           {`{"type":"page","userId":"u","properties":{` + strings.Join(keys, ",") + `}}`, "properties", "more than 1000 fields"},
		"ten thousand keys in traits": {`{"type":"identify","userId":"u","traits":{` + strings.Join(keys, ",") + `}}`, "traits", "more than 1000 fields"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(s.rows(t))
			good := func(i int) string { return fmt.Sprintf(`{"type":"page","userId":"u","messageId":"%s %d"}`, name, i) }
			a := s.post(t, "/v1/events", "["+good(1)+","+test.record+","+good(2)+"]")
			if a.status != 202 || *a.Body.Accepted != 2 || len(a.Body.Rejected) != 1 || len(s.rows(t)) != before+2 {
				t.Fatalf("%d %.500s", a.status, a.text)
			}
			if r := a.Body.Rejected[0]; r.Index != 1 || r.Field != test.field || !strings.Contains(r.Reason, test.reason) {
				t.Errorf("rejected as %+v", r)
			}
			if len(a.text) > 1000 {
				t.Errorf("the answer repeats what it refuses: %d bytes", len(a.text))
			}
		})
	}
}

// What looks odd but is kept as it came.
func TestOddRecordsAreKept(t *testing.T) {
	s := start(t)
	for name, test := range map[string]struct{ record, column, value string }{
		"ten years old":      {`{"type":"page","userId":"u","timestamp":"2016-03-01T09:30:00Z"}`, "ts", "2016-03-01T09:30:00.000Z"},
		"tomorrow":           {`{"type":"page","userId":"u","timestamp":"2026-03-02T09:00:00Z"}`, "ts", "2026-03-02T09:00:00.000Z"},
		"a NUL in a text":    {`{"type":"page","userId":"u","properties":{"title":"a\u0000b"}}`, "properties[title]", "a\x00b"},
		"half an emoji":      {`{"type":"page","userId":"u","properties":{"title":"a\ud83d"}}`, "properties[title]", "a\uFFFD"},
		"an unknown field":   {`{"type":"page","userId":"u","colour":{"of":"eyes"}}`, "properties[message.colour.of]", "eyes"},
		"an unknown context": {`{"type":"page","userId":"u","context":{"a":{"b":[1, 2]}}}`, "properties[context.a.b]", "[1,2]"},
		"a number as id":     {`{"type":"page","userId":42}`, "user_id", "42"},
		"a long number":      {`{"type":"page","userId":"u","properties":{"n":123456789012345678901234567890.10}}`, "properties[n]", "123456789012345678901234567890.10"},
		"sixty kilobytes":    {`{"type":"page","userId":"u","properties":{"title":"` + strings.Repeat("x", 60<<10) + `"}}`, "properties[title]", strings.Repeat("x", 60<<10)},
	} {
		a := s.post(t, "/v1/events", "["+test.record+"]")
		rows := s.rows(t)
		if a.status != 202 || *a.Body.Accepted != 1 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		} else if got := rows[len(rows)-1][test.column]; got != test.value {
			t.Errorf("%s: %s is %.100q", name, test.column, got)
		}
	}
}
