package tiers

import (
	"context"
	"fmt"
)

// Pause waits for the tick and the batch that go on, and keeps others from beginning until resume is called: rows of people can be taken away
// meanwhile, and no batch that had read them writes them again.
func (e *Evaluator) Pause(ctx context.Context) (resume func(), err error) {
	unlock := func() {
		e.turn.Unlock()
		e.queue.Unlock()
	}
	locked := make(chan struct{})
	go func() {
		e.queue.Lock() // in the order in which Tick takes them
		e.turn.Lock()
		select {
		case locked <- struct{}{}:
		case <-ctx.Done():
			unlock()
		}
	}()
	select {
	case <-locked:
		return unlock, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the evaluation of tiers: %w", ctx.Err())
	}
}
