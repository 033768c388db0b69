package funnel

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/livello/livello/internal/background"
)

// Pauses of Run: a computation may take a twentieth of the time, and a quiet warehouse is asked for news this often.
const (
	shortestPause = 5 * time.Second
	pauseFactor   = 20
	awayPause     = time.Minute
)

// Where people log in all the time, each tells of days long ago that have to be computed again. Those that were computed a short while ago
// wait, and no round of Run takes more of them than are computed in one go.
const (
	olderThan  = 2 * day // before today; younger ones are computed every time
	olderEvery = 10 * time.Minute
)

// rest is when Run computed the terms of customers and may do so again: they are of all history, with a twentieth of the time of their own.
type rest struct{ until time.Time }

// Run keeps the days up to date until ctx ends. While the database is away it says so once and goes on trying.
func (k *Keeper) Run(ctx context.Context) {
	defer func() { // another one may go on
		k.at.Set(0)
		k.waiting.Set(0)
	}()
	failing, pause := false, shortestPause // a process that ends at once has nothing to compute
	for background.Sleep(ctx, pause) == nil {
		began := time.Now()
		err := k.round(ctx)
		pause = max(shortestPause, pauseFactor*time.Since(began))
		switch {
		case err == nil:
			failing = false
		case ctx.Err() == nil:
			pause = max(pause, awayPause)
			if !failing {
				k.o.Logger.Warn("person-level terms of metrics are not computed; trying again", "error", err)
			}
			failing = true
		}
	}
}

// round is Tick, except that what is not urgent may wait.
func (k *Keeper) round(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	began := k.o.Now().UTC()
	due, err := k.news(ctx, began)
	if err != nil {
		return err
	}
	urgent := choose(due.days, began)
	if err := k.compute(ctx, urgent, began); err != nil {
		return err
	}
	if due.customers != nil && !began.Before(k.rested.until) {
		started := time.Now()
		if err := k.customers(ctx, *due.customers); err != nil {
			return err
		}
		due.customers = nil
		k.rested.until = began.Add(pauseFactor * time.Since(started))
	}
	k.waiting.Set(float64(len(due.days) - len(urgent)))
	if len(due.days) == len(urgent) && due.customers == nil {
		k.at.Set(float64(began.Unix()))
	}
	return nil
}

// choose are the days that are computed now: today and yesterday, and of the others those that were computed longest ago.
func choose(due []dueDay, now time.Time) []dueDay {
	var chosen, older []dueDay
	for _, d := range due {
		switch {
		case d.day.After(now.Truncate(day).Add(-olderThan)):
			chosen = append(chosen, d)
		case !d.at.After(now.Add(-olderEvery)) || d.at.After(now.Add(olderEvery)): // a clock may have been set back
			older = append(older, d)
		}
	}
	slices.SortStableFunc(older, func(a, b dueDay) int { return cmp.Or(a.at.Compare(b.at), b.day.Compare(a.day)) })
	return append(chosen, older[:min(len(older), atOnce)]...)
}
