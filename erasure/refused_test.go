package erasure

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/dedupe"
	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/loader"
	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/trust"
)

// parts are the real way of an event, with a loader that gives a segment up at its first refusal.
type parts struct {
	*spool.Spool
	*loader.Loader
}

func (r *rig) parts() parts {
	r.t.Helper()
	dir := engine.TempDir(r.t)
	index, err := dedupe.Open(filepath.Join(dir, "dedupe"), dedupe.Options{Window: time.Hour})
	if err != nil {
		r.t.Fatal(err)
	}
	log, err := spool.Open(spool.Options{Dir: filepath.Join(dir, "spool"), Index: index, MinFree: -1, Linger: time.Millisecond})
	if err != nil {
		r.t.Fatal(err)
	}
	p := parts{Spool: log}
	p.Loader = loader.New(loader.Options{Spool: log, DB: r.Warehouse, RefusedAttempts: 1, RefusedFor: time.Nanosecond, FirstRetry: time.Millisecond, LongestRetry: time.Millisecond,
		Mend: func(ctx context.Context, days []time.Time) (int, error) {
			return (&trust.Mender{Verifier: &trust.Verifier{DB: r}, Rebuilder: &trust.Rebuilder{DB: r}}).Mend(ctx, days)
		}})
	r.t.Cleanup(func() {
		if err := errors.Join(log.Close(), index.Close()); err != nil {
			r.t.Error(err)
		}
	})
	return p
}

// run loads until the test ends.
func (p parts) run(r *rig) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
}

// accept has the events in a segment of their own.
func (p parts) accept(r *rig, rows ...event.Row) {
	r.t.Helper()
	c := event.New()
	for i := range rows {
		c.Append(&rows[i])
	}
	if accepted, _, err := p.Append(r.t.Context(), c); err != nil || accepted != len(rows) {
		r.t.Fatalf("accepted %d: %v", accepted, err)
	}
	if err := p.Seal(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// A segment that ClickHouse refused is in events all the same, because a view failed after the table had its rows. Then somebody is erased, of whom there is
// something in it, and the rest is put back: everything adds up.
func testRefusedSegment(r *rig) {
	t := r.t
	did := func(user, name string, month time.Month) event.Row {
		return event.Row{EventID: uuid.New(), Type: "track", Kind: "page_view", Name: name, Channel: "web", UserID: user,
			Time: time.Date(2026, month, 10, 12, 0, 0, 0, time.UTC).UnixMilli(), ReceivedAt: time.Now().UnixMilli()}
	}
	r.exec("CREATE TABLE strict (n UInt8) ENGINE = MergeTree ORDER BY n")
	r.exec("CREATE MATERIALIZED VIEW strict_mv TO strict AS SELECT throwIf(name = 'Poison') AS n FROM events")
	p := r.parts()
	again := did("ada-refused", "Seen", time.January)
	p.accept(r, did("ada-refused", "Poison", time.January), again, did("bob-refused", "Seen", time.January), did("ada-refused", "Seen", time.March))
	p.accept(r, did("ada-refused", "Seen", time.January), did("bob-refused", "Seen", time.February))
	p.run(r)
	for progress := p.Progress(); p.Status().Refused == 0; progress = p.Progress() {
		select {
		case <-progress:
		case <-time.After(time.Minute):
			t.Fatalf("nothing is set aside: %+v", p.Status())
		}
	}
	if n := r.number("SELECT count() FROM events WHERE distinct_id = 'ada-refused' AND name = 'Poison' OR event_id = '" + again.EventID.String() + "'"); n != 2 {
		t.Fatalf("%d of her refused events are in events, and this is about such", n)
	}
	// One of them was sent again when nobody knew it any more, and that one has its receipt.
	r.exec("INSERT INTO events SELECT * REPLACE (received_at + INTERVAL 1 SECOND AS received_at) FROM events WHERE event_id = '" + again.EventID.String() + "'")
	r.exec("INSERT INTO receipts (segment_id, day, rows, id_sum) VALUES (generateUUIDv4(), '2026-01-10', 1, cityHash64(toUUID('" + again.EventID.String() + "')))")

	o := r.options(-1)
	o.Settle = func(ctx context.Context) error {
		_, err := r.resolver.Tick(ctx)
		return errors.Join(loader.Drain(ctx, p.Spool), p.Settle(ctx), err)
	}
	o.Refused = func(ids []string) (events []Event, err error) {
		kept, err := p.RefusedOf(ids)
		for _, k := range kept {
			events = append(events, Event(k))
		}
		return events, err
	}
	o.Files = func(ids []string) (map[string]uint64, []string, error) {
		done, err := p.Erase(ids)
		return map[string]uint64{"refused segments": uint64(done.Removed)}, nil, err
	}
	c, err := r.eraserWith(o).Erase(t.Context(), "ada-refused", "a test")
	if err != nil || c.Removed["refused segments"] != 3 || c.Changed["channel_hour_months"] != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	if n := r.number("SELECT sum(rows) FROM erased_days WHERE request = '" + c.Request.String() + "'"); n != 2 {
		t.Errorf("%d events were erased by what verify is told, want 2", n)
	}
	if where := r.found("ada-refused"); len(where) > 0 {
		t.Errorf("she is found in %v", where)
	}
	r.exec("DROP TABLE strict_mv SYNC")
	if n, err := p.PutBack(); n != 1 || err != nil {
		t.Fatalf("put back %d: %v", n, err)
	}
	if err := o.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := r.number("SELECT uniqExact(event_id) FROM events WHERE distinct_id = 'bob-refused'"); n != 2 {
		t.Errorf("%d events of bob, want 2", n)
	}
	r.wantClean()
	r.exec("DROP TABLE strict SYNC")
}
