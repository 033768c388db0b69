package trust

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/dedupe"
	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/loader"
	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// rig is the real way of an event: spool, loader, ClickHouse with all views.
type rig struct {
	t *testing.T
	*warehouse.Warehouse
	spool  *spool.Spool
	loader *loader.Loader
	random *rand.Rand
}

// base is the first day of test events.
var base = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newRig(t *testing.T) *rig {
	t.Helper()
	return newRigOn(t, engine.Migrated(t))
}

// newRigOn is a rig on a database whose schema may be older.
func newRigOn(t *testing.T, w *warehouse.Warehouse) *rig {
	t.Helper()
	r := &rig{t: t, Warehouse: w, random: rand.New(rand.NewPCG(1, uint64(len(t.Name()))))}
	dir := engine.TempDir(t)
	index, err := dedupe.Open(filepath.Join(dir, "dedupe"), dedupe.Options{Window: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	r.spool, err = spool.Open(spool.Options{Dir: filepath.Join(dir, "spool"), Index: index, MinFree: -1, Linger: time.Millisecond, SegmentRows: 400})
	if err != nil {
		t.Fatal(err)
	}
	r.loader = loader.New(loader.Options{Spool: r.spool, DB: r.Warehouse})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.loader.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, r.spool.Close(), index.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *rig) verifier() *Verifier { return &Verifier{DB: r, Hold: r.loader.Hold} }

var kinds = []string{"page_view", "content_download", "email_open", "email_sent", "purchase", "refund", "chat_message", "form_submission", "cart_add", "custom", "identify", "alias", "group"}

// events are n random events of the 45 days after base, two months, of every kind that a rollup looks at.
func (r *rig) events(n int) []event.Row {
	rows := make([]event.Row, n)
	pick := func(of ...string) string { return of[r.random.IntN(len(of))] }
	for i := range rows {
		kind := kinds[r.random.IntN(len(kinds))]
		row := event.Row{
			EventID: uuid.New(), Type: "track", Kind: kind, Name: kind, Source: pick("shop", "crm"), Channel: pick("web", "app", "email"),
			Time: base.Add(time.Duration(r.random.Int64N(int64(45 * 24 * time.Hour)))).UnixMilli(), ReceivedAt: time.Now().UnixMilli(),
			UserID: pick("", fmt.Sprint("u", r.random.IntN(40))), AnonymousID: fmt.Sprint("a", r.random.IntN(60)),
			AccountID: pick("", "acme"), UTMCampaign: pick("", "spring"), UTMSource: pick("", "News"), UTMMedium: pick("", "mail"), Referrer: pick("", "https://Example.com/a?b"), Path: pick("", "/p"), Currency: pick("EUR", "USD"), Value: r.random.Int64N(1_000_000),
			Machine: pick("", "", "", "bot"),
		}
		if kind == "identify" || kind == "alias" || kind == "group" {
			row.Type = kind
			row.Properties = []event.Property{{Key: "email", Value: pick("a@example.com", "b@example.com")}, {Key: "plan", Value: pick("x", "y")}}
			if kind == "alias" {
				row.PreviousID = row.AnonymousID
			}
		}
		rows[i] = row
	}
	return rows
}

// append accepts the events without waiting for the loader.
func (r *rig) append(rows []event.Row) {
	r.t.Helper()
	c := event.New()
	for i := range rows {
		c.Append(&rows[i])
	}
	if accepted, _, err := r.spool.Append(context.Background(), c); err != nil || accepted != len(rows) {
		r.t.Errorf("accepted %d of %d: %v", accepted, len(rows), err)
	}
}

// load accepts the events and waits until they are loaded.
func (r *rig) load(rows []event.Row) {
	r.t.Helper()
	r.append(rows)
	r.drain()
}

// keepSending appends batches until stop is called, never far ahead of the loader. stop answers how many events it was.
func (r *rig) keepSending(batch int) (stop func() int) {
	ctx, cancel := context.WithCancel(r.t.Context())
	sent := make(chan int)
	go func() {
		n := 0
		for ctx.Err() == nil {
			r.append(r.events(batch))
			n += batch
			for {
				progress := r.spool.Progress()
				if ctx.Err() != nil || r.spool.Status().WaitingRows < 3*batch {
					break
				}
				select {
				case <-progress:
				case <-ctx.Done():
				}
			}
		}
		sent <- n
	}()
	return func() int {
		cancel()
		return <-sent
	}
}

func (r *rig) drain() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	if err := loader.Drain(ctx, r.spool); err != nil {
		r.t.Fatal(err)
	}
}

// exec changes the database behind Livello's back; a mutation is waited for.
func (r *rig) exec(statement string) {
	r.t.Helper()
	if err := r.Exec(r.t.Context(), statement); err != nil {
		r.t.Fatalf("%s: %v", statement, err)
	}
}

func (r *rig) number(query string) (n uint64) {
	r.t.Helper()
	if err := r.QueryRow(r.t.Context(), query).Scan(&n); err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// verify is a verification of everything that has to come to an end.
func (r *rig) verify() Report {
	r.t.Helper()
	report, err := r.verifier().Verify(r.t.Context(), time.Time{}, time.Time{})
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

// clean wants a verification without differences, of so many events.
func (r *rig) clean(events int) {
	r.t.Helper()
	report := r.verify()
	for _, d := range report.Differences {
		r.t.Errorf("%s %s.%s: expected %s, found %s (%s)", d.Day, d.Table, d.Measure, d.Expected, d.Found, d.Meaning)
	}
	if report.Events != uint64(events) {
		r.t.Errorf("%d events were compared, want %d", report.Events, events)
	}
}
