package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/trust"
)

// noteBackfills is a part of prepare: nothing is loaded yet, so what the new rollups of an update lack is what is in events now.
func (s *service) noteBackfills(ctx context.Context) error {
	lacking, err := (&trust.Backfiller{Rebuilder: &trust.Rebuilder{DB: s.db}}).Note(ctx)
	if err != nil || len(lacking) == 0 {
		return err
	}
	s.lacking.Store(true)
	help := "the service fills it in, month by month"
	if s.cfg.DSN != "" {
		help = "several services may load this ClickHouse, so it is left to you: livello rebuild --all --table NAME while one of them loads; a cluster cannot be filled in from one node"
	}
	s.log.Info("rollups of an update lack history", "rollups", sayLacking(lacking), "months_left", len(lacking), "help", help)
	return nil
}

// lacksHistory says that what is evaluated of people is being filled with history. It goes on saying so while the database does not answer.
func (s *service) lacksHistory(ctx context.Context) bool {
	if !s.lacking.Load() || s.cfg.DSN != "" {
		return false
	}
	lacking, err := trust.ReadLacking(ctx, s.db)
	if err != nil || ofPeople(slices.DeleteFunc(lacking, func(l trust.Lacking) bool { return !l.Expected() })) {
		return s.lacking.Load()
	}
	s.lacking.Store(false)
	return false
}

// historyExpected is told which months are lacking that are not given up. Nobody waits for others: one month that cannot be filled would keep everybody's
// tier as it was, for good, for the sake of what it adds to theirs. When it is filled after all, its people are evaluated again.
func (s *service) historyExpected(lacking []trust.Lacking) {
	if !ofPeople(lacking) && s.lacking.Swap(false) {
		s.log.Info("people have the history that is to be expected")
	}
}

// ofPeople says that one of the months is of what people are evaluated by.
func ofPeople(lacking []trust.Lacking) bool {
	return slices.ContainsFunc(lacking, func(l trust.Lacking) bool {
		return strings.HasPrefix(l.Table, "person_") || l.Table == "identity_edges"
	})
}

// historyFilled has what is derived from the tables computed again.
func (s *service) historyFilled(ctx context.Context, tables []string) error {
	if slices.Contains(tables, "identity_edges") { // nobody is evaluated before everybody has been decided about
		if _, err := s.resolver.Tick(ctx); err != nil {
			return fmt.Errorf("decide about identities anew: %w", err)
		}
	}
	return s.funnel.Anew(ctx)
}

// startBackfill gives the new rollups of an update their history until the service stops; the next one goes on. A service without doors, which answers
// one command, leaves it to one that stays. With a ClickHouse server it is left to people: no service can make the loaders of others wait, and what
// these load while a month is swapped in would be missing from it.
func (s *service) startBackfill(_ context.Context, registry *prometheus.Registry) error {
	if !s.serving || s.cfg.DSN != "" {
		return nil
	}
	backfiller := &trust.Backfiller{Rebuilder: s.rebuilder, Busy: s.catchingUp, Filled: s.historyFilled, Expected: s.historyExpected, Logger: s.log}
	s.background("backfill", func(ctx context.Context) { backfiller.Run(ctx, registry) })
	return nil
}
