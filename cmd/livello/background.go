package main

import (
	"context"
	"sync"

	"github.com/livello/livello/internal/lease"
)

// milestone is something that happens once, and that is waited for.
type milestone struct {
	once    sync.Once
	reached chan struct{} // closed when it has happened
}

func newMilestone() *milestone { return &milestone{reached: make(chan struct{})} }

// reach says that it has happened; doing so again changes nothing.
func (m *milestone) reach() { m.once.Do(func() { close(m.reached) }) }

// isReached says whether it has happened.
func (m *milestone) isReached() bool {
	select {
	case <-m.reached:
		return true
	default:
		return false
	}
}

// background has run go on beside the rest, from when the database is prepared until the service stops. run returns when its context ends; a
// service that stops waits for that no longer than the step may take.
func (s *service) background(name string, run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-s.prepared.reached:
			run(ctx)
		case <-ctx.Done():
		}
	}()
	s.onStop(name, func(stopping context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-stopping.Done():
			return stopping.Err()
		}
	})
}

// alone has run go on in one of the services on the database at a time: in this one whenever it holds the lease. An engine of our own has no other service,
// because the folder is locked.
func (s *service) alone(name string, run func(context.Context)) func(context.Context) {
	if s.cfg.DSN == "" {
		return run
	}
	holding := &lease.Lease{DB: s.db, Name: name, Logger: s.log}
	return func(ctx context.Context) { holding.While(ctx, run) }
}
