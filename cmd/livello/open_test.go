package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/test/flaky"
)

// Commands that only know the folder reach the ClickHouse server of the service that runs on it, and print none of its secrets.
func TestCommandsGoThroughAServiceWithAServer(t *testing.T) {
	t.Parallel()
	w := engine.Migrated(t)
	const password = "geheim-dsn"
	proxy := flaky.Start(t, engine.Target(t))
	proxy.Choose(func(string) flaky.Action {
		return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
			if _, given, _ := r.BasicAuth(); given != password {
				http.Error(w, "wrong password", http.StatusForbidden)
				return
			}
			r.Header.Del("Authorization") // the engine has no users
			forward.ServeHTTP(w, r)
		}
	})
	data := filepath.Join(t.TempDir(), "data")
	s := serve(t, data, "--dsn", strings.Replace(proxy.URL, "http://", "http://default:"+password+"@", 1)+"/"+w.Database())
	s.want(202, `"accepted":1`, "POST", s.API+"/v1/events", s.keys.WriteKey, `[{"type":"page","userId":"ada"},{"type":"track","userId":"ada"}]`)
	s.settle()
	for _, c := range []struct {
		want string
		args []string
	}{
		{"people", []string{"query", "totals"}},
		{"event", []string{"quarantine", "list"}},
		{"userId", []string{"quarantine", "show"}},
		{"1 rejected again", []string{"quarantine", "replay"}},
		{w.Database(), []string{"sql", "SELECT currentDatabase()"}},
		{"", []string{"tiers"}},
		{"version", []string{"definitions", "history"}},
		{"0001", []string{"migrate", "status"}},
		{": 0 differences", []string{"verify"}},
		{"segment", []string{"spool", "list"}},
	} {
		out, errs, err := runCommand(t, "", append(c.args, "--data", data)...)
		if err != nil || !strings.Contains(out, c.want) || strings.Contains(out+errs, password) {
			t.Errorf("livello %s: %v, want %q\n%s%s", strings.Join(c.args, " "), err, c.want, out, errs)
		}
	}
	// Not for the network.
	for _, key := range []string{"", s.keys.ReadKey, s.keys.AdminKey} {
		s.want(404, "there is nothing at", "GET", s.API+wherePath, key, "")
	}
	if strings.Contains(s.logs(), password) {
		t.Error("the log holds the password")
	}
}
