package tiers

import (
	"context"
	"time"

	"github.com/livello/livello/internal/background"
)

const (
	newsEvery = 500 * time.Millisecond // Run rests this long at least
	dueEvery  = 20 * time.Second       // the clock of time is looked at no more often
)

// Run evaluates until ctx ends: people with news whenever there is some, and those who are due every now and then. Errors are logged and counted, and it
// tries again: what was not done stays in the queue.
func (e *Evaluator) Run(ctx context.Context) {
	lastDue := time.Time{}
	background.Loop{
		Every: newsEvery, Look: e.Look, News: e.News, Busy: e.Busy,
		Failed: func(err error) {
			e.logger().Warn("tiers cannot be evaluated now; it is tried again until it works, and nothing is left out", "error", err)
		},
		Works: func() { e.logger().Info("tiers are evaluated again") },
	}.Run(ctx, func(ctx context.Context) error {
		began := time.Now()
		err := e.tick(ctx)
		if err == nil && began.Sub(lastDue) >= dueEvery {
			if err = e.due(ctx); err == nil {
				lastDue = began
			}
		}
		if err != nil && ctx.Err() == nil {
			e.metrics().failures.Inc()
		}
		return err
	})
}

// Forget has the next tick read from the database how far evaluations are: another evaluator may have been at it.
func (e *Evaluator) Forget() {
	e.queue.Lock()
	defer e.queue.Unlock()
	e.turn.Lock()
	defer e.turn.Unlock()
	e.started, e.version, e.place = false, 0, place{}
}

// tick is Tick, and says in the log what took long.
func (e *Evaluator) tick(ctx context.Context) error {
	done, err := e.Tick(ctx)
	if err == nil && (done.People >= batchSize || done.Seconds > 2) {
		e.logger().Info("tiers of people with news evaluated", "people", done.People, "changes", done.Changes, "seconds", done.Seconds)
	}
	return err
}

// due is Due with ticks between its batches.
func (e *Evaluator) due(ctx context.Context) error {
	lastTick := time.Now()
	done, err := e.Due(ctx, func(ctx context.Context) error {
		if time.Since(lastTick) < newsEvery {
			return nil
		}
		defer func() { lastTick = time.Now() }()
		return e.tick(ctx)
	})
	if err != nil {
		return err
	}
	e.metrics().due.SetToCurrentTime()
	if done.People >= batchSize {
		e.logger().Info("tiers of people who were due evaluated", "people", done.People, "changes", done.Changes, "seconds", done.Seconds)
	}
	return nil
}
