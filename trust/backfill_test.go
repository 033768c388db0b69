package trust

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/schema"
	"github.com/livello/livello/test/engine"
)

var errStop = errors.New("an older version ends here")

// upTo lets statements through until one of them names what an older version did not have.
type upTo struct {
	schema.DB
	stop string
}

func (u upTo) Exec(ctx context.Context, query string, args ...any) error {
	if strings.Contains(query, u.stop) {
		return errStop
	}
	return u.DB.Exec(ctx, query, args...)
}

// migrated brings the rig's database to this version, as a start of the service does.
func (r *rig) migrated() {
	r.t.Helper()
	if _, err := schema.Up(r.t.Context(), r, schema.Options{}); err != nil {
		r.t.Fatal(err)
	}
	if err := definitions.Ensure(r.t.Context(), r); err != nil {
		r.t.Fatal(err)
	}
}

// A database from before there were visit_day, milestones, origins and person_month, with history, is brought up to date: these are filled in
// month by month while events come in, also when the process ends in the middle, and verify says so meanwhile.
func TestNewRollupsGetTheirHistory(t *testing.T) {
	w := engine.Open(t)
	if _, err := schema.Up(t.Context(), upTo{w, "CREATE TABLE IF NOT EXISTS visit_day "}, schema.Options{}); !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	r := newRigOn(t, w)
	r.load(r.events(500))
	r.migrated()
	var log bytes.Buffer
	start := func() *Backfiller {
		return &Backfiller{Rebuilder: r.rebuilder(), Logger: slog.New(slog.NewTextHandler(&log, nil))}
	}
	b := start()
	lacking, err := b.Note(t.Context())
	want := "milestones 2026-02, origins 2026-02, person_month 2026-02, visit_day 2026-02, milestones 2026-01, origins 2026-01, person_month 2026-01, visit_day 2026-01"
	if err != nil || said(lacking) != want {
		t.Fatalf("lacking: %s, %v; want %s", said(lacking), err, want)
	}
	for _, l := range lacking {
		if !l.Expected() {
			t.Errorf("%+v is given up, and nobody tried", l)
		}
	}
	if _, err := (&Rebuilder{DB: r, Hold: r.loader.Hold}).Rebuild(t.Context(), time.Time{}, time.Time{}, "person_signals"); err != nil { // the definitions' own business
		t.Fatal(err)
	}
	if report := r.verify(); len(report.Differences) > 0 || said(report.Lacking) == "" || len(report.Lacking) != 8 {
		t.Fatalf("verify says %+v are lacking and %+v differ", report.Lacking, report.Differences)
	}
	r.load(r.events(100))
	if lacking, err = b.Note(t.Context()); err != nil || said(lacking) != want {
		t.Fatalf("looked at again: %s, %v; want the same", said(lacking), err)
	}

	// The process ends when the first month is swapped in and derived figures could not be told.
	told := 0
	b.Filled = func(context.Context, []string) error { told++; return errStop }
	if _, err := b.Step(t.Context()); !errors.Is(err, errStop) || told != 1 {
		t.Fatalf("told %d times: %v", told, err)
	}
	b = start()
	if lacking, err = b.Note(t.Context()); err != nil || said(lacking) != want {
		t.Fatalf("after a restart: %s, %v", said(lacking), err)
	}
	stop := r.keepSending(50)
	if more, err := b.Step(t.Context()); err != nil || !more || b.Left() != 4 {
		t.Fatalf("%v, %v, %d left", more, err, b.Left())
	}
	// The rest by itself, while loading is behind at times.
	registry, ctx, cancel := prometheus.NewRegistry(), context.Context(nil), context.CancelFunc(nil)
	ctx, cancel = context.WithCancel(t.Context())
	var tables []string
	b.Filled = func(_ context.Context, filled []string) error {
		tables = filled
		cancel()
		return nil
	}
	b.Run(ctx, registry)
	sent := stop()
	if slices.Sort(tables); !slices.Equal(tables, []string{"milestones", "origins", "person_month", "visit_day"}) {
		t.Errorf("told of %v", tables)
	}
	if lacking, err = ReadLacking(t.Context(), r); err != nil || len(lacking) > 0 {
		t.Errorf("still lacking: %s, %v", said(lacking), err)
	}
	if n, err := testutil.GatherAndCount(registry); err != nil || n != 4 {
		t.Errorf("%d metrics: %v", n, err)
	}
	if !strings.Contains(log.String(), "month=2026-02") || !strings.Contains(log.String(), "months_left=4") {
		t.Errorf("the log says no progress: %s", log.String())
	}
	r.drain()
	r.clean(600 + sent)
	if report := r.verify(); report.Lacking != nil {
		t.Errorf("verify still says that %+v are lacking", report.Lacking)
	}
}

