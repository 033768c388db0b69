package faults

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/warehouse"
)

// TestKilledUnderLoad kills the service with kill -9 at random moments while clients send, and starts it again. In the end every
// event that was answered for is in events once, and in both rollups once; nothing else is.
// LIVELLO_KILLS sets how often (20), so that `make faults` can do it longer.
func TestKilledUnderLoad(t *testing.T) {
	kills := 20
	if v := os.Getenv("LIVELLO_KILLS"); v != "" {
		var err error
		if kills, err = strconv.Atoi(v); err != nil {
			t.Fatalf("LIVELLO_KILLS: %v", err)
		}
	}
	if testing.Short() {
		kills = 5
	}
	data := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	s := start(t, data)
	c := &client{key: writeKey(t, data), batch: 40, api: s.api, ledger: map[uuid.UUID]string{}}
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for worker := range 6 {
		clients.Go(func() { c.run(ctx, t, worker) })
	}
	for range kills {
		// The moment is random: it has to fall between any two lines sooner or later.
		time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond)
		s.kill()
		s = start(t, data)
		c.move(s.api)
	}
	stop()
	clients.Wait()
	waitLoaded(t, s, data)
	s.terminate(t)
	t.Logf("%d kills, %d requests, %d events answered for", kills, c.sent.Load(), len(c.ledger))

	w, err := warehouse.Open(t.Context(), warehouse.Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	checkLedger(t, w, c.ledger)
}

// waitLoaded waits until the spool holds nothing that ClickHouse has not confirmed.
func waitLoaded(t *testing.T, s *service, data string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		waiting, err := filepath.Glob(filepath.Join(data, "spool", "*.segment"))
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) == 0 {
			return
		}
		select {
		case <-s.gone:
			t.Fatalf("the service ended with %d segments in the spool:\n%s", len(waiting), s.logs)
		case <-ctx.Done():
			t.Fatalf("after two minutes %d segments are still in the spool:\n%s", len(waiting), s.logs)
		case <-tick.C:
		}
	}
}

// checkLedger holds the warehouse against what the client was told.
func checkLedger(t *testing.T, w *warehouse.Warehouse, ledger map[uuid.UUID]string) {
	t.Helper()
	rows, err := w.Query(t.Context(), "SELECT event_id, any(distinct_id), count() FROM events GROUP BY event_id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	stored, doubled, unknown := 0, 0, 0
	for rows.Next() {
		var id uuid.UUID
		var person string
		var n uint64
		if err := rows.Scan(&id, &person, &n); err != nil {
			t.Fatal(err)
		}
		stored++
		if n > 1 {
			doubled++
		}
		if ledger[id] != person {
			unknown++
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if lost := len(ledger) - (stored - unknown); lost != 0 || doubled != 0 || unknown != 0 {
		t.Errorf("of %d events answered for, %d are lost, %d doubled; %d are there that nobody was told of", len(ledger), lost, doubled, unknown)
	}
	want := uint64(len(ledger))
	for rollup, query := range map[string]string{
		"person_day":     "SELECT sum(purchases) FROM person_day",
		"channel_hour":   "SELECT sum(events) FROM channel_hour",
		"identity_edges": "SELECT sum(evidence) FROM identity_edges",
	} {
		var n uint64
		if err := w.QueryRow(t.Context(), query).Scan(&n); err != nil {
			t.Fatalf("%s: %v", rollup, err)
		}
		if n != want {
			t.Errorf("%s counts %d events, want %d", rollup, n, want)
		}
	}
}
