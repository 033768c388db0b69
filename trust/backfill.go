package trust

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/internal/background"
)

// Backfiller gives rollups that came with a migration their history: the events of the months from before they were there. What is to be
// done stands in the table backfills, so a process that ends in the middle leaves the rest to the next one, and verify and people know.
//
// A month is filled as Rebuild does it, and swapped in whole: until then it lacks what it lacked, and new events count all the time.
type Backfiller struct {
	Rebuilder *Rebuilder
	// Busy says that loading is behind: history waits. Nil: never.
	Busy func() bool
	// Filled is told which tables have a month more, before that is noted: who keeps figures made from them computes them again. A process that
	// ends in between tells it again. It may be nil.
	Filled func(ctx context.Context, tables []string) error
	// Expected is told before and after each step which months are lacking that will be there sooner or later: all but those that failed so often that nobody should
	// wait for them. It may be nil.
	Expected func(lacking []Lacking)
	Logger   *slog.Logger
	Now      func() time.Time // nil: time.Now

	left atomic.Int64 // months of rollups, as known last
}

// Lacking is a month that a rollup does not have yet.
type Lacking struct {
	Table string `json:"table"`
	Month string `json:"month"` // 2026-03
	// Attempts to fill it in that failed, as far as this process knows, and why the last one did. It is tried again. Of what an earlier process gave up is known
	// that it did, and when it failed last.
	Attempts int    `json:"failed_attempts,omitempty"`
	Error    string `json:"error,omitempty"`
}

// Expected says that the month will be there before long: nobody should wait for one that failed again and again.
func (l Lacking) Expected() bool { return l.Attempts < patience }

// Times of Run: how often it looks whether a migration of another process left something to do, or what failed is due again; and how often
// it asks whether loading is still behind.
const (
	lookForBackfills = time.Minute
	lookWhileBusy    = time.Second
)

