package schema_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

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

// everything is what somebody does, says and is told within three months, so that every table that a view feeds gets a few rows of it.
func everything() []map[string]any {
	var rows []map[string]any
	for _, day := range []string{"2026-01-31", "2026-02-01", "2026-03-15"} {
		for i, row := range []map[string]any{
			{"kind": "page_view", "channel": "web", "path": "/pricing", "utm_source": "News", "utm_medium": "mail", "utm_campaign": "c", "referrer": "https://other.example/a?b"},
			{"kind": "content_download", "channel": "web", "content_id": "whitepaper", "sentiment": 0.5},
			{"kind": "purchase", "channel": "web", "order_id": day, "value": 12, "currency": "EUR"},
			{"kind": "refund", "channel": "store", "order_id": day, "value": 2, "currency": "EUR"},
			{"kind": "survey_response", "channel": "survey", "name": "NPS", "score": 9},
			{"kind": "email_click", "channel": "email", "utm_campaign": "c"},
			{"kind": "email_click", "channel": "email", "machine": "every_link"},
			{"kind": "identify", "type": "identify", "properties": map[string]string{"email": "u@example.com"}},
			{"kind": "group", "type": "group"},
		} {
			row["event_id"] = uuid.NewSHA1(uuid.NameSpaceOID, []byte(fmt.Sprint(day, i)))
			row["ts"] = fmt.Sprintf("%s 10:%02d:00.000", day, i)
			row["distinct_id"], row["user_id"], row["anonymous_id"], row["account_id"] = "u", "u", "a", "acme"
			rows = append(rows, row)
		}
	}
	return rows
}

// insertEverything sends it in one INSERT, as the loader does.
func insertEverything(t *testing.T, w *warehouse.Warehouse, token string) {
	t.Helper()
	var body strings.Builder
	for _, row := range everything() {
		line, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		body.Write(append(line, '\n'))
	}
	statement := `INSERT INTO events (event_id, type, kind, name, ts, channel, distinct_id, anonymous_id, user_id, account_id, path, referrer, utm_source, utm_medium, utm_campaign, content_id, order_id, value, currency, score, sentiment, machine, properties)
` + strings.SplitAfterN(insertSQL(token), "\n", 2)[1]
	if err := w.InsertFormat(t.Context(), "JSONEachRow", statement, strings.NewReader(body.String())); err != nil {
		t.Fatal(err)
	}
}

// notOnce are tables that a view feeds and that a repeated insert may repeat, and why.
var notOnce = map[string]string{
	"touched_ids":   "a queue of two days: an id that is looked at twice is no fault",
	"touched_edges": "a queue of two days, fed from identity_edges",
	"rates":         "fed from measurements, not from events",
}

// fed are the tables that materialized views feed from events, and events: as the database says, so that none is forgotten that comes later.
func fed(t *testing.T, w *warehouse.Warehouse) []string {
	t.Helper()
	tables := []string{"events"}
	known := 0
	for _, table := range column(t, w, "SELECT DISTINCT extract(create_table_query, ' TO (?:[^ .]+\\.)?`?([a-z_]+)') AS fed FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView' ORDER BY fed") {
		if notOnce[table] != "" {
			known++
			continue
		}
		tables = append(tables, table)
	}
	if known != len(notOnce) || len(tables) < 12 {
		t.Fatalf("the views feed %v, and %d of those that may repeat what they hold: is this the schema?", tables, known)
	}
	return tables
}

// rows are what each of the tables holds, as they lie there: how many rows, and the sum of their hashes. What merges is not to change them meanwhile.
func rows(t *testing.T, w *warehouse.Warehouse, tables []string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, table := range tables {
		values := column(t, w, `SELECT multiIf(startsWith(type, 'AggregateFunction('), concat('finalizeAggregation(', name, ')'), position(type, 'groupArrayArray') > 0, concat('arraySort(', name, ')'), name)
FROM system.columns WHERE database = currentDatabase() AND table = '`+table+`' AND NOT (name = 'received_at') ORDER BY position`)
		out[table] = strings.Join(column(t, w, "SELECT concat(toString(count()), ' rows, hash ', toString(sum(cityHash64(toString(tuple("+strings.Join(values, ", ")+")))))) FROM "+table), "")
	}
	return out
}

// unmerged is a migrated database in which the tables keep the rows as they were inserted.
func unmerged(t *testing.T) (*warehouse.Warehouse, []string) {
	t.Helper()
	w := engine.Migrated(t)
	tables := fed(t, w)
	for _, table := range tables {
		if err := w.Exec(t.Context(), "SYSTEM STOP MERGES "+table); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := w.Exec(context.Background(), "SYSTEM START MERGES "+table); err != nil {
				t.Error(err)
			}
		})
	}
	return w, tables
}

