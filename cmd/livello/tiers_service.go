package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/internal/background"
	"github.com/livello/livello/tiers"
)

// replayPath is on the local socket only.
const replayPath = "/local/tiers/replay"

// lookForHistory is how often is asked whether people have their history.
const lookForHistory = time.Second

// startTiers keeps identities and tiers up to date until the service stops, as soon as the database is there. Both are done by the same service, because the
// evaluator has the resolver work before it looks. A service without doors, which loads a file and goes, evaluates nobody: what it loads stays in the queue for
// the next one.
func (s *service) startTiers(_ context.Context, registry *prometheus.Registry) error {
	s.tiers = &tiers.Evaluator{DB: s.db, Logger: s.log, Metrics: tiers.NewMetrics(registry),
		Identity: func(ctx context.Context) error {
			if s.catchingUp() { // the resolver comes to it by itself
				return nil
			}
			_, err := s.resolver.Tick(ctx)
			return err
		},
		Busy: s.catchingUp, News: &s.news, Look: s.look(),
	}
	if s.cards != nil {
		s.tiers.Written = s.cards.Evaluated
	}
	s.tiers.Threads = s.threadsBeside()
	if !s.serving {
		return nil
	}
	s.background("people", s.alone("people", func(ctx context.Context) {
		s.resolver.Forget() // another service may have been at it
		s.tiers.Forget()
		var resolving sync.WaitGroup
		resolving.Go(func() { s.resolver.Run(ctx) })
		defer resolving.Wait()
		for s.lacksHistory(ctx) { // a tier that people had for a lack of history would stay in theirs
			if background.Sleep(ctx, lookForHistory) != nil {
				return
			}
		}
		s.tiers.Run(ctx)
	}))
	return nil
}

// catchingUp says that loading is behind by more than a moment, or that requests wait for one another: what only makes the past known sooner has
// to wait for them.
func (s *service) catchingUp() bool {
	return s.spool.Crowded() || s.spool.Status().WaitingRows > s.cfg.Spool.SegmentRows/4
}

// evaluateAgain puts those into the queue whose rollups were made again.
func (s *service) evaluateAgain(ctx context.Context, tables []string, first, last time.Time) error {
	if !slices.ContainsFunc(tables, func(table string) bool { return strings.HasPrefix(table, "person_") }) {
		return nil
	}
	defer s.news.Send()
	return s.tiers.TouchMonths(ctx, first, last)
}

func (s *service) tierRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST "+replayPath, answerJSON(s, s.replayTiers))
}

// replayRequest is what replayPath takes: days as 2026-03-01.
type replayRequest struct {
	From string `json:"from"` // the first
	To   string `json:"to"`   // the one after the last; empty: today
}

func (r replayRequest) days() (from, to time.Time, err error) {
	if from, err = parseTime("from", time.DateOnly, r.From); err != nil {
		return from, to, err
	}
	if from.IsZero() {
		return from, to, errors.New("say from which day: --from 2026-03-01")
	}
	if to, err = parseTime("to", time.DateOnly, r.To); err != nil {
		return from, to, err
	}
	if to.IsZero() {
		to = time.Now().UTC().Truncate(24 * time.Hour)
	}
	return from, to, nil
}

func (s *service) replayTiers(ctx context.Context, ask replayRequest) (tiers.Replayed, error) {
	from, to, err := ask.days()
	if err != nil {
		return tiers.Replayed{}, err
	}
	defer s.news.Send() // whoever has another past may be in their tier since another time
	return s.tiers.Replay(ctx, from, to)
}
