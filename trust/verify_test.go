package trust

import (
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

// Every fault is found on its day and in its table, whatever else holds.
func TestPlantedFaultsAreFound(t *testing.T) {
	shared := newRig(t) // of the faults that are mended
	shared.load(shared.events(800))
	shared.clean(800)
	for name, fault := range map[string]struct {
		plant   string
		table   string
		measure string
		mend    bool // rebuilding the rollups is the cure
	}{
		"rows of a rollup gone":            {"ALTER TABLE person_day DELETE WHERE day = '2026-02-03' SETTINGS mutations_sync = 2", "person_day", "events", true},
		"a partition of a rollup gone":     {"ALTER TABLE channel_hour DROP PARTITION ID '202602'", "channel_hour", "events", true},
		"a block counted twice":            {"INSERT INTO person_day SELECT * FROM person_day WHERE day = '2026-02-03' SETTINGS insert_deduplicate = 0", "person_day", "by_person", true},
		"a value changed":                  {"ALTER TABLE channel_hour UPDATE value = value + 1 WHERE toDate(hour) = '2026-02-03' SETTINGS mutations_sync = 2", "channel_hour", "value", true},
		"one person's sums with another's": {"ALTER TABLE person_day UPDATE downloads = downloads + if(distinct_id = (SELECT min(distinct_id) FROM person_day WHERE day = '2026-02-03'), 1, if(distinct_id = (SELECT max(distinct_id) FROM person_day WHERE day = '2026-02-03'), toUInt64(-1), 0)) WHERE day = '2026-02-03' SETTINGS mutations_sync = 2", "person_day", "by_person", true},
		"an hour's events under another":   {"INSERT INTO channel_hour SELECT c.hour + INTERVAL 2 HOUR, channel, kind, source, campaign, currency, events, human_events, people, value FROM channel_hour AS c WHERE toDate(c.hour) = '2026-02-03' AND toHour(c.hour) < 22 SETTINGS insert_deduplicate = 0; ALTER TABLE channel_hour DELETE WHERE toDate(hour) = '2026-02-03' AND toHour(hour) < 2 SETTINGS mutations_sync = 2", "channel_hour", "by_key", true},
		"evidence gone":                    {"ALTER TABLE identity_edges DELETE WHERE month = '2026-02-01' AND kind = 'alias' SETTINGS mutations_sync = 2", "identity_edges", "evidence", true},
		"members gone":                     {"ALTER TABLE account_members DELETE WHERE month = '2026-02-01' SETTINGS mutations_sync = 2", "account_members", "evidence", true},
		"a trait changed":                  {"ALTER TABLE person_traits UPDATE value = 'z' WHERE toYYYYMM(at) = 202602 AND trait = 'plan' SETTINGS mutations_sync = 2", "person_traits", "latest_values", true},
		"traits gone":                      {"ALTER TABLE person_traits DELETE WHERE toYYYYMM(at) = 202602 SETTINGS mutations_sync = 2", "person_traits", "traits", true},
		"a hit of a visit gone":            {"ALTER TABLE visit_day UPDATE hits = arrayPopBack(hits) WHERE day = '2026-02-03' SETTINGS mutations_sync = 2", "visit_day", "hits", true},
		"a page that was not seen":         {"ALTER TABLE visit_day UPDATE hits = arrayMap(h -> (h.1, concat(h.2, '/'), h.3, h.4, h.5, h.6), hits) WHERE day = '2026-02-03' SETTINGS mutations_sync = 2", "visit_day", "by_hit", true},
		"milestones gone":                  {"ALTER TABLE milestones DELETE WHERE toDate(ts) = '2026-02-03' SETTINGS mutations_sync = 2", "milestones", "milestones", true},
		"an order of another channel":      {"ALTER TABLE milestones UPDATE channel = 'shop' WHERE toDate(ts) = '2026-02-03' SETTINGS mutations_sync = 2", "milestones", "by_row", true},
		"people of a month gone":           {"ALTER TABLE person_month DELETE WHERE month = '2026-02-01' AND distinct_id = 'u1' SETTINGS mutations_sync = 2", "person_month", "people", true},
		"orders counted twice":             {"INSERT INTO person_month SELECT * FROM person_month WHERE month = '2026-02-01' AND notEmpty(orders) LIMIT 1 SETTINGS insert_deduplicate = 0", "person_month", "by_order", true},
		"somebody's last day":              {"ALTER TABLE person_month UPDATE last_action_at = last_action_at + 1 WHERE month = '2026-02-01' AND distinct_id = 'u2' SETTINGS mutations_sync = 2", "person_month", "last_action_at", true},
		"first seen with another":          {"ALTER TABLE person_month UPDATE first_at = first_at + if(distinct_id = 'u3', 1, -1) WHERE month = '2026-02-01' AND distinct_id IN ('u3', 'u4') SETTINGS mutations_sync = 2", "person_month", "by_person", true},
		"a way in that nobody came":        {"INSERT INTO origins VALUES ('2026-02-01', 'nowhere', '', '')", "origins", "origins", true},
		"a way in under another name":      {"INSERT INTO origins SELECT month, concat(source, 'x'), medium, referrer FROM origins WHERE month = '2026-02-01' AND source = 'news'; ALTER TABLE origins DELETE WHERE month = '2026-02-01' AND source = 'news' SETTINGS mutations_sync = 2", "origins", "by_origin", true},
		"raw rows gone":                    {"ALTER TABLE events DELETE WHERE toDate(ts) = '2026-02-03' SETTINGS mutations_sync = 2", "events", "events", false},
		"a raw event exchanged":            {"ALTER TABLE events UPDATE properties = map('x', 'y') WHERE 0 SETTINGS mutations_sync = 2", "", "", false}, // changes nothing, and nothing is reported
		"receipts gone":                    {"ALTER TABLE receipts DELETE WHERE day = '2026-02-03' SETTINGS mutations_sync = 2", "events", "ids", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := shared
			if r.t = t; !fault.mend && fault.table != "" {
				r = newRig(t)
				r.load(r.events(800))
			}
			for _, statement := range strings.Split(fault.plant, "; ") {
				r.exec(statement)
			}
			report := r.verify()
			if fault.table == "" {
				r.clean(800)
				return
			}
			found := false
			for _, d := range report.Differences {
				found = found || d.Table == fault.table && d.Measure == fault.measure && strings.HasPrefix(d.Day, "2026-02-0")
				if !strings.HasPrefix(d.Day, "2026-02-") {
					t.Errorf("a difference on a day that was not touched: %+v", d)
				}
				if fault.mend && d.Table != fault.table {
					t.Errorf("a difference in a table that was not touched: %+v", d)
				}
			}
			if !found {
				t.Fatalf("%s.%s is not among %+v", fault.table, fault.measure, report.Differences)
			}
			if fault.mend {
				r.rebuild("2026-02", fault.table)
				r.clean(800)
			}
		})
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
