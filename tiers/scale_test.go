package tiers

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// TestScale prints what evaluations cost with a million people, for docs/tiers.md: LIVELLO_SCALE=1000000 go test ./tiers -run TestScale -v -timeout 30m
func TestScale(t *testing.T) {
	people := os.Getenv("LIVELLO_SCALE")
	if people == "" {
		t.Skip("set LIVELLO_SCALE to a number of people to measure with")
	}
	r := newRig(t)
	timed := func(what string, do func()) {
		began := time.Now()
		do()
		t.Logf("%s: %.2f s", what, time.Since(began).Seconds())
	}
	fill := func(people string, perPerson int) {
		r.exec(fmt.Sprintf(`INSERT INTO events (event_id, type, kind, name, ts, channel, distinct_id, anonymous_id, path, content_id)
SELECT generateUUIDv4(), 'track', ['page_view', 'page_view', 'page_view', 'content_download', 'email_open', 'email_click', 'chat_message', 'purchase'][1 + cityHash64(number) %% 8] AS k, k,
    toDateTime64('2026-03-20 12:00:00', 3, 'UTC') - toIntervalSecond(pow(cityHash64(number, 1) %% 1000000 / 1000000, 2) * 90 * 86400), 'web', concat('person-', toString(number %% %s)) AS d, d, '/pricing', 'x'
FROM numbers(%s * %d) SETTINGS optimize_on_insert = 0, max_partitions_per_insert_block = 0`, people, people, perPerson))
	}
	timed("insert events, 6 a person", func() { fill(people, 6) })
	timed("evaluate everybody", func() { t.Logf("%+v", r.tick()) })
	for _, some := range []string{"1", "100", "5000"} {
		for range 3 {
			fill(some, 1)
			timed("news of "+some, func() { r.tick() })
		}
	}
	timed("nobody is due", func() { r.due() })
	r.clock = r.clock.Add(24 * time.Hour)
	timed("midnight", func() {
		done, err := r.Due(context.Background(), nil)
		t.Logf("%+v, %v", done, err)
	})
	t.Logf("%v", r.rows("SELECT concat(table, ' ', toString(sum(rows)), ' rows, ', formatReadableSize(sum(bytes_on_disk))) FROM system.parts WHERE active AND database = currentDatabase() AND table IN ('person_states', 'tier_observations', 'person_day', 'events') GROUP BY table"))
}
