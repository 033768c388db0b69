package trust

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/livello/livello/internal/ask"
)

// Rebuilder recomputes months of rollups from raw events.
//
// For a month, the order of things is what keeps every event counted once:
//
//  1. The loader is held between two segments. The month's partition of events is attached to a table of our own (hard links: no
//     data moves), and for each rollup a shadow table is made with a view that feeds it from inserts into events, a copy of the
//     live one. From here on, an event is either in the attached partition or comes through the shadow's view.
//  2. The loader goes on. The shadows are filled from the attached partition, deduplicated, with the live view's own SELECT.
//  3. The loader is held again, each shadow's partition replaces the live one (one atomic statement), the shadow's view is
//     dropped, and the loader goes on.
//
// Accepting never stops; loading pauses for the moments of 1 and 3. Until a table is swapped it is what it was, and once it is
// swapped it is right: a crash anywhere leaves tables named rebuild_*, which Clean drops. Of several services on
// one ClickHouse each has shadows of its own, so that none takes away, or takes for empty, what another one is filling. A retried segment is skipped by its
// token in the shadows as it is in the live tables.
//
// A rollup that was added by a migration is filled with its history in the same way: its live view counts what comes, and
// the rebuild of a month brings the rest. See backfill.go.
type Rebuilder struct {
	DB     DB
	Hold   Hold
	Logger *slog.Logger
	// Owner is an id of the service, whose shadows bear it: of several on one ClickHouse each has its own. Empty where there is one service only.
	Owner string
	// After is told which rollups were made again, for the months from first to last, when a rebuild ends in whichever way: whoever keeps something
	// that was derived from them has to look at it again. It must not ask for a rebuild. It may be nil.
	After func(ctx context.Context, tables []string, first, last time.Time) error

	mu   sync.Mutex // one rebuild at a time
	step func(string) error

	unfilled unfilled // of Backfiller
}

// Rebuilt says what a rebuild did.
type Rebuilt struct {
	Months  []string `json:"months"` // 2026-03
	Tables  []string `json:"tables"`
	Events  uint64   `json:"events"`       // raw events that were read, each once
	Seconds float64  `json:"seconds"`      // in all
	Held    float64  `json:"held_seconds"` // of them with the loader held
}

// Rebuild recomputes the rollups, or those of them that are named, for the months of from to to, both inclusive; a zero time is no limit.
// A month that one of them lacked (see Backfiller) it does not lack any more.
func (b *Rebuilder) Rebuild(ctx context.Context, from, to time.Time, tables ...string) (Rebuilt, error) {
	return b.rebuild(ctx, from, to, order{tables: tables})
}

// order is how a rebuild is asked for.
type order struct {
	tables  []string // none: all of them
	threads int      // of ClickHouse for filling; 0: as many as it takes
	filled  func(ctx context.Context, tables []string) error
}

func (b *Rebuilder) rebuild(ctx context.Context, from, to time.Time, o order) (done Rebuilt, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	began := time.Now()
	if err := b.Clean(ctx); err != nil {
		return done, err
	}
	all, err := b.rollups(ctx)
	if err != nil {
		return done, err
	}
	some, err := choose(all, o.tables)
	if err != nil {
		return done, err
	}
	var first, last time.Time
	var whole []time.Time
	defer func() {
		if first.IsZero() {
			return
		}
		// Also of what was cut off: some of it may have been swapped in.
		err = errors.Join(err, b.tell(context.WithoutCancel(ctx), done.Tables, first, last, whole, o))
	}()
	for _, r := range some {
		done.Tables = append(done.Tables, r.table)
	}
	months, err := b.months(ctx, some)
	if err != nil {
		return done, err
	}
	for _, m := range months {
		if !from.IsZero() && m.Before(firstOfMonth(from.UTC())) || !to.IsZero() && m.After(firstOfMonth(to.UTC())) {
			continue
		}
		if last = m; first.IsZero() {
			first = m
		}
		if err := b.month(ctx, m, some, o.threads, &done); err != nil {
			return done, fmt.Errorf("rebuild %s: %w", m.Format("2006-01"), err)
		}
		whole = append(whole, m)
		done.Months = append(done.Months, m.Format("2006-01"))
	}
	done.Seconds = time.Since(began).Seconds()
	return done, nil
}

