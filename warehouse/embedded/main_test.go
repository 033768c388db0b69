package embedded_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/livello/livello/warehouse/embedded"
)

// The tests of this package share one engine, because a process can run one.
var shared struct {
	once   sync.Once
	engine *embedded.Engine
	dir    string
	err    error
}

func openEngine(t testing.TB) *embedded.Engine {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "livello-embedded-test-"); shared.err != nil {
			return
		}
		shared.engine, shared.err = embedded.Open(context.Background(), embedded.Options{Path: shared.dir})
	})
	if shared.err != nil {
		t.Fatalf("open engine: %v", shared.err)
	}
	return shared.engine
}

func TestMain(m *testing.M) {
	if child := os.Getenv(childEnv); child != "" {
		os.Exit(runChild(child))
	}
	embedded.TestEngine = openEngine
	code := m.Run()
	if shared.engine != nil {
		if err := shared.engine.Close(); err != nil {
			println("close engine:", err.Error())
			code = 1
		}
		os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// owner serves the full-rights handler over TCP and returns its URL.
func owner(t testing.TB) string {
	t.Helper()
	return serve(t, openEngine(t).Handler())
}

func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

const readerUser, readerPassword = "analyst", "correct horse"

// reader serves the read-only handler over TCP and returns a URL with its user and password.
func reader(t testing.TB, o embedded.ReadOnlyOptions) string {
	t.Helper()
	o.User, o.Password = readerUser, readerPassword
	h, err := openEngine(t).ReadOnly(o)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(serve(t, h))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(readerUser, readerPassword)
	return u.String()
}

// reply is an HTTP answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

// send posts body to base with the given URL parameters ("a=1", "b=2", not escaped).
func send(t testing.TB, base, body string, args ...string) reply {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, withArgs(base, args...), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return do(t, r)
}

func withArgs(base string, args ...string) string {
	values := url.Values{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		values.Add(name, value)
	}
	if len(values) == 0 {
		return base + "/"
	}
	return base + "/?" + values.Encode()
}

func do(t testing.TB, r *http.Request) reply {
	t.Helper()
	client := &http.Client{Timeout: 3 * time.Minute, Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", r.URL.Redacted(), err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(body), err}
}

// mustRun runs statements with full rights.
func mustRun(t testing.TB, statements ...string) {
	t.Helper()
	base := owner(t)
	for _, sql := range statements {
		if r := send(t, base, sql); r.status != http.StatusOK {
			t.Fatalf("%s\n%d %s", sql, r.status, r.body)
		}
	}
}
