package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/identity"
)

// resolveEvery is how often new evidence of identity is followed. With the loader's time that is well within the two seconds after which an
// accepted event counts.
const resolveEvery = 500 * time.Millisecond

// startIdentity follows evidence of identity until the service stops, as soon as the database is there.
func (s *service) startIdentity(context.Context, *prometheus.Registry) error {
	s.resolver = identity.New(identity.Options{DB: s.db, Logger: s.log, Busy: s.catchingUp})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		look := time.NewTicker(resolveEvery)
		defer look.Stop()
		for !s.prepared.Load() {
			select {
			case <-look.C:
			case <-ctx.Done():
				return
			}
		}
		s.resolver.Run(ctx, resolveEvery)
	}()
	s.onStop("identity", func(context.Context) error {
		cancel()
		<-done
		return nil
	})
	return nil
}

// waitResolved returns when every event accepted before the call is in the database, and belongs to the person it is of.
func (s *service) waitResolved(ctx context.Context) error {
	if err := s.waitLoaded(ctx); err != nil {
		return err
	}
	if !s.prepared.Load() {
		return nil // nothing was ever loaded
	}
	if _, err := s.resolver.Tick(ctx); err != nil {
		return fmt.Errorf("wait for identities: %w", err)
	}
	return nil
}
