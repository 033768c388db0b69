package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/livello/livello/test/flaky"
)

// Accepted events whose file the disk damages while the service is stopped are kept as far as they are whole, and whoever looks anywhere is told of the rest.
func TestDamagedSpoolIsSaid(t *testing.T) {
	t.Parallel()
	p := flaky.Start(t, "http://127.0.0.1:1")
	p.All(flaky.Refuse)
	data := filepath.Join(t.TempDir(), "data")
	segment := func(number string) string { return filepath.Join(data, "spool", "000000000000000"+number+".segment") }
	damage := func(path string, change func([]byte) []byte) {
		t.Helper()
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, change(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, data, "--dsn", p.URL+"/livello")
	metric := func(lines ...string) {
		t.Helper()
		for _, line := range lines {
			s.want(200, line+"\n", "GET", s.API+"/metrics", s.keys.ReadKey, "")
		}
	}
	s.want(202, `"accepted":500`, "POST", s.API+"/v1/events", s.keys.WriteKey, events(500))
	s.stop()

	// Two bytes of the file's header: nothing was sent, so nothing is missing.
	damage(segment("1"), func(c []byte) []byte { c[10], c[11] = c[10]^0x55, c[11]^0xaa; return c })
	s = serve(t, data, "--dsn", p.URL+"/livello")
	metric("livello_spool_waiting_events 500", "livello_spool_damaged_files 0", "livello_spool_torn_files 0")
	if !strings.Contains(s.logs(), "damaged a segment's header") {
		t.Errorf("the log does not tell of the header:\n%s", s.logs())
	}
	s.want(202, `"duplicates":25`, "POST", s.API+"/v1/events", s.keys.WriteKey, events(25))
	s.want(202, `"accepted":30`, "POST", s.API+"/v1/events", s.keys.WriteKey, eventsFrom(10_000, 30))
	s.stop()

	// The end of the newest segment, which was answered for.
	damage(segment("2"), func(c []byte) []byte { return c[:len(c)-40] })
	if out := must(t, "spool", "list", "--data", data); !strings.Contains(out, "waiting") {
		t.Errorf("before recovery:\n%s", out)
	}
	s = serve(t, data, "--dsn", p.URL+"/livello")
	metric("livello_spool_waiting_events 500", "livello_spool_damaged_events 30", "livello_spool_damaged_files 1", "livello_spool_torn_files 0")
	if !strings.Contains(s.logs(), `"level":"ERROR"`) || !strings.Contains(s.logs(), "lost or damaged accepted events") {
		t.Errorf("the log does not tell of the end:\n%s", s.logs())
	}
	out := must(t, "spool", "list", "--data", data)
	if !strings.Contains(out, "2.damaged-28") || !strings.Contains(out, "damaged  30 ") {
		t.Errorf("the list:\n%s", out)
	}
	fails(t, "what recovery cut out of it: 2.damaged-28", "spool", "show", "2", "--data", data)
	fails(t, "none of its", "spool", "show", "2.damaged-28", "--data", data)
	fails(t, "is no refused segment", "spool", "retry", "2.damaged-28", "--data", data)
	fails(t, "there is no 3.torn-28", "spool", "show", "3.torn-28", "--data", data)
	if out := must(t, "spool", "drop", "2.damaged-28", "--yes", "--data", data); out != "1 dropped\n" {
		t.Error(out)
	}
	fails(t, "no segment of that number", "spool", "drop", "2.damaged-28", "--yes", "--data", data)
	metric("livello_spool_damaged_events 0", "livello_spool_damaged_files 0")
	s.stop()

	// What an older version made of a damaged header: it is whole but for that, and was never loaded.
	damage(segment("1"), func(c []byte) []byte { return append(make([]byte, 28), c[28:]...) })
	for _, err := range []error{os.Rename(segment("1"), filepath.Join(data, "spool", "0000000000000001.torn-0")), os.Remove(filepath.Join(data, "spool", "answered"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s = serve(t, data, "--dsn", p.URL+"/livello")
	metric("livello_spool_waiting_events 0", "livello_spool_damaged_events 500", "livello_spool_torn_files 0")
	copied := filepath.Join(t.TempDir(), "whole.ndjson")
	must(t, "spool", "export", "1.damaged-0", copied, "--data", data)
	if text, err := os.ReadFile(copied); err != nil || strings.Count(string(text), "\n") != 500 {
		t.Errorf("exported %d lines: %v", strings.Count(string(text), "\n"), err)
	}
	s.stop()
	must(t, "spool", "drop", "1.damaged-0", "--yes", "--data", data) // on the folder alone
	if out := must(t, "spool", "list", "--data", data); !strings.Contains(out, "empty") {
		t.Errorf("left:\n%s", out)
	}
}
