package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/profile"
)

// hotAt are events of one who meets three criteria, as lines for /v1/events.
func hotAt(user string, at time.Time) string {
	var lines strings.Builder
	for i, event := range []string{"Content Downloaded", "Email Opened", "Email Opened", "Email Link Clicked", "Chat Message Sent"} {
		fmt.Fprintf(&lines, `{"type":"track","event":%q,"userId":%q,"messageId":"%[2]s-%d","timestamp":%q,"properties":{"content_id":"report"}}`+"\n",
			event, user, i, at.Add(time.Duration(i)*time.Second).Format(time.RFC3339))
	}
	return lines.String()
}

// What `livello tiers` prints, and what has people evaluated again: all of one service.
func TestTiersOfARunningService(t *testing.T) {
	t.Parallel()
	data := dataFolder(t)
	s := serve(t, data)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	events := s.API + "/v1/events"
	s.want(202, `"accepted":10`, "POST", events, s.keys.WriteKey, hotAt("ada", today.AddDate(0, 0, -2).Add(9*time.Hour))+hotAt("bob", today.AddDate(0, 0, -1).Add(9*time.Hour)))
	isHot := func(p profile.Profile) bool { return p.Tier == 2 && p.MicroSegment == "medium" }
	s.profileOf("ada", isHot)
	s.profileOf("bob", isHot)

	out := must(t, "tiers", "--data", data)
	for _, wanted := range []string{"Who is where\n", "Who moved\n", "Who to talk to first, and why\n", "medium", "content ", "Send a case study and ask for a conversation"} {
		if !strings.Contains(out, wanted) {
			t.Errorf("livello tiers does not say %q:\n%s", wanted, out)
		}
	}
	if at := strings.Index(out, "bob"); at < 0 || at > strings.Index(out, "ada") {
		t.Errorf("bob, whose signals are younger, stands first in the top list:\n%s", out)
	}
	if out := must(t, "tiers", "--only", "top", "--limit", "1", "-o", "csv", "--data", data); !strings.HasPrefix(out, `"person_id","micro_segment","score"`) || strings.Count(out, "\n") != 2 || !strings.Contains(out, `"bob","medium"`) {
		t.Errorf("one in CSV: %s", out)
	}
	var all struct {
		Distribution, Movers, Top struct{ Data []map[string]any }
	}
	if err := json.Unmarshal([]byte(must(t, "tiers", "-o", "json", "--data", data)), &all); err != nil || len(all.Top.Data) != 2 || len(all.Distribution.Data) != 1 || len(all.Movers.Data) != 2 {
		t.Errorf("as JSON: %+v, %v", all, err)
	}
	fails(t, `--only "bottom": must be one of distribution, movers, top`, "tiers", "--only", "bottom", "--data", data)
	fails(t, "-o csv holds one table: say which with --only distribution", "tiers", "-o", "csv", "--data", data)
	fails(t, "limit", "tiers", "--limit", "0", "--data", data)

	// A replay through the service: the history has the days on which they became what they are.
	history := "SELECT arrayStringConcat(groupArray(concat(person_id, ' ', toString(toDate(at)), ' ', toString(tier), micro_segment)), ', ') FROM (SELECT * FROM tier_history WHERE replayed ORDER BY person_id, at)"
	days := func(back int) string { return today.AddDate(0, 0, -back).Format(time.DateOnly) }
	if out := must(t, "tiers", "replay", "--from", days(3), "--to", days(0), "--data", data); !strings.HasPrefix(out, "3 days replayed: ") {
		t.Errorf("replay: %s", out)
	}
	replayed := "ada " + days(2) + " 2medium, bob " + days(1) + " 2medium"
	if got := count(t, data, history); got != replayed {
		t.Errorf("the replayed history is %q, want %q", got, replayed)
	}
	for wanted, args := range map[string][]string{
		"say from which day: --from 2026-03-01": nil,
		"is not over before":                    {"--from", days(1), "--to", days(-1)},
		"from " + days(1) + " is not before to": {"--from", days(1), "--to", days(1)},
		`from "yesterday"`:                      {"--from", "yesterday"},
		`to "2026-13-01"`:                       {"--from", "2026-03-01", "--to", "2026-13-01"},
		"-o csv: must be table, json":           {"--from", days(1), "-o", "csv"},
	} {
		fails(t, wanted, append([]string{"tiers", "replay", "--data", data}, args...)...)
	}

	// Rollups that are made again have their people evaluated again; definitions that ask for it do so through the same rebuilder.
	s.settle()
	before := s.profileOf("ada", isHot).EvaluatedAt
	must(t, "rebuild", "--all", "--table", "person_signals", "--data", data)
	for _, who := range []string{"ada", "bob"} {
		s.profileOf(who, func(p profile.Profile) bool { return p.EvaluatedAt.After(before) })
	}

	// Who is erased does not come back, whatever others do.
	s.want(202, `"accepted":5`, "POST", events, s.keys.WriteKey, strings.ReplaceAll(hotAt("ada", today), `"messageId":"ada`, `"messageId":"again`))
	must(t, "erase", "ada", "--yes", "--data", data)
	s.want(202, `"accepted":1`, "POST", events, s.keys.WriteKey, `{"type":"track","event":"Order Completed","userId":"bob","messageId":"later"}`)
	s.profileOf("bob", func(p profile.Profile) bool { return p.Features["purchases_total"] == 1 })
	for _, table := range []string{"person_tiers", "person_states", "tier_history", "tier_observations", "tier_replay"} {
		if got := count(t, data, "SELECT count() FROM "+table+" WHERE person_id = 'ada'"); got != "0" {
			t.Errorf("%s rows of the erased person are in %s", got, table)
		}
	}

	// Without a service the command replays by itself, and what was printed is read from the folder.
	s.stop()
	if out := must(t, "tiers", "replay", "--from", days(3), "--to", days(0), "-o", "json", "--data", data); !strings.Contains(out, `"days": 3`) {
		t.Errorf("replay without a service: %s", out)
	}
	if got := count(t, data, history); got != "bob "+days(1)+" 2medium" {
		t.Errorf("the history replayed without a service is %q", got)
	}
	if out := must(t, "tiers", "--only", "distribution", "--data", data); !strings.Contains(out, "medium") {
		t.Errorf("without a service: %s", out)
	}
	fails(t, "there is no data folder", "tiers", "replay", "--from", days(1), "--data", filepath.Join(t.TempDir(), "none"))
}