func compareRows(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for table := range want {
		if got[table] != want[table] {
			t.Errorf("%s: %s holds %s, want %s", what, table, got[table], want[table])
		}
	}
}

// totals are what the three months of everything add up to, counted by hand. Each table has one.
var totals = map[string]struct{ query, once string }{
	"events":          {"SELECT toString((count(), sum(value))) FROM events", "(27,42)"},
	"person_day":      {"SELECT toString((sum(events), sum(actions), sum(page_views), sum(downloads), sum(email_clicks), sum(purchases), sumMap(revenue), length(groupArrayArray(visit_times)))) FROM person_day", "(18,18,3,3,3,3,{'EUR':30},9)"},
	"person_month":    {"SELECT toString((count(), length(groupArrayArray(orders)))) FROM person_month FINAL", "(3,6)"},
	"person_signals":  {"SELECT toString((sumMap(signals), length(groupArrayArray(key_pages)), length(groupArrayArray(download_times)), max(nps).2, sum(sentiment_sum), sum(sentiment_count))) FROM person_signals", "({'whitepaper_downloads':3},3,3,9,1.5,3)"},
	"channel_hour":    {"SELECT toString((sum(events), sum(human_events), sum(value), uniqCombined64Merge(12)(people))) FROM channel_hour", "(21,18,42,1)"},
	"survey_day":      {"SELECT toString((sum(responses), sum(promoters), sum(score_sum))) FROM survey_day", "(3,3,27)"},
	"visit_day":       {"SELECT toString(length(groupArrayArray(hits))) FROM visit_day", "9"},
	"milestones":      {"SELECT toString((count(), sum(value))) FROM milestones FINAL", "(12,42)"},
	"origins":         {"SELECT toString(groupArray((source, medium, referrer, n))) FROM (SELECT source, medium, referrer, count() AS n FROM origins FINAL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3)", "[('','email','',3),('news','mail','https://other.example/a',3)]"},
	"identity_edges":  {"SELECT toString(sum(evidence)) FROM identity_edges", "27"},
	"account_members": {"SELECT toString(sum(evidence)) FROM account_members", "27"},
	"person_traits":   {"SELECT toString(groupArray((distinct_id, trait, value, at))) FROM person_traits FINAL", "[('u','email','u@example.com','2026-03-15 10:07:00.000')]"},
}

// The same token inserts nothing more, in no table; another one does in each, so that the test would see it.
func TestTheSameTokenCountsOnce(t *testing.T) {
	w, tables := unmerged(t)
	insertEverything(t, w, "t1")
	for _, table := range tables {
		total, is := totals[table]
		if !is {
			t.Errorf("%s is fed by a view: say in totals what it holds of everything()", table)
			continue
		}
		if got := strings.Join(column(t, w, total.query), ""); got != total.once {
			t.Errorf("%s holds %s, want %s", table, got, total.once)
		}
	}
	once := rows(t, w, tables)
	insertEverything(t, w, "t1")
	compareRows(t, "same token", rows(t, w, tables), once)

	insertEverything(t, w, "t2")
	twice := rows(t, w, tables)
	for _, table := range tables {
		if twice[table] == once[table] {
			t.Errorf("another token: %s still holds %s, so this test would not see a repetition", table, once[table])
		}
	}
}

// After kill -9 in the middle of an insert, events can hold a block that a rollup lacks. The retry completes it.
func TestARetryCompletesTheRollups(t *testing.T) {
	w, tables := unmerged(t)
	insertEverything(t, w, "t1")
	want := rows(t, w, tables)
	for _, table := range tables[1:] {
		t.Run(table, func(t *testing.T) {
			w, tables := unmerged(t)
			exec := func(query string) {
				t.Helper()
				if err := w.Exec(t.Context(), query); err != nil {
					t.Fatal(err)
				}
			}
			exec("DETACH TABLE " + table + "_mv SYNC")
			insertEverything(t, w, "t1")
			exec("ATTACH TABLE " + table + "_mv")
			if got := rows(t, w, tables); got[table] == want[table] {
				t.Fatalf("%s got the block although its view was away: %s", table, got[table])
			}
			insertEverything(t, w, "t1")
			compareRows(t, "after the retry", rows(t, w, tables), want)
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
		got := column(t, w, "SELECT toString((sum(purchases), sumMap(revenue))) FROM person_day UNION ALL SELECT toString(sum(evidence)) FROM account_members")
		slices.Sort(got)
		if !slices.Equal(got, []string{"(110,{'EUR':110})", "110"}) {
			t.Fatalf("110 months: %v", got)
		}
	}
}
