package tiers

import (
	"context"
	"time"
)

// How often the clocks are looked at. A tick's duration is waited before the next one when it is longer, ten times as long while many events wait to be
// loaded: so evaluation takes half, or a tenth, of a core's time at most, however much comes in.
const (
	newsEvery = 500 * time.Millisecond
	dueEvery  = 20 * time.Second
	retryMost = 30 * time.Second
)

// Run evaluates until ctx ends. Errors are logged and counted, and it tries again: what was not done stays in the queue.
func (e *Evaluator) Run(ctx context.Context) {
	wait, failing := time.Duration(0), false
	lastDue := time.Time{}
	tick := func(ctx context.Context) error {
		done, err := e.Tick(ctx)
		if err == nil && (done.People >= batchSize || done.Seconds > 2) {
			e.logger().Info("tiers of people with news evaluated", "people", done.People, "changes", done.Changes, "seconds", done.Seconds)
		}
		return err
	}
	for pause(ctx, wait) == nil {
		began := time.Now()
		err := tick(ctx)
		if err == nil && time.Since(lastDue) >= dueEvery {
			lastTick := time.Now()
			var done Evaluated
			done, err = e.Due(ctx, func(ctx context.Context) error {
				if time.Since(lastTick) < newsEvery {
					return nil
				}
				defer func() { lastTick = time.Now() }()
				return tick(ctx)
			})
			if err == nil {
				lastDue = began
				e.metrics().due.SetToCurrentTime()
			}
			if err == nil && done.People >= batchSize {
				e.logger().Info("tiers of people who were due evaluated", "people", done.People, "changes", done.Changes, "seconds", done.Seconds)
			}
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			e.metrics().failures.Inc()
			if wait = min(retryMost, max(newsEvery, 2*wait)); !failing {
				e.logger().Warn("tiers cannot be evaluated now; it is tried again until it works, and nothing is left out", "error", err)
			}
			failing = true
		default:
			if failing {
				e.logger().Info("tiers are evaluated again")
			}
			wait, failing = max(newsEvery, time.Since(began)), false
			if e.Busy != nil && e.Busy() {
				wait *= 10
			}
		}
	}
}
