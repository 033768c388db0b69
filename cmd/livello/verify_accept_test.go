package main

import (
	"strings"
	"testing"
)

// The schedule makes rollups again that counted an event twice, and a person may take a loss as it is: beside the service, for good.
func TestServiceMendsLateRepeatsAndLossesAreAccepted(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t), "--verify-every", "1s")
	s.want(202, `"accepted":100`, "POST", s.API+"/v1/events", s.keys.WriteKey, events(100))
	s.settle()
	write := func(statement string) {
		t.Helper()
		must(t, "sql", "--write", "--data", s.data, statement)
	}
	// As if one of them had been sent again after the deduplication window, and loaded.
	write("INSERT INTO receipts SELECT generateUUIDv4(), toDate(ts), 1, cityHash64(event_id), received_at, received_at, now() FROM events ORDER BY event_id LIMIT 1")
	write("INSERT INTO events SELECT * REPLACE (received_at + INTERVAL 1 MINUTE AS received_at) FROM events ORDER BY event_id LIMIT 1")
	eventually(t, "the rollups made again", func() bool {
		_, text := s.ask("GET", s.API+"/metrics", s.keys.ReadKey, "")
		return strings.Contains(text, "livello_trust_mended_rollups_total ") && !strings.Contains(text, "livello_trust_mended_rollups_total 0\n") && strings.Contains(text, "livello_trust_differences 0\n")
	})
	if out := must(t, "verify", "--data", s.data); !strings.Contains(out, "1 event sent again") || !strings.Contains(out, ": 0 differences") {
		t.Errorf("after an event was accepted twice:\n%s", out)
	}

	day := count(t, s.data, "SELECT max(toDate(ts)) FROM events")
	gone := count(t, s.data, "SELECT count() FROM events FINAL WHERE toDate(ts) = (SELECT max(toDate(ts)) FROM events)")
	write("ALTER TABLE events DELETE WHERE toDate(ts) = '" + day + "' SETTINGS mutations_sync = 2")
	must(t, "rebuild", "--data", s.data, "--all")
	if out, _, err := runCommand(t, "", "verify", "--data", s.data); err == nil || !strings.Contains(out, "livello verify --accept "+day) {
		t.Errorf("after a loss: %v\n%s", err, out)
	}
	fails(t, "nothing to accept", "verify", "--data", s.data, "--accept", "2020-01-01")
	fails(t, "write it as 2026-03-01", "verify", "--data", s.data, "--accept", "yesterday")
	fails(t, "--because goes with --accept", "verify", "--data", s.data, "--because", "x")
	if out := must(t, "verify", "--data", s.data, "--accept", day, "--because", "ticket 71"); !strings.Contains(out, "accepted as it is: "+gone+" events of "+day+" missing (") || !strings.Contains(out, ": ticket 71)") {
		t.Errorf("accepted:\n%s", out)
	}
	s.stop()
	if out := must(t, "verify", "--data", s.data); !strings.Contains(out, "ticket 71") || !strings.Contains(out, ": 0 differences") {
		t.Errorf("on the folder alone:\n%s", out)
	}
}
