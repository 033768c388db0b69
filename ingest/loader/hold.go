package loader

import (
	"context"
	"fmt"
)

// Hold waits until no segment is being loaded and keeps the next one from beginning until release is called: then every segment is
// in ClickHouse with its views and receipts, or not at all. Accepting goes on. After a start it also waits for the first
// segment that the spool had kept: the process before may have been cut off in the middle of it. Only one Hold at a time gets
// through. The error is ctx's; release may be called more than once.
func (l *Loader) Hold(ctx context.Context) (release func(), err error) {
	if err := l.take(ctx); err != nil {
		return nil, fmt.Errorf("hold the loader between two segments: %w", err)
	}
	released := false
	return func() {
		if !released {
			released = true
			l.turn <- struct{}{}
		}
	}, nil
}

// take waits for the turn: whoever has it, the loader for a segment or a Hold, is alone.
func (l *Loader) take(ctx context.Context) error {
	select {
	case <-l.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
