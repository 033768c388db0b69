package trust

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/queries"
)

// wrong wants what the gauge and the tile of the boards say after the verifications of v.
func (r *rig) wrong(v *Verifier, when string, want uint64) {
	r.t.Helper()
	if got := v.seen.differences.Load(); got != want {
		r.t.Errorf("%s: the gauge says %d, want %d", when, got, want)
	}
	if got := r.number("SELECT sum(numbers) FROM known_differences FINAL"); got != want {
		r.t.Errorf("%s: %d numbers are known to be wrong, want %d", when, got, want)
	}
	var answer bytes.Buffer
	if err := (queries.Runner{DB: r}).Run(r.t.Context(), "data_trust", map[string]string{"limit": "1"}, "json", &answer); err != nil {
		r.t.Fatal(err)
	}
	if details := !strings.Contains(answer.String(), `"wrong_details": ""`); details != (want > 0) {
		r.t.Errorf("%s: data_trust says %s", when, answer.String())
	}
}

// A difference stays known, in the gauge, in the query and after a restart, however many verifications of other days find nothing, until its own day was compared again.
func TestWhatIsWrongStaysKnown(t *testing.T) {
	r := newRig(t)
	r.load(r.events(500))
	v := r.verifier()
	whole := func() Report {
		t.Helper()
		report, err := v.Verify(t.Context(), time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	part := func(from, to int) Report {
		t.Helper()
		report, err := v.Verify(t.Context(), base.AddDate(0, 0, from), base.AddDate(0, 0, to))
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	whole()
	r.wrong(v, "while all is right", 0)
	r.exec("ALTER TABLE person_day UPDATE downloads = downloads + 1 WHERE day = '2026-02-03' SETTINGS mutations_sync = 2")
	r.exec("ALTER TABLE origins DELETE WHERE month = '2026-02-01' SETTINGS mutations_sync = 2")
	planted := uint64(len(whole().Differences))
	if planted < 4 {
		t.Fatalf("only %d differences", planted)
	}
	r.wrong(v, "after the fault", planted)

	// The schedule looks at the last two days and at what was loaded since.
	report, err := v.scheduled(t.Context(), time.Now().Add(time.Hour))
	if err != nil || len(report.Differences) > 0 || len(report.Known) != 2 || report.Known[0].Day != "2026-02-01" || report.Known[1].Table != "person_day" {
		t.Errorf("a verification of two other days: %+v, %v", report, err)
	}
	r.wrong(v, "after a run by schedule", planted)
	if report := part(0, 31); len(report.Differences) > 0 || len(report.Known) != 2 {
		t.Errorf("a verification of another month: %+v", report)
	}
	r.wrong(v, "after a verification of another month", planted)

	// A new process knows it from the start.
	v = r.verifier()
	if err := v.recall(t.Context()); err != nil {
		t.Error(err)
	}
	r.wrong(v, "after a restart", planted)

	// A table that is kept by month is compared with any day of it; one by day is not.
	r.rebuild("2026-02")
	if report := part(35, 36); len(report.Known) != 1 || report.Known[0].Table != "person_day" {
		t.Errorf("after a verification of another day of the month: %+v", report.Known)
	}
	if report := part(33, 34); report.Days != 1 || len(report.Known) > 0 {
		t.Errorf("after a verification of the day: %+v", report)
	}
	r.wrong(v, "after the rebuild", 0)

	// What is gone with its month is found right by a verification of everything only.
	r.exec("ALTER TABLE person_day UPDATE downloads = downloads + 1 WHERE day = '2026-02-03' SETTINGS mutations_sync = 2")
	whole()
	r.exec("ALTER TABLE receipts DELETE WHERE toYYYYMM(day) = 202602 SETTINGS mutations_sync = 2")
	for _, table := range append([]string{"events"}, checks[1:]...) {
		r.exec("ALTER TABLE " + table + " DROP PARTITION ID '202602'")
	}
	part(0, 10)
	if v.seen.differences.Load() == 0 {
		t.Error("what was not compared is forgotten")
	}
	whole()
	r.wrong(v, "after the month is gone", 0)
}

// Everything is verified when nobody did for a day, whichever process did it, and otherwise what was loaded since.
func TestWhenEverythingIsVerified(t *testing.T) {
	r := newRig(t)
	r.load(january(r.events(200)))
	days := r.verify().Days
	lastWhole := func(ago time.Duration) {
		t.Helper()
		r.exec("TRUNCATE TABLE verifications")
		if ago > 0 {
			at := time.Now().Add(-ago).UTC().Format(milliseconds)
			r.exec("INSERT INTO verifications (at, from_day, to_day, whole) VALUES ('" + at + "', '2026-01-01', '2026-02-01', 1)")
			r.exec("INSERT INTO verifications (at, from_day, to_day, whole) VALUES (now64(3), '2026-01-01', '2026-01-02', 0)") // by hand
		}
	}
	for _, one := range []struct {
		name  string
		ago   time.Duration
		since time.Time
		whole uint64
		days  int
	}{
		{"nobody ever did", 0, time.Time{}, 1, days},
		{"25 hours ago", 25 * time.Hour, time.Now().Add(time.Hour), 1, days},
		{"an hour ago, by a process that ended", time.Hour, time.Time{}, 0, days}, // what was loaded since then
		{"an hour ago, by this one", time.Hour, time.Now().Add(time.Hour), 0, 0},
	} {
		lastWhole(one.ago)
		report, err := r.verifier().scheduled(t.Context(), one.since)
		if err != nil || report.Days != one.days {
			t.Errorf("%s: %d days are compared, want %d: %v", one.name, report.Days, one.days, err)
		}
		if whole := r.number("SELECT toUInt64(argMax(whole, at)) FROM verifications"); whole != one.whole {
			t.Errorf("%s: it is noted as one of everything: %d, want %d", one.name, whole, one.whole)
		}
	}

	// A service that starts does not wait for its schedule.
	lastWhole(0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	done := make(chan struct{})
	v := r.verifier()
	v.soon = time.Millisecond
	go func() {
		defer close(done)
		v.Watch(ctx, 24*time.Hour, prometheus.NewRegistry())
	}()
	for v.seen.at.Load() == 0 && ctx.Err() == nil {
		<-time.After(10 * time.Millisecond)
	}
	if ctx.Err() != nil || r.number("SELECT count() FROM verifications WHERE whole = 1 AND events > 0") != 1 {
		t.Error("nothing was verified after the start")
	}
	cancel()
	<-done
}

func TestWhatTheSpoolHoldsIsWrong(t *testing.T) {
	r := newRig(t)
	r.load(r.events(50))
	held := Spool{Waiting: 3, Aside: []Unloaded{
		{Segment: 17, State: "refused", Events: 500, Since: base.AddDate(0, 0, 32), Why: "ClickHouse refused it", Help: "livello spool retry 17"},
		{Segment: 18, State: "torn", Since: base, Harmless: true},
	}}
	v := r.verifier()
	v.Spool, v.Service = func() (Spool, error) { return held, nil }, "one"
	look := func(v *Verifier, differences int) Report {
		t.Helper()
		report, err := v.Verify(t.Context(), base, base.AddDate(0, 0, 1)) // whichever days
		if err != nil || len(report.Differences) != differences {
			t.Errorf("%d differences, want %d: %+v, %v", len(report.Differences), differences, report.Differences, err)
		}
		return report
	}
	if d := look(v, 1).Differences; len(d) == 1 && (d[0].Table != "spool" || d[0].Found != "500 events" || !strings.Contains(d[0].Measure, "17") || !strings.Contains(d[0].Meaning, "livello spool retry 17")) {
		t.Errorf("what is told of a refused segment: %+v", d)
	}
	r.wrong(v, "with a refused segment", 1)

	// Another service on the database has a spool of its own, and knows nothing of this one.
	other := r.verifier()
	other.Spool, other.Service = func() (Spool, error) { return Spool{}, nil }, "other"
	if report := look(other, 0); len(report.Known) != 1 || report.Known[0].Service != "one" {
		t.Errorf("another service: %+v", report.Known)
	}
	r.wrong(other, "as another service knows", 1)
	held.Aside = held.Aside[1:]
	look(v, 0)
	r.wrong(v, "after the retry", 0)
}
