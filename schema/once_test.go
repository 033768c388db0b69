package schema_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// spanning are events of three months that every rollup takes something from.
func spanning() []ev {
	var events []ev
	for _, day := range []string{"2026-01-31", "2026-02-01", "2026-03-15"} {
		at, _ := time.Parse(time.DateOnly, day)
		events = append(events,
			ev{at: at, kind: "page_view", channel: "web", anon: "a", user: "u", account: "acme", campaign: "c"},
			ev{at: at.Add(time.Minute), kind: "purchase", channel: "web", user: "u", value: 12, currency: "EUR"},
			ev{at: at.Add(2 * time.Minute), kind: "page_view", channel: "web", anon: "b", machine: "user_agent"},
			ev{at: at.Add(3 * time.Minute), kind: "identify", anon: "b", user: "v", traits: map[string]string{"email": "v@example.com"}},
		)
	}
	return events
}

// totals are what must not change when an insert is repeated: each table's rows added up, as text.
var totals = map[string]string{
	"events":          "SELECT toString((count(), sum(value))) FROM events",
	"person_day":      "SELECT toString((sum(events), sum(actions), sum(page_views), sum(purchases), sumMap(revenue), arraySum(x -> 1, groupArrayArray(visit_times)))) FROM person_day",
	"channel_hour":    "SELECT toString((sum(events), sum(human_events), sum(value))) FROM channel_hour",
	"identity_edges":  "SELECT toString(sum(evidence)) FROM identity_edges",
	"account_members": "SELECT toString(sum(evidence)) FROM account_members",
	"person_traits":   "SELECT toString(count()) FROM person_traits",
}

func sums(t *testing.T, w *warehouse.Warehouse) map[string]string {
	t.Helper()
	out := map[string]string{}
	for table, query := range totals {
		out[table] = strings.Join(column(t, w, query), "")
	}
	return out
}

func compareSums(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for table := range totals {
		if got[table] != want[table] {
			t.Errorf("%s: %s holds %s, want %s", what, table, got[table], want[table])
		}
	}
}

func TestTheSameTokenCountsOnce(t *testing.T) {
	w := engine.Migrated(t)
	insert(t, w, "t1", spanning()...)
	once := sums(t, w)
	if want := "(12,36)"; once["events"] != want {
		t.Fatalf("events: %s, want %s", once["events"], want)
	}
	if want := "(6,6,3,3,{'EUR':36},6)"; once["person_day"] != want {
		t.Fatalf("person_day: %s, want %s", once["person_day"], want)
	}
	if want := "(9,6,36)"; once["channel_hour"] != want {
		t.Fatalf("channel_hour: %s, want %s", once["channel_hour"], want)
	}
	insert(t, w, "t1", spanning()...)
	compareSums(t, "same token", sums(t, w), once)

	insert(t, w, "t2", spanning()...)
	twice := sums(t, w)
	for table := range totals {
		if twice[table] == once[table] {
			t.Errorf("another token: %s still holds %s, so this test would not see a repetition", table, once[table])
		}
	}
}

// After kill -9 in the middle of an insert, events can hold a block that a rollup lacks. The retry completes it.
func TestARetryCompletesTheRollups(t *testing.T) {
	ctx := context.Background()
	w := engine.Migrated(t)
	insert(t, w, "t1", spanning()...)
	want := sums(t, w)
	for table := range totals {
		if table == "events" {
			continue
		}
		t.Run(table, func(t *testing.T) {
			w := engine.Migrated(t)
			exec := func(query string) {
				t.Helper()
				if err := w.Exec(ctx, query); err != nil {
					t.Fatal(err)
				}
			}
			exec("DETACH TABLE " + table + "_mv SYNC")
			insert(t, w, "t1", spanning()...)
			exec("ATTACH TABLE " + table + "_mv")
			if got := sums(t, w); got[table] == want[table] {
				t.Fatalf("%s got the block although its view was away: %s", table, got[table])
			}
			insert(t, w, "t1", spanning()...)
			compareSums(t, "after the retry", sums(t, w), want)
		})
	}
}

// A historic load touches more months than ClickHouse's default of 100 partitions per insert.
func TestAnInsertMaySpanManyMonths(t *testing.T) {
	w := engine.Migrated(t)
	var events []ev
	for month := range 110 {
		events = append(events, ev{at: time.Date(2010, 1, 5, 0, 0, 0, 0, time.UTC).AddDate(0, month, 0), kind: "purchase", channel: "store", user: "u", account: "acme", value: 1, currency: "EUR"})
	}
	for range 2 {
		insert(t, w, "history", events...)
		if got := sums(t, w); got["person_day"] != "(110,110,0,110,{'EUR':110},0)" || got["account_members"] != "110" {
			t.Fatalf("110 months: %v", got)
		}
	}
}
