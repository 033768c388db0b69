package background

import (
	"context"
	"sync"
	"time"
)

// Signal tells whoever waits that something has happened. The zero value is ready; it is safe for concurrent use.
type Signal struct {
	mu   sync.Mutex
	next chan struct{}
}

// Next answers a channel that the next Send closes. Whoever takes it before looking what there is to do, and waits for it afterwards, misses nothing. Nobody
// sends on a nil Signal.
func (s *Signal) Next() <-chan struct{} {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = make(chan struct{})
	}
	return s.next
}

// Send wakes everybody who waits; on a nil Signal that is nobody.
func (s *Signal) Send() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != nil {
		close(s.next)
		s.next = nil
	}
}

// Wait waits until woken is closed, at most for d. A nil channel wakes nobody. The error is ctx's.
func Wait(ctx context.Context, woken <-chan struct{}, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-woken:
	case <-timer.C:
	}
	return nil
}
