package tiers

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Replayed says what a replay has done.
type Replayed struct {
	Days int `json:"days"`
	Evaluated
}

// Replay fills tier_history for days of the past whose events came later than they happened: the state of everybody at the end of each day, from
// what is known of the time until then. from is the first day, to the day after the last one; that must be over. Rows that an earlier replay wrote for
// these days are replaced, so a replay can be repeated; rows that were observed live stay, as what was known then.
//
// It goes through days as the live evaluation goes through time: whoever has events on a day, was joined to somebody on it, or is due by its end, is
// evaluated; on the first day everybody. Live evaluation goes on meanwhile. What is cut off is put right by another replay.
func (e *Evaluator) Replay(ctx context.Context, from, to time.Time) (done Replayed, err error) {
	const day = 24 * time.Hour
	if !from.Equal(from.Truncate(day)) || !to.Equal(to.Truncate(day)) {
		return done, fmt.Errorf("a replay goes from midnight to midnight UTC, not from %s to %s", from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
	}
	if !from.Before(to) {
		return done, fmt.Errorf("from %s is not before to %s", from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly))
	}
	if now := e.now(); to.After(now) {
		return done, fmt.Errorf("to %s: this day is not over before %s; the last day that can be replayed is yesterday, so to is at most %s",
			to.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly), now.Truncate(day).Format(time.DateOnly))
	}
	e.replays.Lock()
	defer e.replays.Unlock()
	began := time.Now()
	if e.Identity != nil {
		if err := e.Identity(ctx); err != nil {
			return done, fmt.Errorf("identity: %w", err)
		}
	}
	if err := e.do(ctx, "replay_begin"); err != nil {
		return done, err
	}
	if err := e.do(ctx, "replay_forget", moment("from", from), moment("to", to)); err != nil {
		return done, err
	}
	for at := from; at.Before(to); at = at.Add(day) {
		list, end := uuid.New(), at.Add(day-time.Second)
		if err := e.do(ctx, "list_day", named("list", list.String()), moment("at", end), named("first", at.Equal(from))); err != nil {
			return done, err
		}
		one, err := e.evaluateList(ctx, list, kind{clock: "replay", at: end, replay: true}, nil)
		if err != nil {
			return done, fmt.Errorf("replay %s: %w", at.Format(time.DateOnly), err)
		}
		done.add(one)
		done.Days++
		e.logger().Debug("tiers of a day replayed", "day", at.Format(time.DateOnly), "people", one.People, "changes", one.Changes)
	}
	// Whoever has another past now may be in their tier since another time.
	if err := e.do(ctx, "replay_touch", moment("from", from), moment("to", to)); err != nil {
		return done, err
	}
	if err := e.do(ctx, "replay_begin"); err != nil {
		return done, err
	}
	done.Seconds = time.Since(began).Seconds()
	e.logger().Info("tiers replayed", "from", from.Format(time.DateOnly), "to", to.Format(time.DateOnly), "days", done.Days, "evaluations", done.People, "changes", done.Changes, "seconds", done.Seconds)
	return done, nil
}
