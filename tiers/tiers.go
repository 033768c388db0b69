// Package tiers keeps person_states and tier_history up to date: who behaves like a buyer now, why, and since when.
//
// What a state is, the view person_states_at says, from the definitions; this package says of whom and when. Two clocks do:
//
//   - News: people with new events, or whose ids were joined or separated, are in the queue touched_ids. Tick evaluates them, at a cost in
//     proportion to their number.
//   - Time: windows move on and ages grow without any event. Each state carries the moment at which it may change by itself, due_at;
//     Due evaluates those whose moment has come, and everybody once after the definitions changed.
//
// Everything happens in SQL, a batch of people at a time, and no person's data comes through this program. A batch is four statements:
//
//  1. its people's ids go into evaluation_scope;
//  2. their states are written;
//  3. states of ids that are no person of their own any more are taken away;
//  4. states that differ from the last one in tier_observations, which tier_history is made of, are written there.
//
// Each may be the last one before the process is killed. What was written stays right: an evaluation has no memory but these tables, the queue's
// place is written last, and the fourth statement compares what is in the tables, so it is made up for at the next start (Mend).
// Versions of states count up by evaluation, so a clock that steps in either direction changes nothing but the moment that is looked at.
//
// One evaluator works on a database at a time.
package tiers

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/livello/livello/internal/background"
)

// DB is what this package needs of a connection; clickhouse-go's driver.Conn is one.
type DB interface {
	Exec(ctx context.Context, query string, args ...any) error
	QueryRow(ctx context.Context, query string, args ...any) driver.Row
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
}

// Evaluator evaluates people. Its methods may be called at the same time; batches take turns.
type Evaluator struct {
	DB DB
	// Identity brings the map of ids to people up to date, before the queue is looked at. It may be nil.
	Identity func(context.Context) error
	// Busy says that events wait to be loaded: then evaluation works with one thread and rests between batches. It may be nil.
	Busy func() bool
	// News wakes Run: there may be somebody in the queue. nil: Run looks by itself.
	News *background.Signal
	// Look is how often Run looks although nobody sent news, at the queue and at who is due; 0: twice a second.
	Look   time.Duration
	Logger *slog.Logger
	// Now is the clock of evaluations; nil is time.Now.
	Now func() time.Time
	// Threads is with how many threads a statement is answered at most; 0 is as many as ClickHouse takes for others.
	Threads int
	// Batch is how many people are evaluated at once at most; 0 is 20,000.
	Batch int
	// Written is told that states of up to a version are in person_states, and that no more of them will come. It must not take long. It may be nil.
	Written func(version uint64)
	Metrics *Metrics

	queue    sync.Mutex         // one reader of the queue
	turn     sync.Mutex         // one batch at a time
	version  uint64             // of the last evaluation; 0 before the tables were asked
	started  bool               // this process has mended what the last one left
	place    place              // in the queue
	replays  sync.Mutex         // one replay at a time
	step     func(string) error // before each statement, for tests
	patience time.Duration      // how long Tick waits for inserts that were going on when it looked at the queue; 0: two seconds
	// renewAfter is for how long a list is good, for tests; 0: renewAfter.
	renewAfter time.Duration
}

// Evaluated says what a call has done.
type Evaluated struct {
	People  int     `json:"people"`  // evaluated
	Changes int     `json:"changes"` // of them, written into tier_observations: another tier or micro-segment, or across two or three criteria
	Seconds float64 `json:"seconds"`
}

func (e *Evaluated) add(o Evaluated) {
	e.People += o.People
	e.Changes += o.Changes
}

//go:embed sql/*.sql
var files embed.FS

func statement(name string) (string, error) {
	text, err := files.ReadFile(path.Join("sql", name+".sql"))
	if err != nil {
		return "", fmt.Errorf("statement %s: %w", name, err)
	}
	return string(text), nil
}

// do runs a statement of sql/.
func (e *Evaluator) do(ctx context.Context, name string, args ...any) error {
	return e.doIn(ctx, "person_states", name, args...)
}

// doIn runs a statement of sql/ on another table of states. Between any two statements a test may end the process, so to speak.
func (e *Evaluator) doIn(ctx context.Context, states, name string, args ...any) error {
	if e.step != nil {
		if err := e.step(name); err != nil {
			return err
		}
	}
	text, err := statement(name)
	if err != nil {
		return err
	}
	text = strings.ReplaceAll(text, "person_states ", states+" ")
	if err := e.DB.Exec(e.gently(ctx), text, args...); err != nil {
		return fmt.Errorf("evaluation, %s: %w", strings.ReplaceAll(name, "_", " "), err)
	}
	return nil
}

// gently leaves processors to others: all but one to loading while events wait, and a turn to each INSERT of events that comes meanwhile.
func (e *Evaluator) gently(ctx context.Context) context.Context {
	if e.Busy != nil && e.Busy() {
		return background.AfterLoading(ctx, 1)
	}
	return background.AfterLoading(ctx, e.Threads)
}

func (e *Evaluator) now() time.Time {
	if e.Now == nil {
		return time.Now().UTC()
	}
	return e.Now().UTC()
}

func (e *Evaluator) logger() *slog.Logger {
	if e.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Logger
}

func (e *Evaluator) metrics() *Metrics {
	if e.Metrics == nil {
		return noMetrics
	}
	return e.Metrics
}

func named(name string, value any) driver.NamedValue {
	return driver.NamedValue{Name: name, Value: value}
}

// everybody is the batch that stands for all people in the views.
var everybody = uuid.Nil

// milliseconds is how times go to the database.
const milliseconds = "2006-01-02 15:04:05.000"

func moment(name string, t time.Time) driver.NamedValue {
	return named(name, t.UTC().Format(milliseconds))
}
