package schema_test

import (
	"context"
	"io"
	"regexp"
	"strconv"
	"testing"

	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// granules are those of a table that a statement would read, and those it has, by the plan's last word on them.
func granules(t *testing.T, w *warehouse.Warehouse, table, sql string) (read, all int) {
	t.Helper()
	answer, err := w.QueryFormat(context.Background(), "TSVRaw", "EXPLAIN indexes = 1 "+sql)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := io.ReadAll(answer)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Close(); err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`ReadFromMergeTree \([^)]*\.` + table + `\)(?s:.*?)Min-?Max(?s:.*?)Granules: \d+/(\d+)(?s:.*?)PrimaryKey(?s:.*?)Granules: (\d+)/\d+`).FindSubmatch(plan)
	if found == nil {
		t.Fatalf("no primary key of %s in the plan\n%s", table, plan)
	}
	all, _ = strconv.Atoi(string(found[1]))
	read, _ = strconv.Atoi(string(found[2]))
	return read, all
}

// The sessions of a period read the days of the period, those of a person few granules of the days on which they were there, and a person's orders theirs.
func TestVisitsUseTheKeys(t *testing.T) {
	w := engine.Migrated(t)
	exec(t, w, `INSERT INTO visit_day
		SELECT concat('a', toString(number % 10000)), toDate('2026-01-01') + intDiv(number, 10000), [(toDateTime64(toDate('2026-01-01') + intDiv(number, 10000), 3, 'UTC'), '/', '', '', '', '')]
		FROM numbers(300000)`)
	exec(t, w, `INSERT INTO milestones (distinct_id, ts, event_id, kind, value)
		SELECT concat('a', toString(number % 10000)), toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + intDiv(number, 10000) * 86400, generateUUIDv4(), 'purchase', 1
		FROM numbers(300000)`)
	exec(t, w, `INSERT INTO person_day (distinct_id, day, events) SELECT distinct_id, day, 1 FROM visit_day WHERE distinct_id IN ('a5', 'a77') AND toDayOfMonth(day) != 12`)
	exec(t, w, "DELETE FROM visit_day WHERE distinct_id IN ('a5', 'a77') AND toDayOfMonth(day) = 12")
	join(t, w, map[string]string{"a77": "a5"})
	exec(t, w, "OPTIMIZE TABLE visit_day FINAL")
	exec(t, w, "OPTIMIZE TABLE milestones FINAL")
	for _, c := range []struct {
		what, table, sql string
		most             int
	}{
		{"sessions of a day", "visit_day", "SELECT * FROM sessions_between(from = '2026-01-10', to = '2026-01-11', person = '')", 45}, // the day, the one before, two after
		{"sessions of a person and a week", "visit_day", "SELECT * FROM sessions_between(from = '2026-01-10', to = '2026-01-17', person = 'a5')", 20},
		{"orders of a person", "milestones", "SELECT * FROM person_orders(person = 'a5')", 4},
	} {
		if read, all := granules(t, w, c.table, c.sql); read > c.most || all < 250 {
			t.Errorf("%s: reads %d of %d granules of %s, want at most %d", c.what, read, all, c.table, c.most)
		} else {
			t.Logf("%s: %d of %d granules of %s", c.what, read, all, c.table)
		}
	}
	if got := answers[struct{ N int }](t, w, "SELECT count() AS N FROM sessions_between(from = '2026-01-10', to = '2026-01-17', person = 'a5')"); got[0].N != 6 {
		t.Errorf("%d sessions of a5 and a77 together, want one on each of six days", got[0].N)
	}
}
