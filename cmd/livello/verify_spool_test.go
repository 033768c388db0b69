package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/livello/livello/trust"
)

// What was accepted and is in no table is a difference of a kind of its own, beside the running service and on the folder alone, in the report, the metric and the query.
func TestVerifyTellsOfWhatIsNotLoaded(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t), "--verify-every", "1s")
	must(t, "sql", "--write", "--data", s.data, "ALTER TABLE events ADD CONSTRAINT wholesome CHECK name != 'Poison'")
	s.want(202, `"accepted":1`, "POST", s.API+"/v1/events", s.keys.WriteKey, `{"type":"track","event":"Poison","messageId":"p","userId":"u"}`)
	eventually(t, "the refusal", func() bool { // so that the next events come into another segment
		_, text := s.ask("GET", s.API+"/metrics", s.keys.ReadKey, "")
		return strings.Contains(text, "livello_loader_up 0")
	})
	s.want(202, `"accepted":25`, "POST", s.API+"/v1/events", s.keys.WriteKey, events(25))
	s.settle()
	verify := func(args ...string) (string, string) {
		t.Helper()
		out, errs, err := runCommand(t, "", append([]string{"verify", "--data", s.data}, args...)...)
		if err == nil {
			t.Errorf("verify %v passes although events are not loaded:\n%s", args, out)
		}
		return out, errs
	}
	tells := func(when string) {
		t.Helper()
		out, errs := verify()
		for _, want := range []string{"segment 1 refused", "1 event", "wholesome", "livello spool retry 1", "25 events"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is not in\n%s", when, want, out)
			}
		}
		if want := "1 file of the spool holds accepted events that are in no table\n"; !strings.HasSuffix(errs, want) || strings.Contains(errs, "numbers") {
			t.Errorf("%s: it fails with %s", when, errs)
		}
		// Whichever days are asked for: the file has no receipt that says which days its events are of.
		out, _ = verify("-o", "json", "--from", "2020-01-01", "--to", "2020-01-02")
		var report trust.Report
		if err := json.Unmarshal([]byte(out), &report); err != nil || report.Spooled() != 1 || len(report.Spool.Aside) != 1 || report.Spool.Aside[0].Segment != 1 || report.Spool.Aside[0].Events != 1 {
			t.Errorf("%s: as JSON %v\n%s", when, err, out)
		}
	}
	tells("beside the service")
	eventually(t, "the metric", func() bool {
		_, text := s.ask("GET", s.API+"/metrics", s.keys.ReadKey, "")
		return strings.Contains(text, "livello_trust_differences 1\n")
	})
	if out := must(t, "query", "--data", s.data, "data_trust", "limit=1", "-o", "json"); !strings.Contains(out, `"wrong": 1`) || !strings.Contains(out, "segment 1 refused") {
		t.Errorf("data_trust says\n%s", out)
	}
	s.stop()
	tells("on the folder alone")

	must(t, "sql", "--write", "--data", s.data, "ALTER TABLE events DROP CONSTRAINT wholesome")
	must(t, "spool", "retry", "--all", "--data", s.data)
	// What a crash leaves at a segment's end was never answered for: it is told, and no fault.
	folder := filepath.Join(s.data, "spool")
	if err := os.WriteFile(filepath.Join(folder, "0000000000000002.torn-24"), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "verify", "--data", s.data); !strings.Contains(out, " 26 events, ") || !strings.Contains(out, "0000000000000002.torn-24") || !strings.Contains(out, ": 0 differences") {
		t.Errorf("after the retry:\n%s", out)
	}
	// 7 events by the frame's header.
	if err := os.WriteFile(filepath.Join(folder, "0000000000000003.damaged-24"), []byte("\x08\x00\x00\x00\x07\x00\x00\x00sum!damaged!"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _ := verify(); !strings.Contains(out, "segment 3 damaged") || !strings.Contains(out, "7 events") {
		t.Errorf("of a damaged segment:\n%s", out)
	}
	must(t, "spool", "drop", "3.damaged-24", "--yes", "--data", s.data)
	must(t, "verify", "--data", s.data)
}
