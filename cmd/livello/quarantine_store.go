package main

import (
	"context"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/ingest/quarantine"
)

// startQuarantine opens the store of rejected records and moves them into their table until the service stops.
func (s *service) startQuarantine(_ context.Context, registry *prometheus.Registry) error {
	store, err := quarantine.Open(quarantine.Options{
		Dir: filepath.Join(s.cfg.Data, "quarantine"), DB: s.db, MaxBytes: int64(s.cfg.Quarantine.MaxBytes), Registry: registry, Logger: s.log,
	})
	if err != nil {
		return err
	}
	s.quarantine = store
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		store.Run(ctx)
	}()
	s.onStop("quarantine", func(ctx context.Context) error {
		cancel()
		<-done
		if err := store.Flush(ctx); err != nil {
			s.log.Warn("stopped with rejected records waiting; they are inserted after the next start", "error", err)
		}
		return store.Close()
	})
	return nil
}

// flushQuarantine has what was rejected so far inserted. Nothing depends on it: what fails now is tried again by itself.
func (s *service) flushQuarantine(ctx context.Context) {
	if err := s.quarantine.Flush(ctx); err != nil {
		s.log.Warn("rejected records wait to be inserted", "error", err)
	}
}
