package identity

import (
	"context"
	"fmt"
	"math"
)

// Pause waits for what the resolver is doing and keeps it from beginning anything until resume is called, so that evidence can be taken away
// under it. What it remembers of evidence is forgotten then: the same evidence may come again. Ids that other evidence has to be followed for are
// put into touched_edges by whoever took some away.
func (r *Resolver) Pause(ctx context.Context) (resume func(), err error) {
	locked := make(chan struct{})
	go func() {
		r.one.Lock()
		select {
		case locked <- struct{}{}:
		case <-ctx.Done():
			r.one.Unlock()
		}
	}()
	select {
	case <-locked:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the resolver of identities: %w", ctx.Err())
	}
	return func() {
		r.seen.forget()
		r.progress.decisions = math.MaxUint64 // decisions may have been taken away: what is left of them is followed again
		r.one.Unlock()
	}, nil
}
