package trust

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRandomLoadsVerify(t *testing.T) {
	r := newRig(t)
	r.clean(0)
	for _, n := range []int{1, 700, 900} { // the later ones are late for most days
		r.load(r.events(n))
	}
	r.clean(1601)
	report := r.verify()
	if report.Days != 45 || report.Sums < 45*20 || report.From != "2026-01-01" || report.To != "2026-03-01" {
		t.Errorf("it says it compared %d days, %d numbers, %s to %s", report.Days, report.Sums, report.From, report.To)
	}
	if n := r.number("SELECT count() FROM verifications WHERE differences = 0"); n != 3 {
		t.Errorf("%d verifications are written down, want 3", n)
	}
	one, err := r.verifier().Verify(t.Context(), base.AddDate(0, 0, 40), base.AddDate(0, 0, 42))
	if err != nil || one.Days != 2 || len(one.Differences) > 0 || one.Events == 0 || one.Events > 100 {
		t.Errorf("two days: %+v, %v", one, err)
	}
}

// Every fault is found on its day and in its table, whatever else holds, and is cured by a rebuild of that table. As many tables as there are have a fault
// at a time, so that not each of them costs a verification.
func TestPlantedFaultsAreFound(t *testing.T) {
	r := newRig(t)
	r.load(r.events(800))
	r.clean(800)
	faults := map[string][]fault{} // by table
	for _, f := range []fault{
		{"rows of a rollup gone", "ALTER TABLE person_day DELETE WHERE day = '2026-02-03' SETTINGS mutations_sync = 2", "person_day", "events", ""},
		{"a partition of a rollup gone", "ALTER TABLE channel_hour DROP PARTITION ID '202602'", "channel_hour", "events", ""},
		{"a block counted twice", "INSERT INTO person_day SELECT * FROM person_day WHERE day = '2026-02-03' SETTINGS insert_deduplicate = 0", "person_day", "by_person", ""},
		{"a value changed", "ALTER TABLE channel_hour UPDATE value = value + 1 WHERE toDate(hour) = '2026-02-03' SETTINGS mutations_sync = 2", "channel_hour", "value", ""},
		{"one person's sums with another's", "ALTER TABLE person_day UPDATE downloads = downloads + if(distinct_id = (SELECT min(distinct_id) FROM person_day WHERE day = '2026-02-03'), 1, if(distinct_id = (SELECT max(distinct_id) FROM person_day WHERE day = '2026-02-03'), toUInt64(-1), 0)) WHERE day = '2026-02-03' SETTINGS mutations_sync = 2", "person_day", "by_person", ""},
		{"an hour's events under another", "INSERT INTO channel_hour SELECT c.hour + INTERVAL 2 HOUR, channel, kind, source, campaign, currency, events, human_events, people, value FROM channel_hour AS c WHERE toDate(c.hour) = '2026-02-03' AND toHour(c.hour) < 22 SETTINGS insert_deduplicate = 0; ALTER TABLE channel_hour DELETE WHERE toDate(hour) = '2026-02-03' AND toHour(hour) < 2 SETTINGS mutations_sync = 2", "channel_hour", "by_key", ""},
		{"evidence gone", "ALTER TABLE identity_edges DELETE WHERE month = '2026-02-01' AND kind = 'alias' SETTINGS mutations_sync = 2", "identity_edges", "evidence", ""},
		{"members gone", "ALTER TABLE account_members DELETE WHERE month = '2026-02-01' SETTINGS mutations_sync = 2", "account_members", "evidence", ""},
		{"a trait changed", "ALTER TABLE person_traits UPDATE value = 'z' WHERE toYYYYMM(at) = 202602 AND trait = 'plan' SETTINGS mutations_sync = 2", "person_traits", "latest_values", ""},
		{"traits gone", "ALTER TABLE person_traits DELETE WHERE toYYYYMM(at) = 202602 SETTINGS mutations_sync = 2", "person_traits", "traits", ""},
		{"a hit of a visit gone", "ALTER TABLE visit_day UPDATE hits = arrayPopBack(hits) WHERE day = '2026-02-03' SETTINGS mutations_sync = 2", "visit_day", "hits", ""},
		{"a page that was not seen", "ALTER TABLE visit_day UPDATE hits = arrayMap(h -> (h.1, concat(h.2, '/'), h.3, h.4, h.5, h.6), hits) WHERE day = '2026-02-03' SETTINGS mutations_sync = 2", "visit_day", "by_hit", ""},
		{"milestones gone", "ALTER TABLE milestones DELETE WHERE toDate(ts) = '2026-02-03' SETTINGS mutations_sync = 2", "milestones", "milestones", ""},
		{"an order of another channel", "ALTER TABLE milestones UPDATE channel = 'shop' WHERE toDate(ts) = '2026-02-03' SETTINGS mutations_sync = 2", "milestones", "by_row", ""},
		{"people of a month gone", "ALTER TABLE person_month DELETE WHERE month = '2026-02-01' AND distinct_id = 'u1' SETTINGS mutations_sync = 2", "person_month", "people", ""},
		{"orders counted twice", "INSERT INTO person_month SELECT * FROM person_month WHERE month = '2026-02-01' AND notEmpty(orders) LIMIT 1 SETTINGS insert_deduplicate = 0", "person_month", "by_order", ""},
		{"somebody's last day", "ALTER TABLE person_month UPDATE last_action_at = last_action_at + 1 WHERE month = '2026-02-01' AND distinct_id = 'u2' SETTINGS mutations_sync = 2", "person_month", "last_action_at", ""},
		{"first seen with another", "ALTER TABLE person_month UPDATE first_at = first_at + if(distinct_id = 'u3', 1, -1) WHERE month = '2026-02-01' AND distinct_id IN ('u3', 'u4') SETTINGS mutations_sync = 2", "person_month", "by_person", ""},
		{"a way in that nobody came", "INSERT INTO origins VALUES ('2026-02-01', 'nowhere', '', '')", "origins", "origins", ""},
		{"a way in under another name", "INSERT INTO origins SELECT month, concat(source, 'x'), medium, referrer FROM origins WHERE month = '2026-02-01' AND source = 'news'; ALTER TABLE origins DELETE WHERE month = '2026-02-01' AND source = 'news' SETTINGS mutations_sync = 2", "origins", "by_origin", ""},
	} {
		faults[f.table] = append(faults[f.table], f)
	}
	for len(faults) > 0 {
		var planted []fault
		var tables []string
		for table, of := range faults {
			r.plant(of[0])
			planted, tables = append(planted, of[0]), append(tables, table)
			if faults[table] = of[1:]; len(of) == 1 {
				delete(faults, table)
			}
		}
		r.wantFound(planted...)
		r.rebuild("2026-02", tables...)
		r.clean(800)
	}
	// What no rebuild mends. The second lies on another day than the first.
	gone := fault{"raw rows gone", "ALTER TABLE events DELETE WHERE toDate(ts) = '2026-02-03' SETTINGS mutations_sync = 2", "events", "events", "2026-02-03"}
	r.plant(gone)
	r.rebuild("2026-02") // the rollups are of what is left
	r.wantFound(gone)
	unknown := fault{"receipts gone", "ALTER TABLE receipts DELETE WHERE day = '2026-02-05' SETTINGS mutations_sync = 2", "events", "ids", "2026-02-05"}
	r.plant(unknown)
	r.wantFound(gone, unknown)
}

