package trust

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/livello/livello/ingest/event"
)

// sentAgain accepts events once more that the spool's index has forgotten.
func (r *rig) sentAgain(events []event.Row) {
	r.t.Helper()
	late := slices.Clone(events)
	for i := range late {
		late[i].ReceivedAt += 1000
	}
	newSpoolBeside(r.t, r).load(late)
}

// january are those of events.
func january(events []event.Row) (some []event.Row) {
	for _, e := range events {
		if e.Time < base.AddDate(0, 1, 0).UnixMilli() {
			some = append(some, e)
		}
	}
	return some
}

// Rollups that counted late repetitions are made again by the schedule, by itself; a difference that these do not explain stays, with what else its table has in that month.
func TestScheduleMendsLateRepeats(t *testing.T) {
	r := newRig(t)
	events := r.events(600)
	r.load(events)
	v := r.verifier()
	v.Rebuilder, v.MendRepeats = r.rebuilder(), true
	count := prometheus.NewCounter(prometheus.CounterOpts{Name: "mended"})
	run := func() Report {
		t.Helper()
		spans, err := v.everything(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		report, err := v.verify(t.Context(), spans, true, false)
		if err == nil && len(report.Differences) > 0 {
			report, err = v.mendAndLook(t.Context(), report, count)
		}
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	// A real fault, of two tables in February. Nobody mends it.
	r.exec("ALTER TABLE channel_hour UPDATE value = value + 1 WHERE toDate(hour) = '2026-02-03' SETTINGS mutations_sync = 2")
	r.exec("ALTER TABLE person_day UPDATE downloads = downloads + 1 WHERE day = '2026-02-03' SETTINGS mutations_sync = 2")
	fault := run()
	if len(fault.Differences) == 0 || testutil.ToFloat64(count) != 0 {
		t.Fatalf("%d differences, %v mended", len(fault.Differences), testutil.ToFloat64(count))
	}
	r.exec("SYSTEM STOP MERGES events") // when a merge comes must not decide what this sees
	r.sentAgain(events[100:140])
	if n := len(january(events[100:140])); n == 0 || n == 40 {
		t.Fatal("this wants copies in both months")
	}
	report := run()
	for _, d := range report.Differences {
		if d.Table != "channel_hour" && d.Table != "person_day" || !strings.HasPrefix(d.Day, "2026-02") {
			t.Errorf("late repetitions explain it, and it is not mended: %+v", d)
		}
	}
	for _, d := range fault.Differences {
		if !slices.ContainsFunc(report.Differences, func(o Difference) bool { return o.Table == d.Table && o.Day == d.Day && o.Measure == d.Measure }) {
			t.Errorf("a fault that late repetitions do not explain is mended silently: %+v", d)
		}
	}
	if n := testutil.ToFloat64(count); n < 4 {
		t.Errorf("%v months of rollups were made again", n)
	}
	r.exec("SYSTEM START MERGES events")
	r.rebuild("2026-02", "channel_hour", "person_day")
	r.clean(600)
}

// Copies that merged before anybody saw them are no loss where it can be known: one of a day, whose hash is that of an event of the day.
func TestMergedCopyIsNoLoss(t *testing.T) {
	r := newRig(t)
	events := january(r.events(300))
	r.load(events)
	all := uint64(len(events))
	late := event.Row{}
	for _, e := range events {
		if e.Time > base.AddDate(0, 0, 5).UnixMilli() && e.Kind == "page_view" {
			late = e
		}
	}
	v := r.verifier()
	v.Rebuilder, v.MendRepeats = r.rebuilder(), true
	for n := range 2 { // twice the same event
		r.sentAgain([]event.Row{late})
		r.exec("OPTIMIZE TABLE events FINAL")
		if stored := r.number("SELECT count() FROM events"); stored != all {
			t.Fatalf("%d rows after merging, want %d", stored, all)
		}
		report := r.verify()
		if report.Repeats != uint64(n+1) || len(report.Differences) == 0 {
			t.Errorf("%d repeats, %d differences", report.Repeats, len(report.Differences))
		}
		for _, d := range report.Differences {
			if d.Table == "events" {
				t.Errorf("a merged copy is taken for a loss: %+v", d)
			}
		}
		// And the rollups that counted it are made again.
		if mended, err := v.mendRepeats(t.Context(), report); err != nil || mended == 0 {
			t.Errorf("%d months of rollups were made again: %v", mended, err)
		}
	}
	r.clean(len(events))
	// A loss of one event stays one.
	r.exec("ALTER TABLE events DELETE WHERE event_id = '" + events[0].EventID.String() + "' SETTINGS mutations_sync = 2")
	report := r.verify()
	if !slices.ContainsFunc(report.Differences, func(d Difference) bool {
		return d.Table == "events" && strings.HasPrefix(d.Meaning, "1 accepted events are not stored")
	}) {
		t.Errorf("an event is lost, and not reported: %+v", report.Differences)
	}
	if mended, err := v.mendRepeats(t.Context(), report); err != nil || mended != 0 {
		t.Errorf("%d months of rollups were made again because an event is lost: %v", mended, err)
	}
}

// What a person knows about is no difference any more, and stays in the report.
func TestAccept(t *testing.T) {
	r := newRig(t)
	events := slices.DeleteFunc(r.events(500), func(e event.Row) bool { return e.Time < base.AddDate(0, 1, 0).UnixMilli() })
	r.load(events)
	v := r.verifier()
	day := base.AddDate(0, 0, 33)
	accept := func() error { return v.Accept(t.Context(), []time.Time{day}, "ann@shop", "the old disk's") }
	if err := accept(); err == nil || !strings.Contains(err.Error(), "nothing to accept: the events of 2026-02-03") {
		t.Errorf("accepted a day without a difference: %v", err)
	}
	gone := r.number("SELECT count() FROM events WHERE toDate(ts) = '2026-02-03'")
	r.exec("ALTER TABLE events DELETE WHERE toDate(ts) = '2026-02-03' SETTINGS mutations_sync = 2")
	r.rebuild("2026-02")
	if len(r.verify().Differences) != 2 || gone < 2 {
		t.Fatalf("%d events are gone: %+v", gone, r.verify().Differences)
	}
	if err := accept(); err != nil {
		t.Fatal(err)
	}
	r.clean(len(events) - int(gone))
	if a := r.verify().Accepted; len(a) != 1 || a[0].Day != "2026-02-03" || a[0].Missing != int64(gone) || a[0].By != "ann@shop" || a[0].Because != "the old disk's" || a[0].At.IsZero() {
		t.Errorf("the report says %+v", a)
	}
	if err := accept(); err == nil {
		t.Error("accepted what was accepted")
	}
	// More is missing since: that is another matter.
	r.exec("INSERT INTO events SELECT * REPLACE (generateUUIDv4() AS event_id, ts + INTERVAL 1 DAY AS ts) FROM events WHERE toDate(ts) = '2026-02-03' LIMIT 1") // of the day before: ts is the replaced one
	r.rebuild("2026-02")
	held := Spool{Aside: []Unloaded{{Segment: 7, State: "refused", Help: "livello spool retry 7"}}}
	v.Spool = func() (Spool, error) { return held, nil }
	if err := accept(); err == nil || !strings.Contains(err.Error(), "segment 7 is refused") {
		t.Errorf("what a refused segment may have brought is accepted: %v", err)
	}
	held = Spool{}
	if err := accept(); err != nil {
		t.Error(err)
	}
	r.clean(len(events) - int(gone) + 1)
	if a := r.verify().Accepted; len(a) != 2 || a[1].Missing != -1 {
		t.Errorf("the report says %+v", a)
	}
}
