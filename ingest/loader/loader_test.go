package loader

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/trust"
	"github.com/livello/livello/warehouse"
)

func database(t *testing.T) *warehouse.Warehouse { return engine.Migrated(t) }

func newSpool(t *testing.T, o spool.Options) *spool.Spool {
	t.Helper()
	return newSpoolIn(t, engine.TempDir(t), o)
}

func newSpoolIn(t *testing.T, dir string, o spool.Options) *spool.Spool {
	t.Helper()
	index, err := dedupe.Open(filepath.Join(dir, "dedupe"), dedupe.Options{Window: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	o.Dir, o.Index, o.MinFree = filepath.Join(dir, "spool"), index, -1
	s, err := spool.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), index.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// acts is a block of n events that are worth 10.00 EUR each, two a day back from now, which is some months, by people who came before: of
// every rollup's sort.
func acts(n int) *event.Columns {
	c := event.New()
	for i := range n {
		row := event.Row{
			EventID: uuid.New(), Type: "track", Kind: "purchase", Name: "Order Completed", Source: "test", Channel: "web",
			Time: time.Now().Add(-time.Duration(i) * 12 * time.Hour).UnixMilli(), ReceivedAt: time.Now().UnixMilli(),
			UserID: fmt.Sprint("u", i%17), AnonymousID: fmt.Sprint("a", i%17), AccountID: fmt.Sprint("account", i%3), Value: 100_000, Currency: "EUR",
			Properties: []event.Property{{Key: "plan", Value: "team"}},
		}
		switch i % 7 {
		case 1:
			row.Kind, row.Path, row.UTMSource, row.Referrer = "page_view", "/pricing", "news", "https://other.example/a"
		case 2:
			row.Kind, row.ContentID = "content_download", "whitepaper"
		case 3:
			row.Kind, row.Name, row.Channel, row.Score = "survey_response", "NPS", "survey", event.SomeFloat(9)
		case 4:
			row.Type, row.Kind, row.Name = "identify", "identify", ""
		case 5:
			row.Kind, row.Channel, row.Machine = "email_click", "email", "every_link"
		}
		c.Append(&row)
	}
	return c
}

// run starts a loader and stops it when the test ends.
func run(t *testing.T, o Options) *Loader {
	t.Helper()
	o.FirstRetry, o.LongestRetry = time.Millisecond, 5*time.Millisecond
	l := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l
}

func drain(t *testing.T, s *spool.Spool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := Drain(ctx, s); err != nil {
		t.Fatal(err)
	}
}

// notVerified are tables that a view feeds and that may hold a thing twice: queues of two days, and rates, which are fed from measurements.
var notVerified = []string{"touched_ids", "touched_edges", "rates"}

// counted checks that n events worth 10.00 each are there, each once, that receipts say so, and that each rollup is what its events make: the checks
// of livello verify are one for each.
func counted(t *testing.T, w *warehouse.Warehouse, n int) {
	t.Helper()
	for what, query := range map[string]string{
		"events":            "SELECT count(), toFloat64(sum(value)) FROM events",
		"receipts":          "SELECT sum(rows), toFloat64(if(sum(id_sum) = (SELECT sum(cityHash64(event_id)) FROM events), sum(rows) * 10, 0)) FROM receipts",
		"distinct event_id": "SELECT uniqExact(event_id), toFloat64(sum(value)) FROM events",
	} {
		var events uint64
		var value float64
		if err := w.QueryRow(t.Context(), query).Scan(&events, &value); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if events != uint64(n) || value != float64(n*10) {
			t.Errorf("%s holds %d events worth %.2f, want %d worth %d", what, events, value, n, n*10)
		}
	}
	report, err := (&trust.Verifier{DB: w}).Verify(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Differences {
		t.Errorf("%+v", d)
	}
	if report.Events != uint64(n) {
		t.Errorf("%d events were verified, want %d", report.Events, n)
	}
}

// fillEveryRollup checks that none of the tables that a view feeds is empty: what acts is made of tries each of them.
func fillEveryRollup(t *testing.T, w *warehouse.Warehouse) {
	t.Helper()
	fed, err := ask.Texts(t.Context(), w, "SELECT DISTINCT extract(create_table_query, ' TO (?:[^ .]+\\.)?`?([a-z_]+)') FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView'")
	if err != nil || len(fed) < 14 {
		t.Fatalf("the views feed %v: %v", fed, err)
	}
	for _, table := range fed {
		var some uint64
		if err := w.QueryRow(t.Context(), "SELECT count() FROM (SELECT 1 FROM "+table+" LIMIT 1)").Scan(&some); err != nil {
			t.Fatal(err)
		}
		if some == 0 && !slices.Contains(notVerified, table) {
			t.Errorf("%s is empty: acts has nothing for it, so nothing was tried", table)
		}
	}
}

func TestSegmentsReachTheTableAndEveryView(t *testing.T) {
	w := database(t)
	s := newSpool(t, spool.Options{SegmentRows: 300, Linger: time.Millisecond})
	registry := prometheus.NewPedanticRegistry()
	run(t, Options{Spool: s, DB: w, Registry: registry})
	const blocks, rows = 10, 130 // of which 65 days are three or four monthly partitions
	for range blocks {
		if accepted, _, err := s.Append(t.Context(), acts(rows)); err != nil || accepted != rows {
			t.Fatalf("accepted %d: %v", accepted, err)
		}
	}
	drain(t, s)
	counted(t, w, blocks*rows)
	fillEveryRollup(t, w)
	if n, err := testutil.GatherAndCount(registry); err != nil || n < 9 {
		t.Errorf("%d metrics: %v", n, err)
	}
}

// faulty stands between the loader and the real database and spoils the first attempts at each segment, and at its receipts.
type faulty struct {
	Inserter
	attempts atomic.Int64 // at segments
	receipts atomic.Int64
	spoil    func(attempt int64, insert func(io.Reader) error, data io.Reader) error
}

func (f *faulty) InsertFormat(ctx context.Context, format, query string, data io.Reader) error {
	count := &f.attempts
	if strings.Contains(query, "receipts") {
		count = &f.receipts
	}
	return f.spoil(count.Add(1), func(r io.Reader) error { return f.Inserter.InsertFormat(ctx, format, query, r) }, data)
}

var errLost = errors.New("connection reset by peer")

func TestEveryFaultEndsWithEachEventOnce(t *testing.T) {
	for name, spoil := range map[string]func(int64, func(io.Reader) error, io.Reader) error{
		"refused before anything was sent": func(attempt int64, insert func(io.Reader) error, data io.Reader) error {
			if attempt%3 != 0 {
				return errLost
			}
			return insert(data)
		},
		"answer lost after it succeeded": func(attempt int64, insert func(io.Reader) error, data io.Reader) error {
			err := insert(data)
			if err == nil && attempt%3 != 0 {
				return errLost
			}
			return err
		},
		"body cut off in the middle": func(attempt int64, insert func(io.Reader) error, data io.Reader) error {
			if attempt%3 == 0 {
				return insert(data)
			}
			if err := insert(io.MultiReader(io.LimitReader(data, 4_000), brokenReader{})); err == nil {
				return nil // the loader believes it, the counts do not
			}
			return errLost
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := database(t)
			s := newSpool(t, spool.Options{SegmentRows: 300, Linger: time.Millisecond})
			f := &faulty{Inserter: w, spoil: spoil}
			run(t, Options{Spool: s, DB: f})
			const blocks, rows = 4, 70 // of two months or three
			for range blocks {
				if _, _, err := s.Append(t.Context(), acts(rows)); err != nil {
					t.Fatal(err)
				}
			}
			drain(t, s)
			counted(t, w, blocks*rows)
			if f.attempts.Load() <= blocks {
				t.Errorf("%d attempts: nothing was spoilt", f.attempts.Load())
			}
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errLost }

// A stop in the middle of attempts leaves the segment in the spool, and a loader that starts later finishes it.
func TestAStoppedLoaderIsContinued(t *testing.T) {
	w := database(t)
	s := newSpool(t, spool.Options{Linger: time.Millisecond})
	if _, _, err := s.Append(t.Context(), acts(40)); err != nil {
		t.Fatal(err)
	}
	tried := make(chan struct{}, 1)
	away := &faulty{Inserter: w, spoil: func(int64, func(io.Reader) error, io.Reader) error {
		select {
		case tried <- struct{}{}:
		default:
		}
		return errLost
	}}
	first := New(Options{Spool: s, DB: away, FirstRetry: time.Millisecond, LongestRetry: 2 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- first.Run(ctx) }()
	<-tried
	<-tried // so the first failure has been noted
	if reason, since := first.Failing(); !errors.Is(reason, errLost) || since.IsZero() {
		t.Errorf("failing is %v since %v", reason, since)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := s.Status().WaitingRows; n != 40 {
		t.Fatalf("%d rows wait after the stop, want 40", n)
	}
	second := run(t, Options{Spool: s, DB: w})
	drain(t, s)
	counted(t, w, 40)
	if reason, _ := second.Failing(); reason != nil {
		t.Errorf("failing is %v", reason)
	}
}

func TestDrainSaysWhatIsLeft(t *testing.T) {
	s := newSpool(t, spool.Options{})
	if _, _, err := s.Append(t.Context(), acts(3)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := Drain(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("drain without a loader answers %v", err)
	}
}
