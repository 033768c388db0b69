package identity

import (
	"context"
	"fmt"
	"math"

	"github.com/livello/livello/internal/background"
)

// Pause waits for what the resolver is doing and keeps it from beginning anything until resume is called, so that evidence can be taken away
// under it. What it remembers of evidence is forgotten then: the same evidence may come again. Ids that other evidence has to be followed for are
// put into touched_edges by whoever took some away.
func (r *Resolver) Pause(ctx context.Context) (resume func(), err error) {
	release, err := background.Hold(ctx, &r.one)
	if err != nil {
		return nil, fmt.Errorf("wait for the resolver of identities: %w", err)
	}
	return func() {
		r.seen.forget()
		r.progress.decisions = math.MaxUint64 // decisions may have been taken away: what is left of them is followed again
		release()
	}, nil
}
