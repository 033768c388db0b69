package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/livello/livello/ingest"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/test/flaky"
)

// While ClickHouse is away, whoever asks for work is told so at once and in one line, and what asks again later has it done.
func TestWorkIsRefusedWhileClickHouseIsAway(t *testing.T) {
	t.Parallel()
	w := engine.Migrated(t)
	proxy := flaky.Start(t, engine.Target(t))
	dsn := strings.Replace(proxy.URL, "http://", "http://default:geheim-dsn@", 1) + "/" + w.Database()
	proxy.Choose(func(string) flaky.Action { // the engine has no users
		return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
			r.Header.Del("Authorization")
			flaky.Pass(w, r, forward)
		}
	})
	data := filepath.Join(t.TempDir(), "data")
	s := serve(t, data, "--dsn", dsn)
	s.want(202, `"accepted":1`, "POST", s.API+"/v1/events", s.keys.WriteKey, `{"type":"page","userId":"ada-away"}`)
	s.settle()

	commands := [][]string{{"verify"}, {"rebuild", "--all"}, {"erase", "ada-away", "--yes"}, {"identity", "show", "ada-away"}}
	awayNow := func(how string, args ...string) {
		t.Helper()
		out, errs, err := runCommand(t, "", append(args, "--data", data)...)
		if err == nil || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "ClickHouse does not answer at "+strings.TrimPrefix(proxy.URL, "http://")+" ("+how+"): try again when") ||
			strings.Contains(errs, "geheim") {
			t.Errorf("livello %s: %v\n%s%s", strings.Join(args, " "), err, out, errs)
		}
	}
	erase := func() *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.API+"/v1/people/ada-away", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.keys.AdminKey)
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	for _, c := range []struct {
		how      string
		action   flaky.Action
		commands [][]string
	}{{"the connection was closed", flaky.Refuse, commands}, {"no answer in time", flaky.Stall, nil}} {
		proxy.All(c.action)
		answer := erase()
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "5" || !strings.Contains(string(text), `"code":"database_away"`) {
			t.Errorf("%s: DELETE is answered %d, Retry-After %q, %s, %v", c.how, answer.StatusCode, answer.Header.Get("Retry-After"), text, err)
		}
		for _, args := range c.commands {
			awayNow(c.how, args...)
		}
	}
	proxy.Choose(nil)
	s.stop()
	// Without a service, and without anybody at the address.
	proxy.All(flaky.Refuse)
	for _, args := range append(commands, []string{"query", "totals"}, []string{"sql", "SELECT 1"}, []string{"migrate", "status"}) {
		awayNow("the connection was closed", append(args, "--dsn", dsn)...)
	}
	proxy.Choose(nil)
	bare := proxy.URL + "/" + w.Database()
	if out := must(t, "erase", "ada-away", "--yes", "--data", data, "--dsn", bare); !strings.Contains(out, "erased, 1 id") {
		t.Errorf("ClickHouse is back:\n%s", out)
	}
}

// What cannot be done with a cluster is said as such over HTTP.
func TestNobodyIsErasedFromACluster(t *testing.T) {
	cfg := defaults()
	cfg.Cluster, cfg.DSN = "analytics", "http://127.0.0.1:1/livello"
	s := &service{cfg: &cfg, log: slog.New(slog.DiscardHandler)}
	e := echo.New()
	e.HTTPErrorHandler = ingest.HandleErrors(s.log)
	e.DELETE("/v1/people/:id", s.erasePerson)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodDelete, "/v1/people/ada", nil))
	if w.Code != http.StatusNotImplemented || !strings.Contains(w.Body.String(), "rollups of a cluster cannot be recomputed from one node") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestSayAway(t *testing.T) {
	cfg := defaults()
	refused := fmt.Errorf("acquire conn: %w", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)})
	if err := cfg.sayAway(t.Context(), refused); err != refused { //nolint:errorlint // the very same
		t.Errorf("without a server: %v", err)
	}
	cfg.DSN = "http://user:geheim@a:8123/livello?password=geheim"
	for _, c := range []struct {
		err  error
		want string
	}{
		{refused, "ClickHouse does not answer at a:8123 (connection refused): "},
		{fmt.Errorf("ask: %w", &net.DNSError{Err: "no such host", Name: "a"}), "(no such host): "},
		{context.DeadlineExceeded, "(no answer in time): "},
		{errors.New("a fault of ours"), "a fault of ours"},
	} {
		err := cfg.sayAway(t.Context(), c.err)
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "geheim") || !errors.Is(err, c.err) {
			t.Errorf("%v is said as %q, want %q", c.err, err, c.want)
		}
		if again := cfg.sayAway(t.Context(), err); again != err { //nolint:errorlint // the very same
			t.Errorf("said twice: %v", again)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := cfg.sayAway(gone, refused); err != refused { //nolint:errorlint // the very same
		t.Errorf("of a caller who went away: %v", err)
	}
}
