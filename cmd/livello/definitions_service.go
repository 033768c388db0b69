package main

import (
	"context"
	"time"

	"github.com/livello/livello/definitions"
)

// definitions is the store of the service. The view over signals changes between two segments; history is recomputed by the rebuilder.
func (s *service) definitions() *definitions.Store {
	store := &definitions.Store{DB: s.db, Cluster: s.cfg.Cluster, Logger: s.log}
	if s.loader != nil { // before that nothing is loaded
		store.Hold = s.loader.Hold
	}
	if s.rebuilder != nil && s.cfg.Cluster == "" {
		store.Recompute = func(ctx context.Context) error {
			_, err := s.rebuilder.Rebuild(ctx, time.Time{}, time.Time{}, "person_signals")
			return err
		}
	}
	return store
}

// ensureDefinitions has definitions in place. The loader calls it while it holds itself, so nothing is loaded meanwhile.
func (s *service) ensureDefinitions(ctx context.Context) error {
	return (&definitions.Store{DB: s.db, Cluster: s.cfg.Cluster, Logger: s.log}).Ensure(ctx)
}

// settleDefinitions recomputes what an update of Livello, or an apply that was cut off, left to be recomputed.
func (s *service) settleDefinitions(ctx context.Context) {
	store := s.definitions()
	settled, err := store.Settled(ctx)
	if err == nil && !settled {
		s.log.Info("recomputing person_signals, because the definitions of signals or key pages have changed")
		err = store.Settle(ctx)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("person_signals is not yet what the definitions say of all history; the next start tries again, or `livello rebuild --all --table person_signals`", "error", err)
	}
}
