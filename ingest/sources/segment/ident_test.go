package segment

import (
	"testing"

	"github.com/google/uuid"
)

// idOf is the event id of a message.
func idOf(t *testing.T, message string, change ...func(*Meta)) string {
	t.Helper()
	return row(t, message, change...)["event_id"]
}

func TestEventIDsOfMessageIDs(t *testing.T) {
	const id = "0192F0C1-7a3b-7c4d-8e5f-000000000001"
	got := row(t, `{"type":"page","userId":"u","messageId":"`+id+`"}`)
	if got["event_id"] != "0192f0c1-7a3b-7c4d-8e5f-000000000001" || got["message_id"] != "" {
		t.Errorf("a UUID: event_id %s, message_id %q", got["event_id"], got["message_id"])
	}
	for _, text := range []string{"ajs-next-1", id[:35], id + "0", "0192F0C1_7a3b-7c4d-8e5f-000000000001", "0192F0C1-7a3b-7c4d-8e5f-00000000000g", "I'm unique"} {
		got := row(t, `{"type":"page","userId":"u","messageId":"`+text+`"}`)
		want := uuid.NewSHA1(namespace, []byte("web\x00"+text)).String()
		if got["event_id"] != want || got["message_id"] != text {
			t.Errorf("%s: event_id %s, message_id %q; want %s", text, got["event_id"], got["message_id"], want)
		}
	}
	if got := row(t, `{"type":"page","userId":"u","messageId":77}`); got["message_id"] != "77" {
		t.Errorf("a number: message_id %q", got["message_id"])
	}
	other := func(m *Meta) { m.Source = "shop" }
	rows, _, _ := decode(t, `{"type":"page","userId":"u","messageId":"m"}`, Auto, other)
	if rows[0]["event_id"] == idOf(t, `{"type":"page","userId":"u","messageId":"m"}`) {
		t.Error("two sources share the ids of their messages")
	}
}

func TestEventIDsOfContent(t *testing.T) {
	const message = `{"type":"track","event":"X","userId":"u","properties":{"a":1,"b":{"c":[1,{"x":"é","y":2}]}}}`
	id := idOf(t, message)
	for name, same := range map[string]string{
		"keys in another order":      `{"userId":"u","properties":{"b":{"c":[1,{"y":2,"x":"é"}]},"a":1},"event":"X","type":"track"}`,
		"other white space, escapes": "{\"type\" : \"track\",\n\"\\u0065vent\":\"\\u0058\",\"userId\":\"u\",\"properties\":{\"a\":1,\"b\":{\"c\":[ 1 ,{\"x\":\"\\u00e9\",\"y\":2}]}}}",
		"sent again":                 `{"type":"track","event":"X","userId":"u","sentAt":"2026-03-01T09:30:59Z","receivedAt":"2026-03-01T09:30:59Z","properties":{"a":1,"b":{"c":[1,{"x":"é","y":2}]}}}`,
		"null is absent":             `{"type":"track","event":"X","userId":"u","messageId":null,"anonymousId":null,"properties":{"a":1,"n":null,"b":{"c":[1,{"x":"é","y":2}]}}}`,
		"tried again by the SDK":     `{"type":"track","_metadata":{"retryCount":2},"event":"X","userId":"u","properties":{"a":1,"b":{"c":[1,{"x":"é","y":2}]}}}`,
		"the write key in it":        `{"type":"track","writeKey":"k","event":"X","userId":"u","properties":{"a":1,"b":{"c":[1,{"x":"é","y":2}]}}}`,
		"a name that comes twice":    `{"type":"track","event":"Y","event":"X","userId":"u","properties":{"a":2,"a":1,"b":{"c":[1,{"x":"é","y":2}]}}}`,
	} {
		if got := idOf(t, same); got != id {
			t.Errorf("%s: another id", name)
		}
	}
	if got := idOf(t, `{"event":"X","userId":"u","properties":{"a":1,"b":{"c":[1,{"x":"é","y":2}]}}}`, func(m *Meta) { m.Type = "track" }); got != id {
		t.Error("type from the route: another id")
	}
	for name, other := range map[string]string{
		"another name":        `{"type":"track","event":"Y","userId":"u","properties":{"a":1,"b":{"c":[1,{"x":"é","y":2}]}}}`,
		"a time":              `{"type":"track","event":"X","userId":"u","timestamp":"2026-03-01","properties":{"a":1,"b":{"c":[1,{"x":"é","y":2}]}}}`,
		"text for a number":   `{"type":"track","event":"X","userId":"u","properties":{"a":"1","b":{"c":[1,{"x":"é","y":2}]}}}`,
		"an array in order":   `{"type":"track","event":"X","userId":"u","properties":{"a":1,"b":{"c":[{"x":"é","y":2},1]}}}`,
		"flat, not nested":    `{"type":"track","event":"X","userId":"u","properties":{"a":1,"b.c":[1,{"x":"é","y":2}]}}`,
		"members of another":  `{"type":"track","event":"X","userId":"u","properties":{"b":{"a":1,"c":[1,{"x":"é","y":2}]}}}`,
		"an unknown field":    `{"type":"track","event":"X","userId":"u","version":2,"properties":{"a":1,"b":{"c":[1,{"x":"é","y":2}]}}}`,
		"an empty properties": `{"type":"track","event":"X","userId":"u","properties":{}}`,
	} {
		if got := idOf(t, other); got == id {
			t.Errorf("%s: the same id", name)
		}
	}
	if got := uuid.MustParse(id); got.Version() != 5 || got.Variant() != uuid.RFC4122 {
		t.Errorf("%s has version %d, variant %s", id, got.Version(), got.Variant())
	}
}
