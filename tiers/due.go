package tiers

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Due evaluates everybody whose state may have changed by itself, and everybody whose state other definitions have decided. between is called
// between two batches, so that those with news do not wait for all who are due; it may be nil.
func (e *Evaluator) Due(ctx context.Context, between func(context.Context) error) (done Evaluated, err error) {
	began := time.Now()
	list, at := uuid.New(), e.now()
	if err := e.do(ctx, "list_due", named("list", list.String()), moment("at", at)); err != nil {
		return done, err
	}
	done, err = e.evaluateList(ctx, list, kind{clock: "due", at: at}, between)
	done.Seconds = time.Since(began).Seconds()
	return done, err
}
