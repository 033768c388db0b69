package main

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/livello/livello/ingest/spool"
)

// Routes of the local socket for `livello spool`: what changes the spool has to go through the process that has it open.
const (
	spoolListPath  = "/local/spool"
	spoolRetryPath = "/local/spool/retry"
	spoolDropPath  = "/local/spool/drop"
)

// spoolChange is the body of a retry or drop, and of the answer.
type spoolChange struct {
	Segments []uint64 `json:"segments"`        // retry: none means all
	Count    int      `json:"count,omitempty"` // how many were changed
}

func (s *service) spoolRoutes(mux *http.ServeMux) {
	answer := func(w http.ResponseWriter, what any, err error) {
		switch {
		case errors.Is(err, spool.ErrNotRefused):
			http.Error(w, err.Error(), http.StatusNotFound)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		default:
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(what); err != nil {
				s.log.Debug("answer not sent", "error", err)
			}
		}
	}
	change := func(do func(spoolChange) (int, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var c spoolChange
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&c); err != nil {
				http.Error(w, "body: "+err.Error(), http.StatusBadRequest)
				return
			}
			var err error
			c.Count, err = do(c)
			answer(w, c, err)
		}
	}
	mux.HandleFunc("GET "+spoolListPath, func(w http.ResponseWriter, _ *http.Request) {
		entries, err := s.spool.List()
		answer(w, entries, err)
	})
	mux.HandleFunc("POST "+spoolRetryPath, change(func(c spoolChange) (int, error) {
		n, err := s.spool.PutBack(c.Segments...)
		if n > 0 {
			s.log.Info("segments put back to be loaded", "segments", n)
		}
		return n, err
	}))
	mux.HandleFunc("POST "+spoolDropPath, change(func(c spoolChange) (int, error) {
		for i, number := range c.Segments {
			if err := s.spool.Drop(number); err != nil {
				return i, err
			}
			s.log.Warn("refused segment dropped by the operator: its events are gone", "segment", number)
		}
		return len(c.Segments), nil
	}))
}
