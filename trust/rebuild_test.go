package trust

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/ingest/dedupe"
	"github.com/livello/livello/ingest/loader"
	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/test/engine"
)

func (r *rig) rebuilder() *Rebuilder { return &Rebuilder{DB: r, Hold: r.loader.Hold} }

// rebuild rebuilds a month of rollups.
func (r *rig) rebuild(month string, tables ...string) {
	r.t.Helper()
	m, err := time.Parse("2006-01", month)
	if err != nil {
		r.t.Fatal(err)
	}
	done, err := r.rebuilder().Rebuild(r.t.Context(), m, m, tables...)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(done.Months) != 1 || done.Months[0] != month {
		r.t.Errorf("rebuilt %v, want %s", done.Months, month)
	}
	r.noShadows()
}

func (r *rig) noShadows() {
	r.t.Helper()
	if n := r.number("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'rebuild%'"); n != 0 {
		r.t.Errorf("%d tables of a rebuild are left", n)
	}
}

// newSpoolBeside is another node: the same database, an index of its own.
func newSpoolBeside(t *testing.T, r *rig) *rig {
	t.Helper()
	dir := engine.TempDir(t)
	index, err := dedupe.Open(filepath.Join(dir, "dedupe"), dedupe.Options{Window: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	other := &rig{t: t, Warehouse: r.Warehouse, random: r.random}
	if other.spool, err = spool.Open(spool.Options{Dir: filepath.Join(dir, "spool"), Index: index, MinFree: -1, Linger: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	other.loader = loader.New(loader.Options{Spool: other.spool, DB: r.Warehouse})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- other.loader.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, other.spool.Close(), index.Close()); err != nil {
			t.Error(err)
		}
	})
	return other
}

// While every month is rebuilt, events of every month keep coming through the real loader: none is lost, none counted twice.
func TestRebuildWhileEventsComeIn(t *testing.T) {
	r := newRig(t)
	r.load(r.events(1000))
	sent := 1000
	stop := r.keepSending(100)
	// Between any two statements of the rebuild some of them have been loaded.
	b := r.rebuilder()
	during := 0
	b.step = func(what string) error {
		if strings.HasPrefix(what, "fill") && during < 6 {
			progress, before := r.spool.Progress(), r.number("SELECT sum(rows) FROM receipts")
			for r.number("SELECT sum(rows) FROM receipts") == before {
				<-progress
				progress = r.spool.Progress()
			}
			during++
		}
		return nil
	}
	done, err := b.Rebuild(t.Context(), time.Time{}, time.Time{})
	sent += stop()
	if err != nil {
		t.Fatal(err)
	}
	if during < 5 || len(done.Months) != 2 || len(done.Tables) < 5 {
		t.Errorf("rebuilt %v of %v with %d moments of loading in between", done.Tables, done.Months, during)
	}
	r.drain()
	r.clean(sent)
	r.noShadows()
}

var errCrash = errors.New("crash")

// Wherever a rebuild ends, the live tables are right, and the next one cleans up and finishes.
func TestRebuildCutOffAnywhere(t *testing.T) {
	r := newRig(t)
	r.load(r.events(300))
	total := 300
	for at := 0; ; at++ {
		b := r.rebuilder()
		n := 0
		b.step = func(string) error {
			if n++; n > at {
				return errCrash
			}
			return nil
		}
		_, err := b.Rebuild(t.Context(), base, base, "person_day", "channel_hour")
		r.load(r.events(20))
		total += 20
		if err == nil {
			if at < 10 {
				t.Errorf("a rebuild is only %d statements", at)
			}
			break
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		// The month and the tables that were touched; everything at the end.
		sums, err := r.verifier().compare(t.Context(), span{base, base.AddDate(0, 1, 0)}, []string{"events", "person_day", "channel_hour"})
		if err != nil || len(sums) == 0 || differ(sums) {
			t.Errorf("cut off after %d statements: %v, %+v differ", at, err, differing(sums))
		}
	}
	r.clean(total)
	r.noShadows()
}

// A killed process runs no cleanup: the shadows stay, with their views in place, and events keep coming.
func TestLeftoversOfAKilledRebuildDoNoHarm(t *testing.T) {
	r := newRig(t)
	r.load(r.events(300))
	b := r.rebuilder()
	all, err := b.rollups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var done Rebuilt
	if err := b.shadow(t.Context(), "202601", all, &done); err != nil {
		t.Fatal(err)
	}
	r.exec(all[0].fill(0))
	r.load(r.events(200))
	r.clean(500)
	r.rebuild("2026-01")
	r.clean(500)
}

// Two services on one ClickHouse rebuild the same month: none touches what the other one is filling, and the rollups are right whoever swaps last.
func TestTwoServicesRebuildAtOnce(t *testing.T) {
	r := newRig(t)
	r.load(r.events(300))
	first, second := r.rebuilder(), r.rebuilder()
	first.Owner, second.Owner = "11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000"
	second.step = func(what string) error { // it begins, and is at the point of filling
		if what != "fill channel_hour" {
			return nil
		}
		second.step = nil
		done, err := first.Rebuild(t.Context(), base, base)
		if err == nil && done.Events == 0 {
			t.Error("nothing was read")
		}
		return err
	}
	if _, err := second.Rebuild(t.Context(), base, base); err != nil {
		t.Fatal(err)
	}
	if second.step != nil {
		t.Error("the two were not at it at once")
	}
	r.noShadows()
	r.clean(300)
	r.load(r.events(10))
	r.clean(310)
}

// A rebuild whose context ends in the middle cleans up with a deadline of its own.
func TestRebuildThatIsCancelled(t *testing.T) {
	r := newRig(t)
	r.load(r.events(300))
	ctx, cancel := context.WithCancel(t.Context())
	b := r.rebuilder()
	b.step = func(what string) error {
		if what == "fill channel_hour" {
			cancel()
		}
		return nil
	}
	if _, err := b.Rebuild(ctx, base, base); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	r.noShadows()
	r.load(r.events(10))
	r.clean(310)
}

// A rollup that comes later has the history too, and every event of the time in between once.
func TestBackfillOfANewRollup(t *testing.T) {
	r := newRig(t)
	r.load(r.events(800))
	stop := r.keepSending(50)
	r.exec(`CREATE TABLE source_day (day Date, source LowCardinality(String), events SimpleAggregateFunction(sum, UInt64))
ENGINE = AggregatingMergeTree PARTITION BY toYYYYMM(day) ORDER BY (day, source) SETTINGS non_replicated_deduplication_window = 1000`)
	r.exec("CREATE MATERIALIZED VIEW source_day_mv TO source_day AS SELECT toDate(ts) AS day, source, count() AS events FROM events GROUP BY day, source")
	_, err := r.rebuilder().Rebuild(t.Context(), time.Time{}, time.Time{}, "source_day")
	sent := 800 + stop()
	if err != nil {
		t.Fatal(err)
	}
	r.drain()
	const perDay = "SELECT cityHash64(groupArray((day, source, n))) FROM (SELECT day, source, sum(%s) AS n FROM %s GROUP BY day, source ORDER BY day, source)"
	if r.number("SELECT sum(events) FROM source_day") != uint64(sent) ||
		r.number(fmt.Sprintf(perDay, "events", "source_day")) != r.number(fmt.Sprintf(perDay, "1", "(SELECT toDate(ts) AS day, source FROM events)")) {
		t.Errorf("the new rollup counts %d of %d events", r.number("SELECT sum(events) FROM source_day"), sent)
	}
	r.clean(sent)
}

func TestRebuildOfWhatIsNoRollup(t *testing.T) {
	r := newRig(t)
	_, err := r.rebuilder().Rebuild(t.Context(), base, base, "events")
	if err == nil || !strings.Contains(err.Error(), "there are account_members, channel_hour, identity_edges, ") {
		t.Errorf("rebuilding events: %v", err)
	}
}

// Raw without a month leaves rollups without it.
func TestRebuildOfAMonthThatIsGone(t *testing.T) {
	r := newRig(t)
	r.load(r.events(300))
	r.exec("ALTER TABLE events DROP PARTITION ID '202602'")
	r.rebuild("2026-02")
	if n := r.number("SELECT count() FROM person_day WHERE toYYYYMM(day) = 202602"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}
