package funnel_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/funnel"
	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// interrupted is the database of a process in which something happens before one of its statements that change something.
type interrupted struct {
	*warehouse.Warehouse
	left   int    // statements before it; less than 0: it has happened
	before string // if not empty, only statements that have this in them count
	do     func() error
}

func (d *interrupted) Exec(ctx context.Context, query string, args ...any) error {
	if strings.Contains(query, d.before) {
		if d.left--; d.left == -1 {
			if err := d.do(); err != nil {
				return err
			}
		}
	}
	return d.Warehouse.Exec(ctx, query, args...)
}

var errKilled = errors.New("the process ended here")

// TestTwoKeepers has two services on one database. Before each of the statements of one of them the other one is told of a day that was made again,
// ids change hands, and the other one computes or the first one is killed. In the end what is kept is what all days give when they are computed anew.
// Every statement has days of its own, the earliest first, since what is computed for a day makes good only those behind it.
func TestTwoKeepers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := engine.Migrated(t)
	now := dayOf(time.Now()).Add(12 * time.Hour)
	decided := now.Add(-time.Hour)
	belongs := func(id, person string) error {
		decided = decided.Add(time.Minute)
		return db.Exec(ctx, "INSERT INTO person_map (distinct_id, person_id, since, at) VALUES (?, ?, '1980-01-01', ?)", id, person, stamp(decided))
	}
	keeper := func(db funnel.DB) *funnel.Keeper {
		return funnel.New(funnel.Options{DB: db, Now: func() time.Time { return now }})
	}
	if err := keeper(db).Tick(ctx); err != nil { // of nothing
		t.Fatal(err)
	}
	other := keeper(db)
	statements := 0
	for ; ; statements++ {
		n := statements
		at := now.AddDate(0, 0, 2*n-40)
		person, phone := fmt.Sprint("person ", n), fmt.Sprint("phone ", n)
		store(t, db, "", world{}, []did{
			{at: at, person: person, id: person, kind: "page_view", channel: "web"}, {at: at, person: phone, id: phone, kind: "page_view", channel: "web"},
			{at: at, person: phone, id: phone, kind: "purchase", channel: "store", value: 20, currency: "EUR"}})
		if err := belongs(phone, person); err != nil {
			t.Fatal(err)
		}
		first := &interrupted{Warehouse: db, left: n, do: func() error {
			if err := belongs(phone, phone); err != nil { // as before
				return err
			}
			if err := db.Exec(ctx, "INSERT INTO events (event_id, type, kind, ts, channel, distinct_id) SELECT generateUUIDv4(), 'track', 'page_view', ?, 'web', ?", stamp(at), fmt.Sprint("somebody ", n)); err != nil {
				return err
			}
			if err := other.Recount(ctx, at, at); err != nil { // no receipt tells of it
				return err
			}
			if n%3 == 0 {
				if err := other.Tick(ctx); err != nil {
					return err
				}
			}
			if n%2 == 0 {
				return errKilled
			}
			return nil
		}}
		if err := keeper(first).Tick(ctx); err != nil && !errors.Is(err, errKilled) {
			t.Fatalf("before statement %d: %v", n+1, err)
		}
		if first.left >= 0 {
			break
		}
	}
	if statements < 11 {
		t.Errorf("a tick has %d statements only", statements)
	}
	settled(t, db, now)
}

// settled computes what is due, and compares what is kept with what all days give.
func settled(t *testing.T, db *warehouse.Warehouse, now time.Time) {
	t.Helper()
	if err := funnel.New(funnel.Options{DB: db, Now: func() time.Time { return now }}).Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if differences := differsFromAnew(t, db, now); len(differences) > 0 {
		t.Errorf("kept is not what is computed anew:\n%s", strings.Join(differences, "\n"))
	}
	if left, err := ask.Number(t.Context(), db, "SELECT count() FROM recomputations FINAL WHERE sign > 0"); err != nil || left > 0 {
		t.Errorf("%d requests stay open: %v", left, err)
	}
}

// TestTwoComputeAtOnce has a computation that began before another one write after it, by a clock that is ahead.
func TestTwoComputeAtOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := engine.Migrated(t)
	now := dayOf(time.Now()).Add(12 * time.Hour)
	options := funnel.Options{DB: db, Now: func() time.Time { return now }}
	store(t, db, "", world{}, []did{{at: now, person: "ann", id: "ann", kind: "page_view", channel: "web"}})
	first := &interrupted{Warehouse: db, before: "INTO funnel_days", do: func() error { // it has written what it found
		store(t, db, "", world{}, []did{{at: now, person: "bob", id: "bob", kind: "page_view", channel: "web"}})
		if err := funnel.New(options).Tick(ctx); err != nil {
			return err
		}
		return db.Exec(ctx, "INSERT INTO person_term_days SELECT day, channel, term, 1, problem, computed_at + INTERVAL 1 HOUR FROM person_term_days FINAL WHERE term = 'person:active_days'")
	}}
	if err := funnel.New(funnel.Options{DB: first, Now: options.Now}).Tick(ctx); err != nil {
		t.Fatal(err)
	}
	if differences := differsFromAnew(t, db, now); len(differences) == 0 {
		t.Fatal("nothing was written that is older than what stands")
	}
	settled(t, db, now)
}
