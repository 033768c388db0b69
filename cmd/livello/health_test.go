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

// /readyz names the parts that fail, and nothing of why: it needs no key.
func TestReadyzNamesWhatFails(t *testing.T) {
	var broken error
	e := echo.New()
	healthRoutes(e, []check{
		{"engine", func(context.Context) error { return nil }},
		{"loader", func(context.Context) error { return broken }},
	})
	ask := func(path string) (int, string) {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	if status, body := ask("/readyz"); status != 200 || !strings.Contains(body, `"ready":true`) {
		t.Errorf("all is well: %d %s", status, body)
	}
	broken = errors.New("password of the server is wrong")
	if status, body := ask("/readyz"); status != 503 || !strings.Contains(body, `"failing":["loader"]`) || strings.Contains(body, "password") {
		t.Errorf("the loader fails: %d %s", status, body)
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