func said(lacking []Lacking) string {
	var all []string
	for _, l := range lacking {
		all = append(all, l.Table+" "+l.Month)
	}
	return strings.Join(all, ", ")
}

// A fresh database lacks nothing, whatever comes later; a database of an older version, which noted nothing, lacks what came with a later
// migration than its first events; and a rebuild by hand is as good.
func TestWhatIsNotedAsLacking(t *testing.T) {
	fresh := newRig(t)
	b := &Backfiller{Rebuilder: fresh.rebuilder()}
	for range 2 {
		if lacking, err := b.Note(t.Context()); err != nil || len(lacking) > 0 {
			t.Fatalf("fresh: %s, %v", said(lacking), err)
		}
		fresh.load(fresh.events(50))
	}

	// As if it had been used before this version, and person_month had come an hour ago.
	fresh.exec("TRUNCATE TABLE backfills")
	fresh.exec("ALTER TABLE schema_migrations UPDATE applied_at = applied_at + INTERVAL 1 HOUR WHERE name = 'person_month_mv' SETTINGS mutations_sync = 2")
	lacking, err := b.Note(t.Context())
	if err != nil || said(lacking) != "person_month 2026-02, person_month 2026-01" {
		t.Fatalf("older version: %s, %v", said(lacking), err)
	}
	fresh.rebuild("2026-01")
	if lacking, err = ReadLacking(t.Context(), fresh); err != nil || said(lacking) != "person_month 2026-02" {
		t.Errorf("after a rebuild by hand: %s, %v", said(lacking), err)
	}
	// The events of the other month go.
	fresh.exec("ALTER TABLE events DROP PARTITION ID '202602'")
	fresh.exec("ALTER TABLE person_month DROP PARTITION ID '202602'")
	if more, err := b.Step(t.Context()); err != nil || !more || b.Left() != 0 {
		t.Errorf("a month without events: %v, %v, %d left", more, err, b.Left())
	}
	if more, err := b.Step(t.Context()); err != nil || more {
		t.Errorf("nothing is lacking, and it did something: %v", fmt.Sprint(err))
	}
}

// breaks is a database in which a table cannot be filled in a month.
type breaks struct {
	*rig
	table, partition string
	now              string // partition that is attached to be read
	broke            int
}

func (b *breaks) Exec(ctx context.Context, query string, args ...any) error {
	if _, rest, is := strings.Cut(query, "ALTER TABLE `rebuild_events` ATTACH PARTITION ID '"); is {
		b.now = rest[:6]
	}
	if b.now == b.partition && strings.HasPrefix(query, "INSERT INTO `rebuild_"+b.table+"`") {
		b.broke++
		return fmt.Errorf("%s of %s is broken", b.table, b.partition)
	}
	return b.rig.Exec(ctx, query, args...)
}