// Note writes down what rollups lack that nobody looked at before, and answers all that is lacking. It is to be called after every schema.Up
// and before anything is loaded: a rollup of a database without events lacks nothing, and never will.
//
// A rollup lacks the months in which something was received before the migration of its view was applied. A view that no migration made, as
// person_signals_mv, is the business of who made it.
func (f *Backfiller) Note(ctx context.Context) ([]Lacking, error) {
	db := f.Rebuilder.DB
	fresh, err := f.unseen(ctx)
	if err != nil || len(fresh) == 0 {
		return f.lacking(ctx, err)
	}
	// One pass over one column, once per rollup that was added.
	rows, err := db.Query(ctx, "SELECT toDate(parseDateTimeBestEffort(concat(_partition_id, '01'))) AS month, min(received_at) FROM events GROUP BY month ORDER BY month")
	if err != nil {
		return nil, fmt.Errorf("look for history: %w", err)
	}
	defer rows.Close()
	var tables, months []string
	note := func(table string, month time.Time) {
		tables, months = append(tables, table), append(months, month.Format(time.DateOnly))
	}
	for rows.Next() {
		var month, received time.Time
		if err := rows.Scan(&month, &received); err != nil {
			return nil, fmt.Errorf("look for history: %w", err)
		}
		for table, since := range fresh {
			if received.Before(since) {
				note(table, month)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look for history: %w", err)
	}
	for table := range fresh {
		note(table, time.Unix(0, 0).UTC())
	}
	err = db.Exec(ctx, `INSERT INTO backfills (rollup, month, done, at)
SELECT pair.1, toDate(pair.2), pair.2 = '1970-01-01', now64(3, 'UTC')
FROM (SELECT arrayJoin(arrayZip({tables:Array(String)}, {months:Array(String)})) AS pair)
SETTINGS async_insert = 0, insert_deduplicate = 0`, named("tables", tables), named("months", months))
	if err != nil {
		return nil, fmt.Errorf("note what rollups lack: %w", err)
	}
	return f.lacking(ctx, nil)
}

// unseen are the rollups that nobody looked at yet, and since when their views feed them.
func (f *Backfiller) unseen(ctx context.Context) (map[string]time.Time, error) {
	all, err := f.Rebuilder.rollups(ctx)
	if err != nil {
		return nil, err
	}
	tables := map[string]string{}
	var views []string
	for _, r := range all {
		tables[r.view] = r.table
		views = append(views, r.view)
	}
	rows, err := f.Rebuilder.DB.Query(ctx, `SELECT name, max(applied_at)
FROM schema_migrations FINAL
WHERE kind = 'migration' AND state = 'applied' AND name IN {views:Array(String)}
GROUP BY name`, named("views", views))
	if err != nil {
		return nil, fmt.Errorf("look when rollups came: %w", err)
	}
	defer rows.Close()
	unseen := map[string]time.Time{}
	for rows.Next() {
		var view string
		var since time.Time
		if err := rows.Scan(&view, &since); err != nil {
			return nil, fmt.Errorf("look when rollups came: %w", err)
		}
		unseen[tables[view]] = since
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look when rollups came: %w", err)
	}
	seen, err := ask.Texts(ctx, f.Rebuilder.DB, "SELECT toString(rollup) FROM backfills WHERE month = '1970-01-01'")
	if err != nil {
		return nil, fmt.Errorf("read backfills: %w", err)
	}
	for _, table := range seen {
		delete(unseen, table)
	}
	return unseen, nil
}

func (f *Backfiller) lacking(ctx context.Context, err error) ([]Lacking, error) {
	if err != nil {
		return nil, err
	}
	lacking, err := ReadLacking(ctx, f.Rebuilder.DB)
	if err == nil {
		f.left.Store(int64(len(lacking)))
	}
	return lacking, err
}

// ReadLacking answers which months rollups lack, the newest first; none of a database from before that was noted, and none of what is no rollup of this
// version any more.
func ReadLacking(ctx context.Context, db DB) ([]Lacking, error) {
	known, err := ask.Texts(ctx, db, "SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'backfills'")
	if err != nil || len(known) == 0 {
		return nil, err
	}
	// What is lacking is noted together with the note that it was looked for. A later time says that it was given up, and is when it failed last.
	rows, err := ask.Texts(ctx, db, `SELECT concat(formatDateTime(month, '%Y-%m'), ' ', rollup, ' ', if(looked > 0 AND at > looked, toString(toDateTime(at, 'UTC')), ''))
FROM (SELECT rollup, month, done, at, maxIf(at, month = '1970-01-01') OVER (PARTITION BY rollup) AS looked FROM backfills FINAL)
WHERE NOT done
ORDER BY month DESC, rollup`)
	if err != nil {
		return nil, fmt.Errorf("read backfills: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	rollups, err := (&Rebuilder{DB: db}).rollups(ctx)
	if err != nil {
		return nil, err
	}
	var lacking []Lacking
	for _, row := range rows {
		month, rest, _ := strings.Cut(row, " ")
		table, failed, _ := strings.Cut(rest, " ")
		if !slices.ContainsFunc(rollups, func(r rollup) bool { return r.table == table }) {
			continue
		}
		l := Lacking{Table: table, Month: month}
		if failed != "" {
			l.Attempts, l.Error = patience, fmt.Sprintf("at least %d attempts failed, the last one at %s UTC; the log of then says why", patience, failed)
		}
		lacking = append(lacking, l)
	}
	return lacking, nil
}

// Left is how many months of rollups are lacking, as known last.
func (f *Backfiller) Left() int { return int(f.left.Load()) }

// Run fills in what is lacking, the newest month first, until ctx ends. It works with one thread, rests as long as it worked, and waits while
// loading is behind. What fails keeps nothing else waiting.
func (f *Backfiller) Run(ctx context.Context, registry prometheus.Registerer) {
	make := promauto.With(registry)
	make.NewGaugeFunc(prometheus.GaugeOpts{Name: "livello_trust_backfill_months_left", Help: "Months of rollups that came with an update and are not filled with history yet; two rollups of one month are two."},
		func() float64 { return float64(f.left.Load()) })
	make.NewGaugeFunc(prometheus.GaugeOpts{Name: "livello_trust_backfill_months_failing", Help: "Of the months of rollups that are not filled with history yet those whose last attempt failed; they are tried again, each at most once an hour in the end."},
		func() float64 { return float64(f.Rebuilder.unfilled.count()) })
	filled := make.NewCounter(prometheus.CounterOpts{Name: "livello_trust_backfilled_months_total", Help: "Months of rollups that were filled with history."})
	failures := make.NewCounter(prometheus.CounterOpts{Name: "livello_trust_failed_backfills_total", Help: "Attempts to fill in months of history that failed; they are tried again."})
	said := false
	for {
		for f.Busy != nil && f.Busy() {
			if background.Sleep(ctx, lookWhileBusy) != nil {
				return
			}
		}
		began, before := time.Now(), f.Left()
		more, err := f.Step(ctx)
		wait := time.Since(began)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			failures.Inc()
		}
		if err != nil && !more && !said { // of no month, so Step did not say it
			f.logger().Warn("nobody can tell which history is lacking; looking again", "error", err)
		}
		if said = err != nil && !more; !more {
			wait = lookForBackfills
		}
		filled.Add(float64(max(before-f.Left(), 0)))
		if background.Sleep(ctx, wait) != nil {
			return
		}
	}
}

// Step fills in a month that is lacking: the newest that did not fail before, in all rollups that lack it, else one that failed and is due again, in one
// rollup, so that those of them that can be filled are. It answers whether there was one, with the error when it could not be filled.
func (f *Backfiller) Step(ctx context.Context) (bool, error) {
	lacking, err := f.lacking(ctx, nil)
	if err != nil {
		return false, err
	}
	chosen := f.Rebuilder.unfilled.choose(lacking, f.now())
	f.tell(lacking)
	if len(chosen) == 0 {
		return false, nil
	}
	err = f.fill(ctx, chosen)
	if err != nil && ctx.Err() == nil {
		again, first, hopeless := f.Rebuilder.unfilled.note(chosen, err, f.now())
		err = errors.Join(err, f.giveUp(ctx, hopeless))
		if first {
			f.logger().Warn("history could not be filled in; the others go on, and it is tried again", "month", chosen[0].Month, "tables", tablesOf(chosen), "error", err, "next_attempt_in", again)
		}
	}
	if lacking, readErr := f.lacking(ctx, nil); readErr == nil {
		f.tell(lacking)
	}
	return true, err
}

// tell says what is to be expected.
func (f *Backfiller) tell(lacking []Lacking) {
	if f.Expected != nil {
		f.Expected(slices.DeleteFunc(f.Rebuilder.unfilled.explain(lacking), func(l Lacking) bool { return !l.Expected() }))
	}
}

// giveUp writes down that nobody should wait for the months any more, so that a restart does not have everybody wait anew.
func (f *Backfiller) giveUp(ctx context.Context, months []Lacking) error {
	for _, l := range months {
		err := f.Rebuilder.DB.Exec(ctx, `INSERT INTO backfills (rollup, month, done, at)
SELECT rollup, month, 0, now64(3, 'UTC')
FROM backfills FINAL
WHERE month = toDate(concat({month:String}, '-01')) AND rollup = {table:String} AND NOT done
SETTINGS async_insert = 0, insert_deduplicate = 0`, named("month", l.Month), named("table", l.Table))
		if err != nil {
			return fmt.Errorf("note that %s of %s is given up: %w", l.Month, l.Table, err)
		}
	}
	return nil
}

// fill fills in one month of rollups.
func (f *Backfiller) fill(ctx context.Context, chosen []Lacking) error {
	month, err := time.Parse("2006-01", chosen[0].Month)
	if err != nil {
		return fmt.Errorf("read backfills: %w", err)
	}
	tables := tablesOf(chosen)
	done, err := f.Rebuilder.rebuild(ctx, month, month, order{tables: tables, threads: 1, filled: f.Filled})
	if err != nil {
		return fmt.Errorf("fill in %s of %s: %w", chosen[0].Month, strings.Join(tables, ", "), err)
	}
	if len(done.Months) == 0 { // its events are gone, and there is nothing of it in the tables
		if err := f.Rebuilder.noteFilled(ctx, month, tables); err != nil {
			return err
		}
	}
	lacking, err := f.lacking(ctx, nil)
	if err != nil {
		return err
	}
	f.logger().Info("history filled in", "month", month.Format("2006-01"), "tables", tables, "events", done.Events, "seconds", done.Seconds, "held_seconds", done.Held, "months_left", len(lacking))
	return nil
}

// noteFilled notes that the tables have a month, if they lacked it.
func (b *Rebuilder) noteFilled(ctx context.Context, month time.Time, tables []string) error {
	err := b.DB.Exec(ctx, `INSERT INTO backfills (rollup, month, done, at)
SELECT rollup, month, 1, now64(3, 'UTC')
FROM backfills FINAL
WHERE month = {month:Date} AND rollup IN {tables:Array(String)} AND NOT done
SETTINGS async_insert = 0, insert_deduplicate = 0`, named("month", month.Format(time.DateOnly)), named("tables", tables))
	if err != nil {
		return fmt.Errorf("note that %s has its history: %w", month.Format("2006-01"), err)
	}
	return nil
}

func (f *Backfiller) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

func (f *Backfiller) logger() *slog.Logger {
	if f.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return f.Logger
}
