package queries_test

import (
	"io"
	"regexp"
	"strconv"
	"testing"

	"github.com/livello/livello/identity"
	"github.com/livello/livello/queries"
)

// A person's history reads that person's granules, found by the key, however the person is named.
func TestHistoryUsesTheKey(t *testing.T) {
	db := openDatabase(t)
	const people = `INSERT INTO events (event_id, type, kind, ts, received_at, channel, distinct_id, anonymous_id, user_id)
		SELECT generateUUIDv4(), 'track', 'page_view', toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + number % 2000000 AS ts, ts, 'web', if(user_id = '', anonymous_id, user_id),
			concat('a', toString(intDiv(number, 20))) AS anonymous_id, if(number % 20 = 0, concat('u', toString(intDiv(number, 20))), '') AS user_id
		FROM numbers(60000)`
	if err := db.Exec(t.Context(), people); err != nil {
		t.Fatal(err)
	}
	if err := identity.Resolve(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	set, err := queries.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	q, err := set.Get("engagement_history")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"u1500", "a1500"} {
		args, err := queries.Args(q, map[string]string{"person": id}, then())
		if err != nil {
			t.Fatal(err)
		}
		answer, err := db.QueryFormat(t.Context(), "TSVRaw", "EXPLAIN indexes = 1 "+q.SQL, args...)
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
		// The last line on granules of the table events is what is left to read.
		of := regexp.MustCompile(`ReadFromMergeTree \([^)]*\.events\)(?s:.*?)PrimaryKey(?s:.*?)Granules: (\d+)/(\d+)`).FindAllSubmatch(plan, -1)
		if len(of) == 0 {
			t.Fatalf("%s: no primary key in the plan\n%s", id, plan)
		}
		read, _ := strconv.Atoi(string(of[len(of)-1][1]))
		all, _ := strconv.Atoi(string(of[len(of)-1][2]))
		if read > 4 || all < 20 {
			t.Errorf("%s: reads %d of %d granules\n%s", id, read, all, plan)
		}
		if got := rowsOf(ask(t, db, "engagement_history", "csv", map[string]string{"person": id})); got != 20 {
			t.Errorf("%s: got %d events, want the 20 of both ids", id, got)
		}
	}
}

// rowsOf counts the lines of a CSV below its header.
func rowsOf(csv string) int { return len(regexp.MustCompile(`\n`).FindAllString(csv, -1)) - 1 }