// A month that cannot be filled in keeps neither the others waiting, nor other rollups of the same month, nor for ever those who wait for history; and what is
// no rollup any more nobody.
func TestAMonthThatFailsKeepsNobodyWaiting(t *testing.T) {
	r := newRig(t)
	r.load(r.events(300))
	for _, statement := range []string{
		"ALTER TABLE person_month DROP PARTITION ID '202601'", "ALTER TABLE person_month DROP PARTITION ID '202602'", "ALTER TABLE origins DROP PARTITION ID '202602'",
		"INSERT INTO backfills (rollup, month, done, at) SELECT pair.1, toDate(pair.2), 0, now() FROM (SELECT arrayJoin([('person_month', '2026-01-01'), ('person_month', '2026-02-01'), ('origins', '2026-02-01'), ('of_yore', '2026-02-01')]) AS pair)",
		// As Note does, which looks once, and notes what it finds in the same moment.
		"INSERT INTO backfills (rollup, month, done, at) SELECT DISTINCT rollup, toDate('1970-01-01'), 1, at FROM backfills WHERE NOT done",
	} {
		r.exec(statement)
	}
	broken := &breaks{rig: r, table: "person_month", partition: "202602"}
	var log bytes.Buffer
	var expected string
	clock := base
	b := &Backfiller{Rebuilder: &Rebuilder{DB: broken, Hold: r.loader.Hold}, Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return clock },
		Expected: func(lacking []Lacking) { expected = said(lacking) }}
	step := func(more, fails bool, left string) {
		t.Helper()
		if did, err := b.Step(t.Context()); did != more || (err != nil) != fails {
			t.Errorf("a step: %v, %v", did, err)
		}
		if lacking, err := ReadLacking(t.Context(), r); err != nil || said(lacking) != left {
			t.Errorf("lacking: %s, %v; want %s", said(lacking), err, left)
		}
	}
	const february = "person_month 2026-02"
	step(true, true, "origins 2026-02, person_month 2026-02, person_month 2026-01")
	step(true, false, "origins 2026-02, person_month 2026-02")
	step(false, false, "origins 2026-02, person_month 2026-02")
	report, err := (&Verifier{DB: r, Hold: r.loader.Hold, Rebuilder: b.Rebuilder}).Verify(t.Context(), base, base.AddDate(0, 2, 0))
	if err != nil || len(report.Lacking) != 2 || report.Lacking[1].Attempts != 1 || !strings.Contains(report.Lacking[1].Error, "is broken") {
		t.Errorf("verify says %+v are lacking: %v", report.Lacking, err)
	}
	clock = clock.Add(firstAgain)
	step(true, false, february) // the other rollup of the month
	step(true, true, february)
	step(false, false, february)
	clock = clock.Add(firstAgain) // not due
	step(false, false, february)
	if expected != february {
		t.Errorf("after two attempts is expected: %q", expected)
	}
	clock = clock.Add(firstAgain)
	step(true, true, february)
	if expected != "" || broken.broke != patience {
		t.Errorf("after %d attempts is expected: %q", broken.broke, expected)
	}
	if n := strings.Count(log.String(), "could not be filled in"); n != 1 {
		t.Errorf("it was said %d times: %s", n, log.String())
	}
	if n := b.Rebuilder.unfilled.count(); n != 1 {
		t.Errorf("%d months are failing, want 1", n)
	}

	// A restart: nobody waits anew, verify says what is known, and the next attempt comes at once.
	log.Reset()
	expected = "not told"
	tells := func(lacking []Lacking) {
		if expected == "not told" {
			expected = said(lacking)
		}
	}
	b = &Backfiller{Rebuilder: &Rebuilder{DB: broken, Hold: r.loader.Hold}, Logger: b.Logger, Now: b.Now, Expected: tells}
	report, err = (&Verifier{DB: r, Hold: r.loader.Hold, Rebuilder: b.Rebuilder}).Verify(t.Context(), base, base.AddDate(0, 2, 0))
	if err != nil || len(report.Lacking) != 1 || report.Lacking[0].Attempts != patience || !strings.Contains(report.Lacking[0].Error, "the log of then says why") {
		t.Errorf("after a restart verify says %+v are lacking: %v", report.Lacking, err)
	}
	step(true, true, february)
	if expected != "" || broken.broke != patience+1 || b.Rebuilder.unfilled.count() != 1 || !strings.Contains(log.String(), "could not be filled in") {
		t.Errorf("after a restart and %d attempts is expected: %q; the log: %s", broken.broke, expected, log.String())
	}
	step(false, false, february)
	b = &Backfiller{Rebuilder: &Rebuilder{DB: broken, Hold: r.loader.Hold}, Now: b.Now}
	broken.partition = "" // and another restart
	step(true, false, "")
	step(false, false, "")
	if n := b.Rebuilder.unfilled.count(); n != 0 || b.Left() != 0 {
		t.Errorf("%d months are failing, %d left", n, b.Left())
	}
	r.clean(300)
}

// The waits grow, to an hour.
func TestFailedMonthsAreTriedLessAndLess(t *testing.T) {
	var u unfilled
	month := []Lacking{{Table: "person_day", Month: "2026-02"}}
	clock, attempts := base, 0
	for clock.Before(base.AddDate(0, 0, 1)) {
		if len(u.choose(month, clock)) == 1 {
			u.note(month, errStop, clock)
			attempts++
		}
		clock = clock.Add(time.Minute)
	}
	if attempts < 24+5 || attempts > 24+7 {
		t.Errorf("%d attempts on the first day", attempts)
	}
	if u.choose(nil, clock); u.count() != 0 {
		t.Error("what is not lacking any more is remembered")
	}
}