// fault is what somebody did to a table on 2026-02-03, or in that month, and which sum tells, of which day ("": of one of the first of the month).
type fault struct{ name, statements, table, measure, day string }

func (r *rig) plant(f fault) {
	r.t.Helper()
	for _, statement := range strings.Split(f.statements, "; ") {
		r.exec(statement)
	}
}

// wantFound wants a difference for each of the faults, in the month that was touched, and none of another table.
func (r *rig) wantFound(faults ...fault) {
	r.t.Helper()
	report := r.verify()
	for _, d := range report.Differences {
		if !strings.HasPrefix(d.Day, "2026-02-") {
			r.t.Errorf("a difference on a day that was not touched: %+v", d)
		}
		if !slices.ContainsFunc(faults, func(f fault) bool { return f.table == d.Table }) {
			r.t.Errorf("a difference in a table that was not touched: %+v", d)
		}
	}
	for _, f := range faults {
		if !slices.ContainsFunc(report.Differences, func(d Difference) bool {
			return d.Table == f.table && d.Measure == f.measure && strings.HasPrefix(d.Day, cmp.Or(f.day, "2026-02-0"))
		}) {
			r.t.Errorf("%s: %s.%s is not among %+v", f.name, f.table, f.measure, report.Differences)
		}
	}
}

// An event that is sent again after the window is counted twice until the rollups are rebuilt, and is no loss after its copies
// have merged.
func TestLateRepeatsAreNoLoss(t *testing.T) {
	r := newRig(t)
	events := r.events(600)
	r.load(events[:500])
	r.exec("SYSTEM STOP MERGES events") // when a merge comes must not decide what this sees
	// A second spool knows nothing of the first one's ids, as an index whose window has passed.
	again := newSpoolBeside(t, r)
	late := slices.Clone(events[100:140])
	for i := range late {
		late[i].ReceivedAt += 1000
	}
	again.load(late)
	report := r.verify()
	if report.Repeats != 40 {
		t.Errorf("%d repeats are noted, want 40", report.Repeats)
	}
	for _, d := range report.Differences {
		if d.Table == "events" {
			t.Errorf("a repeated event is taken for a fault of events: %+v", d)
		}
	}
	if len(report.Differences) == 0 {
		t.Error("the rollups count the repeated events twice, and nothing is reported")
	}
	r.exec("SYSTEM START MERGES events")
	r.exec("OPTIMIZE TABLE events FINAL")
	if n := r.number("SELECT count() FROM events"); n != 500 {
		t.Fatalf("%d rows after merging, want 500", n)
	}
	for _, month := range []string{"2026-01", "2026-02"} {
		r.rebuild(month)
	}
	r.clean(500)
	r.load(events[500:])
	r.clean(600)
}

// A verification beside running ingest reports nothing, though every day is in motion.
func TestVerifyWhileEventsComeIn(t *testing.T) {
	r := newRig(t)
	stop := r.keepSending(100)
	for range 3 {
		if report := r.verify(); len(report.Differences) > 0 {
			t.Errorf("%d differences while events come in, such as %+v", len(report.Differences), report.Differences[0])
		}
	}
	sent := stop()
	r.drain()
	r.clean(sent)
}

func TestWatchLooksAtWhatWasTouched(t *testing.T) {
	r := newRig(t)
	r.load(r.events(300))
	spans, err := r.verifier().recent(t.Context(), time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	touched := 0
	for _, s := range spans {
		touched += int(s.to.Sub(s.from).Hours() / 24)
	}
	if touched < 45 || touched > 49 {
		t.Errorf("%d days are looked at after a load that touched 45", touched)
	}
	if spans, err = r.verifier().recent(t.Context(), time.Now().Add(time.Hour)); err != nil || len(spans) > 2 {
		t.Errorf("nothing was loaded since, but %v are looked at: %v", spans, err)
	}
}
