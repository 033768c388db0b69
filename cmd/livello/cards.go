package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/profile"
	"github.com/livello/livello/profile/cards"
)

// cardsFolder is the copy of person_states in a data folder.
const cardsFolder = "profiles"

// startCards keeps a copy of where people stand, for profiles. With a ClickHouse server there is none: other services may evaluate people, too.
func (s *service) startCards(ctx context.Context, registry *prometheus.Registry) error {
	if s.cfg.DSN != "" {
		return nil
	}
	s.cards = cards.Open(cards.Options{
		Dir: filepath.Join(s.cfg.Data, cardsFolder), DB: s.db, Busy: s.catchingUp, Metrics: cards.NewMetrics(registry), Logger: s.log,
	})
	s.onStop("copy of profiles", func(context.Context) error { return s.cards.Close() })
	if !s.serving { // nobody asks, and nobody evaluates
		return nil
	}
	if err := s.cards.Check(ctx); err != nil { // before anybody is evaluated; it is tried again
		s.log.Warn("the copy of profiles could not be compared with the warehouse", "error", err)
	}
	s.background("copy of profiles", s.cards.Run)
	return nil
}

// takeOver adds what was loaded to the copy of what people did last.
func (s *service) takeOver(seg *spool.Segment) {
	if s.cards != nil {
		s.cards.Take(seg.First, seg.Last, seg.Blocks)
	}
}

// forgetTimeout is longer than it takes to write the copy of some million people again.
const forgetTimeout = 5 * time.Minute

// forgetCards takes a person with these ids out of the copy, whose rows are gone from person_states.
func (s *service) forgetCards(ids []string) (removed uint64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), forgetTimeout)
	defer cancel()
	n, err := s.cards.Forget(ctx, ids)
	return uint64(n), err
}

// profiles reads what is known of one person.
func (s *service) profiles() *profile.Reader {
	if s.cards == nil {
		return profile.NewReader(s.db, nil)
	}
	return profile.NewReader(s.db, s.cards)
}
