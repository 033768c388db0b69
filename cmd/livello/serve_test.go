package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// events is n different events as NDJSON.
func events(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"type":"track","event":"Content Downloaded","messageId":"m-%d","userId":"user-%d","timestamp":"%s"}`+"\n",
			i, i%10, time.Now().UTC().Format(time.RFC3339))
	}
	return b.String()
}

func TestServeFromFirstEventToStop(t *testing.T) {
	t.Parallel()
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	s.want(200, "ok", "GET", s.API+"/healthz", "", "")
	s.want(200, `"ready":true`, "GET", s.API+"/readyz", "", "")

	// Each key opens its own doors and no other.
	write, read := s.keys.WriteKey, s.keys.ReadKey
	s.want(401, "write key is missing", "POST", s.API+"/v1/events", "", events(1))
	s.want(401, "write key is not known", "POST", s.API+"/v1/events", read, events(1))
	s.want(401, "read key is missing", "GET", s.API+"/v1/queries", "", "")
	s.want(401, "read key is not known", "GET", s.API+"/v1/queries/totals", write, "")
	s.want(401, "read key is missing", "GET", s.API+"/metrics", "", "")
	s.want(405, "", "GET", s.API+"/v1/track", "", "")
	s.want(404, "", "GET", s.API+"/v1/nothing", "", "")
	s.want(404, "nothing at /local/drain", "POST", s.API+drainPath, read, "")

	s.want(202, `"accepted":25`, "POST", s.API+"/v1/events", write, events(25))
	s.want(202, `"duplicates":25`, "POST", s.API+"/v1/events", write, events(25))
	s.settle()
	s.want(200, `"events": 25`, "GET", s.API+"/v1/queries/totals", read, "")
	s.want(400, "did you mean", "GET", s.API+"/v1/queries/totals?form=now-1d", read, "")
	s.want(200, `livello_ingest_events_accepted_total{source="default"} 25`, "GET", s.API+"/metrics", read, "")

	// The SQL port reads and does nothing else, and only with the password.
	sql := strings.Replace(s.SQL, "http://", "http://"+s.keys.SQLUser+":"+s.keys.SQLPassword+"@", 1)
	s.want(200, "25\n", "POST", sql+"/", "", "SELECT count() FROM events")
	if status, text := s.ask("POST", sql+"/", "", "DROP TABLE events"); status < 400 {
		t.Errorf("the SQL port dropped a table: %d %s", status, text)
	}
	if status, text := s.ask("POST", s.SQL+"/", "", "SELECT 1"); status != 401 && status != 403 {
		t.Errorf("the SQL port without a password: %d %s", status, text)
	}

	// Our own commands go through the service that holds the folder; a second service says who does.
	if got := count(t, s.data, "SELECT count() FROM events"); got != "25" {
		t.Errorf("livello sql beside the service counts %s events, want 25", got)
	}
	if out := must(t, "query", "--data", s.data, "totals", "-o", "csv"); !strings.Contains(out, "\n25,") {
		t.Errorf("livello query beside the service:\n%s", out)
	}
	fails(t, fmt.Sprintf("held by process %d", s.cmd.Process.Pid), "serve", "--data", s.data)
	if out := must(t, "serve", "--check", "--data", s.data); !strings.Contains(out, "held by the service that runs on this folder") {
		t.Errorf("--check beside the service:\n%s", out)
	}
	s.stop()
	for _, left := range []string{factsName, socketName, "engine.sock"} {
		if _, err := os.Stat(filepath.Join(s.data, left)); err == nil {
			t.Errorf("%s is still there after the stop", left)
		}
	}
}

// With a linger of an hour nothing is loaded on its own: what is there after the stop was loaded by the stop. The folder's
// path is longer than a socket's name may be.
func TestStopLoadsWhatWasAccepted(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	s := serve(t, data, "--spool-linger", "1h")
	s.want(202, `"accepted":1000`, "POST", s.API+"/v1/events", s.keys.WriteKey, events(1000))
	if got := count(t, data, "SELECT count() FROM events"); got != "0" {
		t.Fatalf("%s events are loaded already: this test proves nothing", got)
	}
	s.stop()
	if got := count(t, data, "SELECT count() FROM events"); got != "1000" {
		t.Errorf("%s events after the stop, want 1000", got)
	}
	if got := count(t, data, "SELECT sum(downloads) FROM person_day"); got != "1000" {
		t.Errorf("%s downloads in the rollup after the stop, want 1000", got)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	out := must(t, "serve", "--check", "--data", data)
	for _, part := range []string{"will be made", "free", "every migration will be applied", "data: " + data} {
		if !strings.Contains(out, part) {
			t.Errorf("--check does not say %q:\n%s", part, out)
		}
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("--check made the data folder")
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().String()
	out, _, err = runCommand(t, "", "serve", "--check", "--data", data, "--listen", port, "--engine", "/nowhere/libchdb.so")
	if err == nil || !strings.Contains(out, "another program listens on "+port) || !strings.Contains(out, "/nowhere/libchdb.so") {
		t.Errorf("--check with a taken port and no engine: %v\n%s", err, out)
	}
	out, _, err = runCommand(t, "", "serve", "--check", "--data", data, "--definitions", "nosuch.yaml")
	if err == nil || !strings.Contains(out, "definitions  FAILS: read definitions: open nosuch.yaml") {
		t.Errorf("--check without the file of definitions: %v\n%s", err, out)
	}
	fails(t, "listen: another program listens on "+port, "serve", "--data", data, "--listen", port)
	fails(t, "setting log.level", "serve", "--data", data, "--log-level", "loud")
	fails(t, "unknown flag: --spool-lingr", "serve", "--spool-lingr", "1s")
}
