package main

import (
	"context"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/ingest/loader"
	"github.com/livello/livello/ingest/quarantine"
)

// startQuarantine opens the store of rejected records and moves them into their table until the service stops.
func (s *service) startQuarantine(_ context.Context, registry *prometheus.Registry) error {
	store, err := quarantine.Open(quarantine.Options{
		Dir: filepath.Join(s.cfg.Data, "quarantine"), DB: s.db, MaxBytes: int64(s.cfg.Quarantine.MaxBytes), Refused: loader.Refused, Registry: registry, Logger: s.log,
	})
	if err != nil {
		return err
	}
	s.quarantine = store
	s.onStop("quarantine", func(ctx context.Context) error {
		if err := store.Flush(ctx); err != nil {
			s.log.Warn("stopped with rejected records waiting; they are inserted after the next start", "error", err)
		}
		return store.Close()
	})
	s.background("quarantine", store.Run)
	return nil
}

// flushQuarantine has what was rejected so far inserted. Nothing depends on it: what fails now is tried again by itself.
func (s *service) flushQuarantine(ctx context.Context) {
	if err := s.quarantine.Flush(ctx); err != nil {
		s.log.Warn("rejected records wait to be inserted", "error", err)
	}
}
