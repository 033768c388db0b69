package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/livello/livello/trust"
)

// verify and rebuild do the same through a running service and on a folder that nobody holds.
func TestVerifyAndRebuild(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t), "--verify-every", "1s")
	s.want(202, `"accepted":100`, "POST", s.API+"/v1/events", s.keys.WriteKey, events(100))
	s.settle()
	if out := must(t, "verify", "--data", s.data); !strings.Contains(out, " 100 events, ") || !strings.Contains(out, ": 0 differences") {
		t.Errorf("verify of a healthy service:\n%s", out)
	}
	damage := func() {
		t.Helper()
		must(t, "sql", "--write", "--data", s.data, "ALTER TABLE person_day UPDATE downloads = downloads + 1 WHERE 1 SETTINGS mutations_sync = 2")
	}
	month := count(t, s.data, "SELECT formatDateTime(min(ts), '%Y-%m') FROM events")
	damage()
	out, errs, err := runCommand(t, "", "verify", "--data", s.data)
	if err == nil || !strings.Contains(errs, "not what they should be") || !strings.Contains(out, "person_day") || !strings.Contains(out, "livello rebuild --from "+month) {
		t.Errorf("verify of a damaged rollup: %v\n%s%s", err, out, errs)
	}
	if out := must(t, "query", "--data", s.data, "data_trust", "limit=1", "-o", "csv"); !strings.Contains(out, "person_day.downloads: expected ") {
		t.Errorf("the query data_trust after a damage:\n%s", out)
	}
	// The schedule finds it, too.
	for found := false; !found; {
		_, text := s.ask(http.MethodGet, s.API+"/metrics", s.keys.ReadKey, "")
		found = strings.Contains(text, "livello_trust_last_verified_timestamp_seconds") && strings.Contains(text, "livello_trust_differences") && !strings.Contains(text, "livello_trust_differences 0")
		if t.Context().Err() != nil || s.cmd.ProcessState != nil {
			t.Fatal("the metric never shows it")
		}
	}
	if out := must(t, "rebuild", "--data", s.data, "--all", "--table", "person_day"); !strings.Contains(out, "of person_day rebuilt from 100 events") {
		t.Errorf("rebuild:\n%s", out)
	}
	must(t, "verify", "--data", s.data)
	fails(t, "no rollup of events", "rebuild", "--data", s.data, "--all", "--table", "events")

	s.stop()
	damage()
	var report trust.Report
	out, _, err = runCommand(t, "", "verify", "--data", s.data, "-o", "json")
	if err == nil || json.Unmarshal([]byte(out), &report) != nil || len(report.Differences) == 0 || report.Events != 100 {
		t.Errorf("verify without a service: %v\n%s", err, out)
	}
	must(t, "rebuild", "--data", s.data, "--from", month, "--to", month)
	must(t, "verify", "--data", s.data)

	fails(t, "--from 2026-03-01 is not before --to 2026-03-01", "verify", "--data", s.data, "--from", "2026-03-01", "--to", "2026-03-01")
	fails(t, `--from "march": write it as 2026-03-01`, "verify", "--data", s.data, "--from", "march")
	fails(t, `write it as 2026-03`, "rebuild", "--data", s.data, "--from", "march")
	fails(t, `write it as 2026-03-01`, "rebuild", "--data", s.data, "--from", "2026-02-99")
	fails(t, "say which months", "rebuild", "--data", s.data)
	fails(t, "there is no data folder", "verify", "--data", s.data+"x")
}

func TestSayLacking(t *testing.T) {
	t.Parallel()
	got := sayLacking([]trust.Lacking{{Table: "origins", Month: "2026-02"}, {Table: "milestones", Month: "2026-02"}, {Table: "origins", Month: "2025-12"}, {Table: "origins", Month: "2026-03"}})
	if want := "milestones (2026-02), origins (2025-12 to 2026-03, 3 months)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
