package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// /readyz says what is accepted and loaded, names the parts that fail, and shows nothing of why unless it may: it needs no key.
func TestReadyzNamesWhatFails(t *testing.T) {
	var accepts, loads error
	refused := 0
	e := echo.New()
	healthRoutes(e, health{
		accepting: []check{{"spool", func(context.Context) error { return accepts }}},
		loading:   []check{{"loader", func(context.Context) error { return loads }}},
		refused:   func() int { return refused },
	})
	ask := func(path string) (int, string) {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	for _, step := range []struct {
		accepts, loads error
		refused        int
		path           string
		status         int
		says           string
	}{
		{nil, nil, 0, "/readyz", 200, `{"ready":true,"accepting":true,"loading":true}`},
		{nil, nil, 2, "/readyz?loading=1", 200, `"refused_segments":2`},
		{nil, errors.New("password of the server is wrong"), 0, "/readyz", 200, `"accepting":true,"loading":false,"failing":["loader"]`},
		{nil, reason("the oldest waits"), 0, "/readyz?loading=1", 503, `"reasons":{"loader":"the oldest waits"}`},
		{reason("the spool is full"), nil, 0, "/readyz", 503, `{"ready":false,"accepting":false,"loading":true,"failing":["spool"]`},
	} {
		accepts, loads, refused = step.accepts, step.loads, step.refused
		status, body := ask(step.path)
		if status != step.status || !strings.Contains(body, step.says) || strings.Contains(body, "password") {
			t.Errorf("%s: %d %s, want %d with %s", step.path, status, body, step.status, step.says)
		}
	}
	if status, _ := ask("/healthz"); status != 200 {
		t.Errorf("the process is alive: %d", status)
	}
}

// A check that hangs is one that fails: the prober gets its answer.
func TestReadyzDoesNotHang(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	cancel()
	if errs := runChecks(ctx, []check{{"engine", hangs}}); errs[0] == nil {
		t.Error("a check that was cut off counts as passed")
	}
}
