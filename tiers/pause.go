package tiers

import (
	"context"
	"fmt"

	"github.com/livello/livello/internal/background"
)

// Pause waits for the tick and the batch that go on, and keeps others from beginning until resume is called: rows of people can be taken away
// meanwhile, and no batch that had read them writes them again.
func (e *Evaluator) Pause(ctx context.Context) (resume func(), err error) {
	resume, err = background.Hold(ctx, &e.queue, &e.turn) // in the order in which Tick takes them
	if err != nil {
		return nil, fmt.Errorf("wait for the evaluation of tiers: %w", err)
	}
	return resume, nil
}
