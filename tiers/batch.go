package tiers

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// batchSize is how many people are evaluated at once unless Batch says otherwise: memory is a matter of this number, not of how many people there are.
const batchSize = 20_000

// kind is what an evaluation is for.
type kind struct {
	clock  string // news, due or replay, for metrics
	at     time.Time
	replay bool // of the past: states go into tier_replay, and only what was observed before counts
}

// never is later than anything that was observed.
var never = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

func (k kind) before() time.Time {
	if k.replay {
		return k.at
	}
	return never
}

// states is the table that states are kept in.
func (k kind) states() string {
	if k.replay {
		return "tier_replay"
	}
	return "person_states"
}

// evaluateList evaluates the people behind the ids that are listed in evaluation_scope under list, a batch at a time. Between two batches others have
// their turn, and loading too when it is behind.
func (e *Evaluator) evaluateList(ctx context.Context, list uuid.UUID, k kind, between func(context.Context) error) (done Evaluated, err error) {
	var ids uint64
	if err := e.DB.QueryRow(ctx, "SELECT count() FROM evaluation_scope WHERE batch = {list:UUID}", named("list", list.String())).Scan(&ids); err != nil {
		return done, fmt.Errorf("count a list: %w", err)
	}
	size := uint64(batchSize)
	if e.Batch > 0 {
		size = uint64(e.Batch)
	}
	shares := (ids + size - 1) / size
	for share := range shares {
		began := time.Now()
		one, err := e.evaluateShare(ctx, list, share, shares, k)
		if err != nil {
			return done, err
		}
		done.add(one)
		if share+1 == shares {
			break
		}
		if e.Busy != nil && e.Busy() {
			if err := pause(ctx, time.Since(began)); err != nil {
				return done, err
			}
		}
		if between != nil {
			if err := between(ctx); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// evaluateShare evaluates one of the shares that a list is cut into.
func (e *Evaluator) evaluateShare(ctx context.Context, list uuid.UUID, share, shares uint64, k kind) (done Evaluated, err error) {
	e.turn.Lock()
	defer e.turn.Unlock()
	if err := e.nextVersion(ctx); err != nil {
		return done, err
	}
	began := time.Now()
	batch := named("batch", uuid.NewString())
	at, before, version := moment("at", k.at), moment("before", k.before()), named("version", e.version)
	if err := e.do(ctx, "scope", at, batch, named("list", list.String()), named("share", share), named("shares", shares)); err != nil {
		return done, err
	}
	if err := e.doIn(ctx, k.states(), "states", at, before, batch, version); err != nil {
		return done, err
	}
	if err := e.doIn(ctx, k.states(), "gone", at, batch, version); err != nil {
		return done, err
	}
	if err := e.doIn(ctx, k.states(), "observe", at, before, batch, version, named("replayed", k.replay)); err != nil {
		return done, err
	}
	text, err := statement("evaluated")
	if err != nil {
		return done, err
	}
	var people, changes uint64
	if err := e.DB.QueryRow(ctx, text, batch, version).Scan(&people, &changes); err != nil {
		return done, fmt.Errorf("count an evaluation: %w", err)
	}
	done = Evaluated{People: int(people), Changes: int(changes)}
	e.metrics().evaluated(k.clock, done, time.Since(began))
	return done, nil
}

// nextVersion counts evaluations up, from the greatest number in the tables.
func (e *Evaluator) nextVersion(ctx context.Context) error {
	if e.version == 0 {
		text, err := statement("last_version")
		if err != nil {
			return err
		}
		if err := e.DB.QueryRow(ctx, text).Scan(&e.version); err != nil {
			return fmt.Errorf("find the last evaluation: %w", err)
		}
	}
	e.version++
	return nil
}

// mend writes into tier_observations what a process that was killed had put into person_states only. It is done once, at the start.
func (e *Evaluator) mend(ctx context.Context) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	if err := e.nextVersion(ctx); err != nil {
		return err
	}
	return e.do(ctx, "observe", moment("at", e.now()), moment("before", never), named("batch", everybody.String()), named("version", e.version), named("replayed", false))
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