// tell lets those know who keep something that is derived from the tables, and only then notes that these have the months.
func (b *Rebuilder) tell(ctx context.Context, tables []string, first, last time.Time, whole []time.Time, o order) error {
	if b.After != nil {
		if err := b.After(ctx, tables, first, last); err != nil {
			return fmt.Errorf("after rebuild: %w", err)
		}
	}
	if o.filled != nil {
		if err := o.filled(ctx, tables); err != nil {
			return fmt.Errorf("after rebuild: %w", err)
		}
	}
	for _, m := range whole {
		if err := b.noteFilled(ctx, m, tables); err != nil {
			return err
		}
	}
	return nil
}

func choose(all []rollup, names []string) ([]rollup, error) {
	if len(names) == 0 {
		return all, nil
	}
	var some []rollup
	for _, name := range names {
		i := slices.IndexFunc(all, func(r rollup) bool { return r.table == name })
		if i < 0 {
			var known []string
			for _, r := range all {
				known = append(known, r.table)
			}
			return nil, fmt.Errorf("table %s is no rollup of events: there are %s", name, strings.Join(known, ", "))
		}
		some = append(some, all[i])
	}
	return some, nil
}

// months are those of raw and of the rollups: one that raw lacks has to become empty.
func (b *Rebuilder) months(ctx context.Context, some []rollup) ([]time.Time, error) {
	tables := []string{"events"}
	for _, r := range some {
		tables = append(tables, r.table)
	}
	partitions, err := ask.Texts(ctx, b.DB, "SELECT DISTINCT partition_id FROM system.parts WHERE database = currentDatabase() AND active AND rows > 0 AND table IN {tables:Array(String)} ORDER BY partition_id",
		named("tables", tables))
	if err != nil {
		return nil, fmt.Errorf("list months: %w", err)
	}
	var months []time.Time
	for _, p := range partitions {
		m, err := time.Parse("200601", p)
		if err != nil {
			return nil, fmt.Errorf("list months: %q is no month", p)
		}
		months = append(months, m)
	}
	return months, nil
}

// month rebuilds one month. Whatever ends it, the shadows are dropped, with a deadline of their own.
func (b *Rebuilder) month(ctx context.Context, month time.Time, some []rollup, threads int, done *Rebuilt) (err error) {
	partition := month.Format("200601")
	defer func() {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, b.Clean(cleaning))
	}()
	began := time.Now()
	if err := b.shadow(ctx, partition, some, done); err != nil {
		return err
	}
	for _, r := range some {
		if err := b.do(ctx, "fill "+r.table, r.fill(threads)); err != nil {
			return err
		}
	}
	events, err := ask.Number(ctx, b.DB, "SELECT count() FROM "+b.shadowEvents()+" FINAL")
	if err != nil {
		return fmt.Errorf("count raw events: %w", err)
	}
	if err := b.swap(ctx, partition, some, done); err != nil {
		return err
	}
	done.Events += events
	b.logger().Info("month rebuilt", "month", month.Format("2006-01"), "tables", len(some), "events", events, "seconds", time.Since(began).Seconds())
	return nil
}

// shadow is the first moment: everything there is in the attached partition, everything to come through the shadows' views.
func (b *Rebuilder) shadow(ctx context.Context, partition string, some []rollup, done *Rebuilt) error {
	// Empty tables can be made before anybody waits.
	if err := b.do(ctx, "make shadow of events", "CREATE TABLE "+b.shadowEvents()+" AS events"); err != nil {
		return err
	}
	for _, r := range some {
		if err := b.do(ctx, "make shadow of "+r.table, "CREATE TABLE "+r.shadow()+" AS "+quote(r.table)); err != nil {
			return err
		}
	}
	return b.held(ctx, done, func() error {
		if err := b.do(ctx, "attach raw", "ALTER TABLE "+b.shadowEvents()+" ATTACH PARTITION ID '"+partition+"' FROM events"); err != nil {
			return err
		}
		for _, r := range some {
			if err := b.do(ctx, "make shadow view of "+r.table, "CREATE MATERIALIZED VIEW "+r.shadowView()+" TO "+r.shadow()+" AS "+r.query); err != nil {
				return err
			}
		}
		return nil
	})
}

