package main

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/livello/livello/erasure"
	"github.com/livello/livello/ingest/quarantine"
	"github.com/livello/livello/ingest/spool"
)

// Routes of the local socket for `livello spool`, and of what puts rejected records back: what changes the spool has to go through the process that has it open.
const (
	spoolListPath  = "/local/spool"
	spoolRetryPath = "/local/spool/retry"
	spoolDropPath  = "/local/spool/drop"
)

// spoolChange is the body of a retry or drop, and of the answer.
type spoolChange struct {
	Segments []uint64    `json:"segments"`
	Pieces   []string    `json:"pieces,omitempty"`   // torn and damaged files
	Rejected []uuid.UUID `json:"rejected,omitempty"` // files of rejected records
	All      bool        `json:"all,omitempty"`      // retry: everything that is set aside
	Count    int         `json:"count,omitempty"`    // how many were changed
}

// apply does to segments, pieces of them and files of rejected records what is asked, and answers to how many. No number or id means all of them, but no pieces.
func (c *spoolChange) apply(segments func(...uint64) (int, error), pieces func(...string) (int, error), rejected func(...uuid.UUID) (int, error)) (n int, err error) {
	if c.All || len(c.Segments) > 0 {
		if n, err = segments(c.Segments...); err != nil {
			return n, err
		}
	}
	if len(c.Pieces) > 0 {
		some, err := pieces(c.Pieces...)
		if n += some; err != nil {
			return n, err
		}
	}
	if c.All || len(c.Rejected) > 0 {
		files, err := rejected(c.Rejected...)
		return n + files, err
	}
	return n, nil
}

func (s *service) spoolRoutes(mux *http.ServeMux) {
	answer := func(w http.ResponseWriter, what any, err error) {
		switch {
		case errors.Is(err, spool.ErrNotRefused), errors.Is(err, quarantine.ErrNotRefused):
			http.Error(w, err.Error(), http.StatusNotFound)
		case errors.Is(err, erasure.ErrAtWork):
			http.Error(w, err.Error(), http.StatusConflict)
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
		answer(w, withRejected(entries, s.quarantine.Refused()), err)
	})
	mux.HandleFunc("POST "+takeAgainPath, s.takeAgain)
	mux.HandleFunc("POST "+spoolRetryPath, change(func(c spoolChange) (int, error) {
		var n int
		err := s.eraser.Beside(func() (err error) { // or what is put back escapes the erasure
			n, err = c.apply(s.spool.PutBack, func(names ...string) (int, error) { return 0, noRetry(names) }, s.quarantine.PutBack)
			return err
		})
		if n > 0 {
			s.log.Info("refused files put back to be loaded", "files", n)
		}
		return n, err
	}))
	mux.HandleFunc("POST "+spoolDropPath, change(func(c spoolChange) (int, error) {
		n, err := c.apply(func(numbers ...uint64) (int, error) {
			return each(numbers, func(number uint64) error {
				if err := s.spool.Drop(number); err != nil {
					return err
				}
				s.log.Warn("refused segment dropped by the operator: its events are gone", "segment", number)
				return nil
			})
		}, func(names ...string) (int, error) {
			return each(names, func(name string) error {
				if err := s.spool.DropPiece(name); err != nil {
					return err
				}
				s.log.Warn("what recovery cut off or out was dropped by the operator", "file", name)
				return nil
			})
		}, s.quarantine.Drop)
		if len(c.Rejected) > 0 && err == nil {
			s.log.Warn("rejected records that were set aside dropped by the operator", "files", c.Rejected)
		}
		return n, err
	}))
}
