package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The whole way of a poison segment: refused by the engine, set aside when others come, put back once mended.
func TestARefusedSegmentFromEndToEnd(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	write := s.keys.WriteKey
	must(t, "sql", "--write", "--data", s.data, "ALTER TABLE events ADD CONSTRAINT wholesome CHECK name != 'Poison'")
	s.want(202, `"accepted":1`, "POST", s.API+"/v1/events", write, `{"type":"track","event":"Poison","messageId":"p","userId":"u"}`)
	eventually(t, "the refusal", func() bool { // so that the next events come into another segment
		_, text := s.ask("GET", s.API+"/metrics", s.keys.ReadKey, "")
		return strings.Contains(text, "livello_loader_up 0")
	})
	s.want(202, `"accepted":25`, "POST", s.API+"/v1/events", write, events(25))
	s.settle()
	if got := count(t, s.data, "SELECT count() FROM events"); got != "25" {
		t.Errorf("%s events beside the refused one, want 25", got)
	}
	s.want(200, `"ready":true,"accepting":true,"loading":true,"refused_segments":1}`, "GET", s.API+"/readyz", "", "")
	s.want(200, "livello_loader_refused_segments_total 1", "GET", s.API+"/metrics", s.keys.ReadKey, "")
	if out := must(t, "spool", "list", "--data", s.data); !strings.Contains(out, "refused") || !strings.Contains(out, "wholesome") {
		t.Errorf("livello spool list:\n%s", out)
	}
	must(t, "sql", "--write", "--data", s.data, "ALTER TABLE events DROP CONSTRAINT wholesome")
	must(t, "spool", "retry", "--all", "--data", s.data)
	s.settle()
	if got := count(t, s.data, "SELECT count() FROM events"); got != "26" {
		t.Errorf("%s events after the retry, want 26", got)
	}
	s.stop()
}

// Rejected records that ClickHouse refused are shown and dealt with as segments are, on the folder and through the service.
func TestRefusedRejectsAreInTheSpoolsList(t *testing.T) {
	t.Parallel()
	data := dataFolder(t)
	const id, other = "01900000-0000-7000-8000-000000000000", "01900000-0000-7000-8000-00000000000f"
	row := `{"id":"` + id + `","at":"` + time.Now().UTC().Format(time.DateTime) + `","source":"poison"}` + "\n"
	if err := os.MkdirAll(filepath.Join(data, "quarantine"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		id + ".ndjson.refused": row + row, id + ".ndjson.refused.json": `{"error":"not wholesome","attempts":5}`, other + ".ndjson.refused": row,
	} {
		if err := os.WriteFile(filepath.Join(data, "quarantine", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	look := func() {
		t.Helper()
		if out := must(t, "spool", "list", "--data", data); !strings.Contains(out, id) || !strings.Contains(out, "rejected records: not wholesome") {
			t.Errorf("livello spool list:\n%s", out)
		}
		if out := must(t, "spool", "show", id, "--limit", "1", "--data", data); out != row {
			t.Errorf("livello spool show:\n%s", out)
		}
	}
	look()
	copied := filepath.Join(t.TempDir(), "copy.ndjson")
	must(t, "spool", "export", id, copied, "--data", data)
	if text, err := os.ReadFile(copied); err != nil || string(text) != row+row {
		t.Errorf("exported %q, %v", text, err)
	}
	if out := must(t, "spool", "drop", other, "--yes", "--data", data); out != "1 dropped\n" {
		t.Error(out)
	}
	fails(t, "no rejected records of that id", "spool", "drop", other, "--yes", "--data", data)
	fails(t, "are set aside in", "spool", "show", other, "--data", data)

	s := serve(t, data)
	look()
	s.want(200, "livello_quarantine_refused_files 1", "GET", s.API+"/metrics", s.keys.ReadKey, "")
	fails(t, "no rejected records of that id", "spool", "retry", other, "--data", data)
	if out := must(t, "spool", "retry", id, "--data", data); out != "1 put back; the service loads them\n" {
		t.Error(out)
	}
	eventually(t, "the records", func() bool { return count(t, data, "SELECT count() FROM quarantine WHERE source = 'poison'") == "2" })
	s.stop()
}
