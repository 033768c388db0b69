package identity

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/livello/livello/warehouse"
)

// testPeopleByKey asks for one person among many: all that is kept by id or person is read by key, and the answer is that of everybody's view.
func testPeopleByKey(t *testing.T, w *warehouse.Warehouse) {
	for _, table := range []string{"person_day", "person_traits", "account_members"} {
		exec(t, w, "TRUNCATE TABLE "+table)
	}
	exec(t, w, `INSERT INTO events (event_id, type, kind, ts, received_at, channel, distinct_id, anonymous_id, user_id)
SELECT generateUUIDv4(), 'track', 'page_view', toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + number AS ts, ts, 'web', if(user_id = '', anonymous_id, user_id),
    concat('a', toString(intDiv(number, 2))) AS anonymous_id, if(number % 2 = 0, concat('u', toString(intDiv(number, 4))), '') AS user_id
FROM numbers(60000)`)
	exec(t, w, `INSERT INTO events (event_id, type, kind, ts, received_at, distinct_id, anonymous_id, user_id, previous_id, account_id, properties) VALUES
(generateUUIDv4(), 'identify', 'identify', '2026-02-01', '2026-02-01', 'u7', '', 'u7', '', '', map('traits.email', 'u7@example.com')),
(generateUUIDv4(), 'group', 'group', '2026-02-01', '2026-02-01', 'u7', '', 'u7', '', 'acme', map()),
(generateUUIDv4(), 'alias', 'alias', '2026-02-02', '2026-02-02', 'u7new', '', 'u7new', 'u7', '', map()),
(generateUUIDv4(), 'identify', 'identify', '2026-02-03', '2026-02-03', 'only told', 'a15', 'only told', '', '', map())`)
	r := New(Options{DB: w})
	if _, err := r.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Split(t.Context(), "a14", "somebody else", "a test"); err != nil {
		t.Fatal(err)
	}
	const row = "SELECT toString(tuple(person_id, distinct_ids, traits, account_id, first_seen, last_seen)) FROM "
	want := texts(t, w, row+"people WHERE person_id IN ('a14', 'u7new') ORDER BY person_id")
	if len(want) != 2 {
		t.Fatalf("%q", want)
	}
	for id, person := range map[string][]string{"u7": want[1:], "u7new": want[1:], "a15": want[1:], "a14": want[:1], "nobody": nil} {
		if got := texts(t, w, row+"people_of(id = '"+id+"')"); !slices.Equal(got, person) {
			t.Errorf("%s: got %q\nwant %q", id, got, person)
		}
	}
	plan := strings.Join(texts(t, w, "EXPLAIN indexes = 1 SELECT * FROM people_of(id = 'a20000')"), "\n")
	for _, table := range []string{"person_day", "person_map"} {
		found := regexp.MustCompile(`ReadFromMergeTree \([^)]*\.`+table+`\)(?s:.*?)PrimaryKey(?s:.*?)Granules: (\d+)/(\d+)`).FindAllStringSubmatch(plan, -1)
		for _, f := range found {
			read, _ := strconv.Atoi(f[1])
			if all, _ := strconv.Atoi(f[2]); read > 4 || all < 20 {
				t.Errorf("%s: reads %d of %d granules\n%s", table, read, all, plan)
			}
		}
		if len(found) == 0 {
			t.Errorf("%s: no primary key in the plan\n%s", table, plan)
		}
	}
}
