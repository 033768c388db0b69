package identity

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// TestScale prints what it costs to merge anonymous ids into people, three or four ids each, for docs/identity.md:
//
//	LIVELLO_SCALE=1000000 go test ./identity -run TestScale -v -timeout 30m
func TestScale(t *testing.T) {
	ids, err := strconv.Atoi(os.Getenv("LIVELLO_SCALE"))
	if err != nil {
		t.Skip("set LIVELLO_SCALE to a number of anonymous ids to measure with")
	}
	w := engine.Migrated(t)
	ctx := context.Background()
	const segment = 10_000
	load := func(from, to int) { loadSightings(t, w, ids, from, to, segment) }
	measured := func(what string, edges int, do func()) { measured(t, what, edges, do) }
	tick := func(r *Resolver) {
		n, err := r.Tick(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			t.Logf("  %d ids have another place", n)
		}
	}
	part := ids / 3 / segment * segment
	r := New(Options{DB: w})
	tick(r)
	measured("events come, nobody resolves", part, func() { load(0, part) })
	measured("the resolver follows", part, func() { tick(r) })
	measured("events come while the resolver follows", part, func() {
		ctx, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		load(part, 2*part)
		t.Logf("  events were there")
		stop()
		<-done
	})
	measured("what was left to follow", part, func() { tick(r) })
	measured("events come, nobody resolves", part, func() { load(2*part, 3*part) })
	measured("the resolver follows", part, func() { tick(r) })
	measured("everything is decided anew", 3*part, func() {
		if n, err := New(Options{DB: w}).Rebuild(ctx); err != nil || n != 0 {
			t.Fatal(n, err)
		}
	})
	t.Log(texts(t, w, "SELECT toString((count(), uniqExact(person_id))) FROM person_ids"),
		texts(t, w, "SELECT concat(table, ' ', toString(sum(rows)), ' rows, ', formatReadableSize(sum(bytes_on_disk))) FROM system.parts WHERE active AND database = currentDatabase() AND (table LIKE 'person_%' OR table LIKE 'identity%') GROUP BY table"))
}

// TestScaleRebuild is the same for a rebuild of what came in one go.
func TestScaleRebuild(t *testing.T) {
	ids, err := strconv.Atoi(os.Getenv("LIVELLO_SCALE"))
	if err != nil {
		t.Skip("set LIVELLO_SCALE to a number of anonymous ids to measure with")
	}
	w := engine.Migrated(t)
	loadSightings(t, w, ids, 0, ids, ids)
	measured(t, "decided from nothing", ids, func() {
		if n, err := New(Options{DB: w}).Rebuild(context.Background()); err != nil || n != ids {
			t.Fatal(n, err)
		}
	})
}

// loadSightings writes events with the numbers from to to, a segment at a time.
func loadSightings(t *testing.T, w *warehouse.Warehouse, ids, from, to, segment int) {
	for ; from < to; from += segment {
		exec(t, w, fmt.Sprintf(`INSERT INTO events (event_id, type, kind, name, ts, received_at, distinct_id, anonymous_id, user_id)
SELECT generateUUIDv4(), 'identify', 'identify', 'identify', toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + number AS ts, ts, user_id AS distinct_id, concat('cookie-', toString(cityHash64(number))), concat('user-', toString(cityHash64(number, 1) %% %d)) AS user_id
FROM numbers(%d, %d)`, ids*3/10, from, segment))
	}
}

func measured(t *testing.T, what string, edges int, do func()) {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // from here on the peak is counted anew
	began, before := time.Now(), cpu()
	do()
	wall, used := time.Since(began).Seconds(), cpu()-before
	t.Logf("%s: %d ids in %.1f s, %.1f CPU s (%.2f per 10,000), peak %s", what, edges, wall, used, used*10_000/float64(edges), peak())
}

// cpu is what this process has used, the engine in it as well, in seconds.
func cpu() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

// peak is the most memory this process held, as the system tells.
func peak() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}
