package erasure

import (
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestScale prints what an erasure costs among many events, for docs/erasure.md: LIVELLO_SCALE=5000000 go test ./erasure -run TestScale -v -timeout 30m
func TestScale(t *testing.T) {
	events := os.Getenv("LIVELLO_SCALE")
	if events == "" {
		t.Skip("set LIVELLO_SCALE to a number of events to measure with")
	}
	r := newRig(t)
	used := func() float64 {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	timed := func(what string, do func()) {
		began, before := time.Now(), used()
		do()
		t.Logf("%s: %.2f s, %.2f CPU s", what, time.Since(began).Seconds(), used()-before)
	}
	timed("insert", func() {
		// A year of a visitor for every 12 events; every third says who they are.
		r.exec(fmt.Sprintf(`INSERT INTO events (event_id, type, kind, name, ts, channel, distinct_id, anonymous_id, user_id, path, value, currency, score)
SELECT generateUUIDv4(), 'track', ['page_view', 'page_view', 'page_view', 'content_download', 'email_open', 'email_click', 'chat_message', 'purchase', 'review'][1 + cityHash64(number) %% 9] AS k, k,
    toDateTime64('2026-03-20 12:00:00', 3, 'UTC') - toIntervalSecond(cityHash64(number, 1) %% (365 * 86400)), 'web', if(u = '', a, u), concat('dev-', toString(intDiv(number, 12))) AS a,
    if(number %% 36 = 0, concat('user-', toString(intDiv(number, 12))), '') AS u, '/pricing', if(k = 'purchase', 10, 0), if(k = 'purchase', 'EUR', ''), if(k = 'review', 4, NULL)
FROM numbers(%s) SETTINGS max_insert_threads = 1, max_partitions_per_insert_block = 0`, events))
	})
	timed("resolve", func() {
		if _, err := r.resolver.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	// As many states as there are people; deciding what they say would take minutes and changes nothing here.
	r.exec("INSERT INTO person_states (person_id, version) SELECT DISTINCT distinct_id, 1 FROM person_day WHERE distinct_id NOT IN (SELECT distinct_id FROM person_ids)")
	for _, id := range []string{"user-0", "dev-3", "dev-301", "nobody"} {
		timed("erase "+id, func() {
			c, err := r.eraser(-1).Erase(t.Context(), id, "a test")
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d ids, %d events, %v", c.IDs, c.Removed["events"], c.Changed)
		})
	}
}
