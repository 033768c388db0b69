package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// Whatever the network reaches wants a key, but for what tells nothing.
func TestNoRouteWithoutAKey(t *testing.T) {
	t.Parallel()
	_, dsn := server(t)
	cfg := defaults()
	cfg.Data, cfg.DSN, cfg.Verify.Every = filepath.Join(t.TempDir(), "data"), dsn, 0
	s, err := startService(t.Context(), &cfg, slog.New(slog.DiscardHandler), closed)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	open := map[string]string{"GET /": `"health":"/healthz"`, "GET /healthz": "ok", "GET /readyz": `"ready":`}
	routes := s.handler.(*echo.Echo).Routes()
	if len(routes) < 30 {
		t.Errorf("only %d routes: %v", len(routes), routes)
	}
	for _, r := range routes {
		if r.Method == http.MethodOptions { // what a browser asks before it sends
			continue
		}
		route := r.Method + " " + r.Path
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, httptest.NewRequest(r.Method, strings.NewReplacer(":id", "ada", ":name", "totals").Replace(r.Path), strings.NewReader("{}")))
		says, isOpen := open[route]
		delete(open, route)
		if isOpen && (w.Code != http.StatusOK || !strings.Contains(w.Body.String(), says)) || !isOpen && w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a key: %d %s", route, w.Code, w.Body)
		}
		if version := buildVersion(); isOpen && strings.Contains(w.Body.String(), version) {
			t.Errorf("%s tells the version", route)
		}
	}
	if len(open) > 0 {
		t.Errorf("there is no route %v", open)
	}
}