// swap is the second moment.
func (b *Rebuilder) swap(ctx context.Context, partition string, some []rollup, done *Rebuilt) error {
	return b.held(ctx, done, func() error {
		for _, r := range some {
			filled, err := ask.Number(ctx, b.DB, "SELECT count() FROM "+r.shadow()+" WHERE _partition_id = '"+partition+"'")
			if err != nil {
				return fmt.Errorf("look into the shadow of %s: %w", r.table, err)
			}
			statement := "ALTER TABLE " + quote(r.table) + " REPLACE PARTITION ID '" + partition + "' FROM " + r.shadow()
			if filled == 0 {
				statement = "ALTER TABLE " + quote(r.table) + " DROP PARTITION ID '" + partition + "'"
			}
			if err := b.do(ctx, "swap "+r.table, statement); err != nil {
				return err
			}
		}
		for _, r := range some {
			if err := b.do(ctx, "drop shadow view of "+r.table, "DROP TABLE IF EXISTS "+r.shadowView()+" SYNC"); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *Rebuilder) held(ctx context.Context, done *Rebuilt, do func() error) error {
	release, err := b.Hold.hold(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	defer func() {
		release()
		done.Held += time.Since(began).Seconds()
	}()
	return do()
}

// do runs a statement. Between any two of them a test may end the process, so to speak.
func (b *Rebuilder) do(ctx context.Context, what, statement string) error {
	if b.step != nil {
		if err := b.step(what); err != nil {
			return err
		}
	}
	if err := b.DB.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// wait returns when no rebuild is on its way that began before the call.
func (b *Rebuilder) wait() error {
	if b.step != nil {
		if err := b.step("wait for a rebuild"); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return nil
}

// Tidy is Clean for the start of a service: it waits for the rebuild that runs, and for a moment between two segments.
func (b *Rebuilder) Tidy(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held(ctx, new(Rebuilt), func() error { return b.Clean(ctx) })
}

// prefix is how the names of this rebuilder's shadows begin.
func (b *Rebuilder) prefix() string {
	if b.Owner == "" {
		return shadowPrefix
	}
	return shadowPrefix + strings.ReplaceAll(b.Owner, "-", "") + "_"
}

func (b *Rebuilder) shadowEvents() string { return quote(b.prefix() + "events") }

// Clean drops what a rebuild of ours that was cut off has left: views first, so that inserts stop feeding tables that go. It must not run
// beside a rebuild of ours. What is a day old goes as well, whoever made it: a month takes minutes, so its service is gone.
func (b *Rebuilder) Clean(ctx context.Context) error {
	names, err := ask.Texts(ctx, b.DB, `SELECT name
FROM system.tables
WHERE database = currentDatabase() AND startsWith(name, {any:String})
  AND (startsWith(name, {ours:String}) OR metadata_modification_time < now() - INTERVAL 1 DAY)
ORDER BY engine != 'MaterializedView', name`, named("any", shadowPrefix), named("ours", b.prefix()))
	if err != nil {
		return fmt.Errorf("look for shadows of an earlier rebuild: %w", err)
	}
	for _, name := range names {
		if err := b.DB.Exec(ctx, "DROP TABLE IF EXISTS "+quote(name)+" SYNC"); err != nil {
			return fmt.Errorf("drop %s, left by a rebuild: %w", name, err)
		}
	}
	return nil
}

func (b *Rebuilder) logger() *slog.Logger {
	if b.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return b.Logger
}
