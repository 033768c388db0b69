package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	// failsAfter is how long loading may fail before /readyz says so.
	failsAfter = 5 * time.Second
	// lagsAfter is how long an accepted event may wait, although no attempt fails.
	lagsAfter = time.Minute
)

// health is what /readyz asks and shows. Accepting does not depend on ClickHouse: that is what the spool is for. So a service whose
// ClickHouse is away stays ready while there is room, and says that it does not load.
func (s *service) health() health {
	return health{
		accepting: []check{
			{"spool", func(context.Context) error {
				if err := s.spool.Room(); err != nil {
					return reason(err.Error()) // senders are told the same
				}
				return nil
			}},
		},
		loading: []check{
			{"engine", func(ctx context.Context) error {
				if err := s.db.Exec(ctx, "SELECT 1"); err != nil {
					return reason("ClickHouse does not answer; events are kept in the spool")
				}
				return nil
			}},
			{"loader", s.loaderCheck},
		},
		refused: func() int { return s.spool.Status().Refused },
	}
}

func (s *service) loaderCheck(context.Context) error {
	now := time.Now()
	if err, since := s.loader.Failing(); err != nil && now.Sub(since) > failsAfter {
		return reason(fmt.Sprintf("segments have not been loaded for %s; the log says why", now.Sub(since).Round(time.Second)))
	}
	if segment, running := s.loader.Slow(); running > 0 {
		return reason(fmt.Sprintf("the segment %d has been loading for %s", segment, running.Round(time.Second)))
	}
	if oldest := s.spool.Status().OldestWaiting; !oldest.IsZero() && now.Sub(oldest) > max(lagsAfter, 2*s.cfg.Spool.Linger) {
		return reason(fmt.Sprintf("the oldest accepted event waits for %s", now.Sub(oldest).Round(time.Second)))
	}
	return nil
}

// drainPath is on the local socket only: it answers when everything accepted before it is in the database.
const drainPath = "/local/drain"

// localHandler is the API plus what only our own commands on this machine may ask.
func (s *service) localHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.handler)
	mux.HandleFunc("GET "+wherePath, s.answerWhere)
	mux.HandleFunc("POST "+erasePath, answerJSON(s, s.erase))
	mux.HandleFunc("POST "+drainPath, func(w http.ResponseWriter, r *http.Request) {
		if err := s.waitResolved(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		s.flushQuarantine(r.Context())
		w.WriteHeader(http.StatusNoContent)
	})
	s.spoolRoutes(mux)
	s.funnelRoutes(mux)
	s.trustRoutes(mux)
	s.tierRoutes(mux)
	s.identityRoutes(mux)
	mux.HandleFunc("POST "+definitionsPath, answerJSON(s, s.applyDefinitions))
	return mux
}
