package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// The whole way of a poison segment: refused by the engine, set aside when others come, put back once mended.
func TestARefusedSegmentFromEndToEnd(t *testing.T) {
	t.Parallel()
	s := serve(t, filepath.Join(t.TempDir(), "data"))
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
