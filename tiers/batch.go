package tiers

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/background"
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
//
// A batch is a run of people who are neighbours in the order of ids: a granule of a rollup holds a thousand rows, so that people picked at random from
// among a million cost fifteen times as much as neighbours do.
func (e *Evaluator) evaluateList(ctx context.Context, list uuid.UUID, k kind, between func(context.Context) error) (done Evaluated, err error) {
	people, err := e.cut(ctx, list, k.at)
	if err != nil {
		return done, err
	}
	for run, more := people.next(); more; run, more = people.next() {
		began := time.Now()
		if err := e.keep(ctx, people, run); err != nil {
			return done, err
		}
		one, err := e.evaluateRun(ctx, people.id, run.first, run.end, k)
		if err != nil {
			return done, err
		}
		done.add(one)
		if run.end == "" {
			break
		}
		if e.Busy != nil && e.Busy() {
			if err := background.Sleep(ctx, time.Since(began)); err != nil {
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

// evaluateRun evaluates the people behind the ids of a list from first to before end; an empty end is that of the list.
func (e *Evaluator) evaluateRun(ctx context.Context, list uuid.UUID, first, end string, k kind) (done Evaluated, err error) {
	e.turn.Lock()
	defer e.turn.Unlock()
	if err := e.nextVersion(ctx); err != nil {
		return done, err
	}
	began := time.Now()
	batch := named("batch", uuid.NewString())
	at, before, version := moment("at", k.at), moment("before", k.before()), named("version", e.version)
	if err := e.do(ctx, "scope", at, batch, named("list", list.String()), named("first", first), named("end", end)); err != nil {
		return done, err
	}
	if err := e.doIn(ctx, k.states(), "states", at, before, batch, version); err != nil {
		return done, err
	}
	if err := e.doIn(ctx, k.states(), "gone", at, batch, version); err != nil {
		return done, err
	}
	if e.Written != nil && !k.replay {
		e.Written(e.version)
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
