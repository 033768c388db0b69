package trust

import (
	"slices"
	"testing"
	"time"
)

func (r *rig) mender() *Mender {
	return &Mender{Verifier: r.verifier(), Rebuilder: r.rebuilder()}
}

// Each rollup there is, those without a check of their own too: nothing is rebuilt that is right, and what lacks or is there twice is
// found and made again, in its month only.
func TestMendFindsEveryRollup(t *testing.T) {
	r := newRig(t)
	r.exec(`CREATE TABLE source_day (day Date, source LowCardinality(String), events SimpleAggregateFunction(sum, UInt64), at SimpleAggregateFunction(groupArrayArray, Array(UInt32)))
ENGINE = AggregatingMergeTree PARTITION BY toYYYYMM(day) ORDER BY (day, source) SETTINGS non_replicated_deduplication_window = 1000`)
	r.exec("CREATE MATERIALIZED VIEW source_day_mv TO source_day AS SELECT toDate(ts) AS day, source, count() AS events, groupArray(toUInt32(ts)) AS at FROM events GROUP BY day, source")
	r.load(r.events(500))
	r.load(r.events(300))
	days := []time.Time{base.AddDate(0, 0, 2), base.AddDate(0, 0, 3)}
	for day := 33; day < 45; day++ { // on one day alone, a rollup of rare things may hold nothing
		days = append(days, base.AddDate(0, 0, day))
	}
	mend := func(want int) {
		t.Helper()
		if mended, err := r.mender().Mend(t.Context(), days); err != nil || mended != want {
			t.Errorf("%d months of tables were mended, want %d: %v", mended, want, err)
		}
	}
	mend(0)
	all, err := r.rebuilder().rollups(t.Context())
	if err != nil || !slices.ContainsFunc(all, func(u rollup) bool { return u.table == "source_day" }) {
		t.Fatalf("the rollups are %+v: %v", all, err)
	}
	days = days[2:]
	planted := 0
	for i, u := range all {
		if r.number("SELECT count() FROM "+u.table+" WHERE _partition_id = '202602'") == 0 {
			continue // none of these events is in it
		}
		adds := r.number("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = '"+u.table+"' AND engine = 'AggregatingMergeTree'") == 1
		if i%2 == 0 || !adds { // a row that is there twice is one row elsewhere
			r.exec("ALTER TABLE " + u.table + " DROP PARTITION ID '202602'")
		} else {
			r.exec("INSERT INTO " + u.table + " SELECT * FROM " + u.table + " WHERE _partition_id = '202602' SETTINGS insert_deduplicate = 0")
		}
		planted++
	}
	if planted < 6 {
		t.Errorf("only %d rollups hold anything", planted)
	}
	mend(planted)
	mend(0)
	r.noShadows()
	r.clean(800)
}

// A verification of everything would find nothing either, while events come in for the days that are mended.
func TestMendWhileEventsComeIn(t *testing.T) {
	r := newRig(t)
	stop := r.keepSending(100)
	if mended, err := r.mender().Mend(t.Context(), []time.Time{base, base.AddDate(0, 0, 1)}); err != nil || mended != 0 {
		t.Errorf("%d months of tables were mended: %v", mended, err)
	}
	r.exec("ALTER TABLE channel_hour DELETE WHERE toDate(hour) = '2026-01-02' SETTINGS mutations_sync = 2")
	if mended, err := r.mender().Mend(t.Context(), []time.Time{base, base.AddDate(0, 0, 1)}); err != nil || mended != 1 {
		t.Errorf("%d months of tables were mended: %v", mended, err)
	}
	sent := stop()
	r.drain()
	r.clean(sent)
}

// A segment that is settled while its month is rebuilt: the views have its rows, events get them past the views after the rebuild has read, and what is
// swapped in lacks them. Somebody has to look after that.
func TestMendBesideARebuild(t *testing.T) {
	r := newRig(t)
	r.load(r.events(300))
	const some = "toDate(ts) = '2026-02-03'"
	r.exec("CREATE TABLE beside AS events")
	r.exec("INSERT INTO beside SELECT * FROM events WHERE " + some)
	r.exec("ALTER TABLE events DELETE WHERE " + some + " SETTINGS mutations_sync = 2")
	waiting, mended := make(chan struct{}), make(chan error, 1)
	b := r.rebuilder()
	begun := false
	b.step = func(what string) error {
		switch {
		case what == "wait for a rebuild":
			close(waiting)
		case what == "fill person_day" && !begun: // the rebuild that is mended by fills it, too
			begun = true
			r.exec("ALTER TABLE events ATTACH PARTITION ID '202602' FROM beside")
			go func() {
				_, err := (&Mender{Verifier: r.verifier(), Rebuilder: b}).Mend(t.Context(), []time.Time{base.AddDate(0, 0, 33)})
				mended <- err
			}()
			select {
			case <-waiting:
			case err := <-mended:
				mended <- err
			}
		}
		return nil
	}
	if _, err := b.Rebuild(t.Context(), base.AddDate(0, 1, 0), base.AddDate(0, 1, 0), "person_day"); err != nil {
		t.Fatal(err)
	}
	if err := <-mended; err != nil {
		t.Fatal(err)
	}
	r.clean(300)
}
