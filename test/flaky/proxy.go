// Package flaky stands between a client and a real ClickHouse as a small HTTP proxy that can refuse, stall, cut, lose answers and
// answer in ClickHouse's place, so that tests can do to a connection what networks and overloaded servers do.
package flaky

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Action is what becomes of a request.
type Action func(w http.ResponseWriter, r *http.Request, forward http.Handler)

// Pass forwards the request and its answer.
func Pass(w http.ResponseWriter, r *http.Request, forward http.Handler) { forward.ServeHTTP(w, r) }

// Refuse closes the connection before anything is read.
func Refuse(w http.ResponseWriter, _ *http.Request, _ http.Handler) { hangUp(w) }

// Stall answers nothing until the client goes away.
func Stall(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body) // net/http notices that a client is gone only once its body is read
	<-r.Context().Done()
}

// Lose has the request answered by ClickHouse, and keeps the answer.
func Lose(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	forward.ServeHTTP(httptest.NewRecorder(), r)
	hangUp(w)
}

// Cut forwards the first n bytes of the body, then breaks both connections.
func Cut(n int64) Action {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, n), broken{}))
		r.ContentLength = -1
		forward.ServeHTTP(httptest.NewRecorder(), r)
		hangUp(w)
	}
}

// Answer is an error of ClickHouse with this code, in its form.
func Answer(code int, text string) Action {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-ClickHouse-Exception-Code", fmt.Sprint(code))
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, "Code: %d. DB::Exception: %s", code, text)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func hangUp(w http.ResponseWriter) {
	if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// Counts are the requests so far.
type Counts struct {
	Requests int // all; a driver's new connection begins with one
	Inserts  int // of events
}

// Proxy is a running proxy.
type Proxy struct {
	URL string // http://127.0.0.1:port

	mu      sync.Mutex
	choose  func(query string) Action
	counts  Counts
	changed chan struct{}
}

// Start runs a proxy in front of the ClickHouse at target until the test ends: a unix socket's path or an http:// URL. It passes
// everything until told otherwise.
func Start(t testing.TB, target string) *Proxy {
	t.Helper()
	to, transport := &url.URL{Scheme: "http", Host: "clickhouse"}, http.DefaultTransport.(*http.Transport).Clone()
	if strings.HasPrefix(target, "http") {
		var err error
		if to, err = url.Parse(target); err != nil {
			t.Fatal(err)
		}
	} else {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", target)
		}
	}
	forward := &httputil.ReverseProxy{
		Transport:     transport,
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	p := &Proxy{changed: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.action(r)(w, r, forward)
	}))
	p.URL = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		transport.CloseIdleConnections()
	})
	return p
}

// action counts the request and says what becomes of it.
func (p *Proxy) action(r *http.Request) Action {
	query := r.URL.Query().Get("query")
	if query == "" { // then it is the body
		head := make([]byte, 64)
		n, _ := io.ReadFull(r.Body, head)
		query = string(head[:n])
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(strings.NewReader(query), r.Body), r.Body}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Requests++
	if strings.HasPrefix(query, "INSERT INTO events") {
		p.counts.Inserts++
	}
	close(p.changed)
	p.changed = make(chan struct{})
	if p.choose == nil {
		return Pass
	}
	return p.choose(query)
}

// All does the same to every request from now on.
func (p *Proxy) All(a Action) { p.Choose(func(string) Action { return a }) }

// Inserts does a to INSERTs of events from now on and lets everything else pass.
func (p *Proxy) Inserts(a Action) {
	p.Choose(func(query string) Action {
		if strings.HasPrefix(query, "INSERT INTO events") {
			return a
		}
		return Pass
	})
}

// Choose has every request from now on judged by its query.
func (p *Proxy) Choose(choose func(query string) Action) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.choose = choose
}

// Counts are the requests so far.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// Await returns when the counts are as wanted; the test fails when that takes half a minute.
func (p *Proxy) Await(t testing.TB, what string, wanted func(Counts) bool) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		p.mu.Lock()
		counts, changed := p.counts, p.changed
		p.mu.Unlock()
		if wanted(counts) {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("waited in vain for %s: %+v", what, counts)
		}
	}
}
