package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// stuckAfter is how long the loader may fail before the service says that it is not ready: longer than ClickHouse needs to restart.
const stuckAfter = 30 * time.Second

// checks are what /readyz asks. Migrations need no check of their own: the routes exist only after them.
func (s *service) checks() []check {
	return []check{
		{"engine", func(ctx context.Context) error { return s.db.Exec(ctx, "SELECT 1") }},
		{"spool", func(context.Context) error { return s.spool.Status().LastWriteFailed }},
		{"loader", func(context.Context) error {
			if err, since := s.loader.Failing(); err != nil && time.Since(since) > stuckAfter {
				return fmt.Errorf("since %s: %w", since.Format(time.RFC3339), err)
			}
			return nil
		}},
	}
}

// drainPath is on the local socket only: it answers when everything accepted before it is in the database.
const drainPath = "/local/drain"

// localHandler is the API plus what only our own commands on this machine may ask.
func (s *service) localHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.handler)
	mux.HandleFunc("POST "+drainPath, func(w http.ResponseWriter, r *http.Request) {
		if err := s.waitLoaded(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		s.flushQuarantine(r.Context())
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}
