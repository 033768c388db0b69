// Package background is what work that goes on by itself has in common: it sleeps, rests from what it did, is woken when there is something to do, and
// waits for its turn, none of it longer than its context.
package background

import (
	"context"
	"time"
)

// Sleep waits for d. The error is ctx's, which may end before.
func Sleep(ctx context.Context, d time.Duration) error {
	return Wait(ctx, nil, d)
}

const (
	// gentler is how many times longer work rests while something more urgent needs the processors.
	gentler = 10
	// look is how often is asked whether it still does.
	look = 500 * time.Millisecond
)

// Rest waits after work that took so long: for every, or as long as it took if that is more, so that it has half of a processor at most. While
// busy says that something more urgent needs the processors, it waits up to ten times as long, and no longer than that is so. busy may be nil. The error is ctx's.
func Rest(ctx context.Context, every, took time.Duration, busy func() bool) error {
	least := max(every, took)
	if err := Sleep(ctx, least); err != nil {
		return err
	}
	for left := (gentler - 1) * least; left > 0 && busy != nil && busy(); left -= look {
		if err := Sleep(ctx, min(look, left)); err != nil {
			return err
		}
	}
	return nil
}
