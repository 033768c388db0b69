package loader

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/livello/livello/warehouse"
)

// merging is a table with parts that would be merged at once, and Merges that limits everything to parts of a thousand bytes.
type merging struct {
	*warehouse.Warehouse
	t      *testing.T
	behind atomic.Bool
}

func newMerging(t *testing.T) *merging {
	t.Helper()
	m := &merging{t: t, Warehouse: database(t)}
	m.exec("CREATE TABLE large (n UInt64, text String CODEC(NONE)) ENGINE = MergeTree ORDER BY n")
	m.exec("INSERT INTO large SELECT number, repeat('x', 200) FROM numbers(100)") // of the size that counts
	return m
}

func (m *merging) exec(statement string) {
	m.t.Helper()
	if err := m.Exec(m.t.Context(), statement); err != nil {
		m.t.Fatal(err)
	}
}

func (m *merging) number(query string) (n uint64) {
	m.t.Helper()
	if err := m.QueryRow(m.t.Context(), query).Scan(&n); err != nil {
		m.t.Fatal(err)
	}
	return n
}

// limited is how many tables have the limit of the test.
func (m *merging) limited() uint64 {
	return m.number("SELECT count() FROM system.tables WHERE database = currentDatabase() AND match(engine_full, 'max_bytes_to_merge_at_max_space_in_pool = 1000(,|$)')")
}

func (m *merging) parts() uint64 {
	return m.number("SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'large'")
}

func (m *merging) until(what string, holds func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			m.t.Fatalf("%s: not within half a minute", what)
		}
	}
}

// start has Merges run until the answered function is called, or the test ends.
func (m *merging) start(manyParts uint64) (stop func()) {
	ctx, cancel := context.WithCancel(m.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Merges{DB: m.Warehouse, Behind: m.behind.Load, Logger: slog.New(slog.DiscardHandler), largest: 1000, parts: manyParts, settled: 50 * time.Millisecond}.Run(ctx)
	}()
	stop = func() { cancel(); <-done }
	m.t.Cleanup(stop)
	return stop
}

func TestLargeMergesWait(t *testing.T) {
	m := newMerging(t)
	m.behind.Store(true)
	stop := m.start(manyParts)
	m.until("the limit", func() bool { return m.limited() > 0 })
	for range 30 {
		m.exec("INSERT INTO large SELECT number, repeat('x', 200) FROM numbers(100)")
	}
	time.Sleep(2 * time.Second) // ten times as long as they take to be merged without a limit
	if n := m.parts(); n != 31 {
		t.Errorf("%d parts of 31 are left while loading is behind: they were merged", n)
	}
	m.behind.Store(false)
	m.until("no limit", func() bool { return m.limited() == 0 })
	m.until("merges", func() bool { return m.parts() < 10 })
	m.behind.Store(true)
	m.until("the limit again", func() bool { return m.limited() > 0 })
	stop()
	if n := m.limited(); n != 0 {
		t.Errorf("%d tables have a limit after the end", n)
	}
}

func TestMergesThatCannotWait(t *testing.T) {
	m := newMerging(t)
	m.exec("SYSTEM STOP MERGES large")
	m.behind.Store(true)
	m.start(5)
	m.until("the limit", func() bool { return m.limited() > 0 })
	for range 10 {
		m.exec("INSERT INTO large SELECT number, repeat('x', 200) FROM numbers(100)")
	}
	m.until("no limit with eleven parts, of which five may be", func() bool { return m.limited() == 0 })
}

// What a killed process left is taken away; what somebody has set stays.
func TestLimitOfMergesThatWasLeft(t *testing.T) {
	m := newMerging(t)
	m.exec("CREATE TABLE theirs (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS max_bytes_to_merge_at_max_space_in_pool = 10000")
	m.exec("ALTER TABLE large MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1000")
	m.start(manyParts)
	m.until("no limit", func() bool { return m.limited() == 0 })
	const theirs = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND engine_full LIKE '%max_bytes_to_merge_at_max_space_in_pool = 10000%'"
	if m.number(theirs) != 1 {
		t.Error("a limit of somebody else's was taken away")
	}
}
