package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/livello/livello/identity"
)

// Who is who is shown, decided and taken back through the service, and without one.
func TestIdentityCommands(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	s.want(202, `"accepted":4`, "POST", s.API+"/v1/events", s.keys.WriteKey, `[
{"type":"identify","anonymousId":"tablet","userId":"ada","timestamp":"2026-03-01T09:00:00Z"},
{"type":"identify","anonymousId":"tablet","userId":"bob","timestamp":"2026-03-02T09:00:00Z"},
{"type":"page","anonymousId":"new\tphone","timestamp":"2026-03-02T09:00:00Z"},
{"type":"identify","anonymousId":"kiosk","userId":"info@acme.com","timestamp":"2026-03-03T09:00:00Z"}]`)
	s.settle()
	has := func(out string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(out, part) {
				t.Errorf("no %q in\n%s", part, out)
			}
		}
	}
	has(must(t, "identity", "show", "tablet", "--data", s.data), "person ada\n", "tablet  2026-03-01 09:00  identify ada, 2026-03-01 09:00 to 2026-03-01 09:00 (1 event)",
		"not followed:", "tablet  bob        another_user  2026-03-02 09:00  1")
	has(must(t, "identity", "show", "kiosk", "--data", s.data), "role_address")
	fails(t, "nothing is known of it", "identity", "show", "nobody", "--data", s.data)
	fails(t, "--reason", "identity", "merge", "ada", "bob", "--data", s.data)
	has(must(t, "identity", "merge", "ada", "new\tphone", "--reason", "she told us", "--by", "sales", "--data", s.data), `"new\tphone"  "new\tphone"  ada`)
	fails(t, "one person already", "identity", "merge", "tablet", "new\tphone", "--reason", "again", "--data", s.data)
	s.stop()

	// Without a service.
	var person identity.Person
	if err := json.Unmarshal([]byte(must(t, "identity", "show", "new\tphone", "--data", s.data, "-o", "json")), &person); err != nil {
		t.Fatal(err)
	}
	if person.Person != "ada" || len(person.IDs) != 3 || len(person.Decisions) != 1 || person.Decisions[0].Reason != "she told us" || person.Decisions[0].By != "sales" {
		t.Errorf("%+v", person)
	}
	var change identity.Change
	if err := json.Unmarshal([]byte(must(t, "identity", "split", "new\tphone", "--reason", "another Ada", "--data", s.data, "-o", "json")), &change); err != nil {
		t.Fatal(err)
	}
	if len(change.Moved) != 1 || change.Moved[0] != (identity.Move{ID: "new\tphone", From: "ada", To: "new\tphone"}) {
		t.Errorf("%+v", change)
	}
}
