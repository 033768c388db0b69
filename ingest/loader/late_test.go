package loader

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/livello/livello/ingest/dedupe"
	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/test/engine"
)

// imported are n purchases of a year ago, two a day, received at this time.
func imported(ids []uuid.UUID, received time.Time) *event.Columns {
	c := event.New()
	for i, id := range ids {
		c.Append(&event.Row{
			EventID: id, Type: "track", Kind: "purchase", Name: "Order Completed", Source: "test", Channel: "web",
			Time: time.Date(2025, 3, 1+i/2, 12, 0, 0, 0, time.UTC).UnixMilli(), ReceivedAt: received.UnixMilli(),
			UserID: fmt.Sprint("u", i%17), AnonymousID: fmt.Sprint("a", i%17), Value: 100_000, Currency: "EUR",
		})
	}
	return c
}

func newIDs(n int) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	return ids
}

// A history that is imported once more after the deduplication window is counted once, in events and in every rollup, and so is what was sent with
// another difference of the clocks. What is new in it is loaded.
func TestLateRepeatsAreLeftOut(t *testing.T) {
	const window = time.Hour
	w := database(t)
	dir := engine.TempDir(t)
	began := time.Now()
	var later atomic.Int64 // by how much
	now := func() time.Time { return began.Add(time.Duration(later.Load())) }
	index, err := dedupe.Open(filepath.Join(dir, "dedupe"), dedupe.Options{Window: window, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	s, err := spool.Open(spool.Options{Dir: filepath.Join(dir, "spool"), Index: index, MinFree: -1, Linger: time.Millisecond, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), index.Close()); err != nil {
			t.Error(err)
		}
	})
	registry := prometheus.NewPedanticRegistry()
	run(t, Options{Spool: s, DB: w, Window: window, Registry: registry})
	send := func(c *event.Columns, accepted, duplicates int) {
		t.Helper()
		a, d, err := s.Append(t.Context(), c)
		if err != nil || a != accepted || d != duplicates {
			t.Fatalf("%d accepted, %d duplicates: %v; want %d and %d", a, d, err, accepted, duplicates)
		}
		drain(t, s)
	}
	forget := func() { // the index writes ids out now, and lets go of them when the window has passed
		t.Helper()
		flushed := index.Flush(t.Context())
		later.Add(int64(3 * window))
		if err := errors.Join(flushed, index.Flush(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	left := func(want float64) {
		t.Helper()
		text := fmt.Sprintf("# HELP %[1]s %[2]s\n# TYPE %[1]s counter\n%[1]s %[3]v\n", "livello_loader_late_repeats_total",
			"Accepted events that were left out because they are stored since before the deduplication window.", want)
		if err := testutil.GatherAndCompare(registry, strings.NewReader(text), "livello_loader_late_repeats_total"); err != nil {
			t.Error(err)
		}
	}

	ids := newIDs(100)
	send(imported(ids, now()), 100, 0)
	send(imported(ids[:10], now()), 0, 10)
	counted(t, w, 100)

	forget()
	again := imported(append(slices.Clone(ids[:60]), uuid.New()), now())
	send(again, 61, 0)
	counted(t, w, 101)
	left(60)

	forget()
	shifted := event.New()
	for i, id := range ids[60:] {
		shifted.Append(&event.Row{
			EventID: id, Type: "track", Kind: "purchase", Name: "Order Completed", Source: "test", Channel: "web",
			Time: time.Date(2025, 3, 1+(60+i)/2, 12, 0, 0, 7_000_000, time.UTC).UnixMilli(), ReceivedAt: now().UnixMilli(),
			UserID: fmt.Sprint("u", (60+i)%17), AnonymousID: fmt.Sprint("a", (60+i)%17), Value: 100_000, Currency: "EUR",
		})
	}
	send(shifted, 40, 0) // nothing of this segment is new
	counted(t, w, 101)
	left(100)
	if st := s.Status(); st.Segments != 0 || st.WaitingRows != 0 || st.Refused != 0 {
		t.Errorf("left in the spool: %+v", st)
	}
	send(imported(newIDs(5), now()), 5, 0)
	counted(t, w, 106)
}
