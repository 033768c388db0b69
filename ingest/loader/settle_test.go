package loader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/trust"
	"github.com/livello/livello/warehouse"
)

// doubting is a loader whose every INSERT of a segment is answered at the second attempt only, and which settles only when it is asked to.
type doubting struct {
	*Loader
	*warehouse.Warehouse
	t        *testing.T
	spool    *spool.Spool
	registry *prometheus.Registry
	first    func(insert func() error) // does the first attempt at a segment
	cut      atomic.Int64              // after so many statements of Settle the database is away; 0 for never
}

func newDoubting(t *testing.T) *doubting {
	t.Helper()
	d := &doubting{t: t, Warehouse: database(t), spool: newSpool(t, spool.Options{Linger: time.Millisecond}), registry: prometheus.NewRegistry()}
	d.first = func(insert func() error) {
		if err := insert(); err != nil {
			t.Error(err)
		}
	}
	spoilt := &faulty{Inserter: d.Warehouse, spoil: func(attempt int64, insert func(io.Reader) error, data io.Reader) error {
		if attempt%2 == 0 {
			return insert(data)
		}
		d.first(func() error { return insert(data) })
		return errLost
	}}
	db := &cutOff{Inserter: spoilt, d: d}
	mender := &trust.Mender{Verifier: &trust.Verifier{DB: d.Warehouse}, Rebuilder: &trust.Rebuilder{DB: d.Warehouse}}
	d.Loader = run(t, Options{Spool: d.spool, DB: db, Registry: d.registry, SettleWait: time.Hour, Mend: func(ctx context.Context, days []time.Time) (int, error) {
		mender.Verifier.Hold, mender.Rebuilder.Hold = d.Hold, d.Hold
		if err := db.away(); err != nil {
			return 0, err
		}
		return mender.Mend(ctx, days)
	}})
	return d
}

// doubtful loads a segment of n events, over which a doubt remains.
func (d *doubting) doubtful(n int) {
	d.t.Helper()
	before := d.spool.Status().Doubtful
	add(d.t, d.spool, acts(n))
	drain(d.t, d.spool)
	if n := d.spool.Status().Doubtful; n != before+1 {
		d.t.Fatalf("%d segments are doubtful, want %d", n, before+1)
	}
}

// settled has the doubts looked at, after which none may be left.
func (d *doubting) settled() {
	d.t.Helper()
	if err := d.Settle(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	if n := d.spool.Status().Doubtful; n != 0 {
		d.t.Errorf("%d segments are still doubtful", n)
	}
	var left uint64
	if err := d.QueryRow(d.t.Context(), "SELECT count() FROM system.tables WHERE database = currentDatabase() AND (name LIKE 'doubt%' OR name LIKE 'rebuild%')").Scan(&left); err != nil || left != 0 {
		d.t.Errorf("%d tables are left: %v", left, err)
	}
}

func (d *doubting) exec(statement string) {
	d.t.Helper()
	if err := d.Exec(d.t.Context(), statement); err != nil {
		d.t.Fatalf("%s: %v", statement, err)
	}
}

// cutOff is a database that goes away in the middle of Settle.
type cutOff struct {
	Inserter
	d *doubting
}

var errAway = errors.New("the database is away")

func (c *cutOff) away() error {
	if c.d.cut.Load() > 0 && c.d.cut.Add(-1) == 0 {
		c.d.cut.Store(1) // it stays away
		return errAway
	}
	return nil
}

func (c *cutOff) Exec(ctx context.Context, query string, args ...any) error {
	if strings.HasPrefix(query, "SELECT 1") { // a probe
		return c.Inserter.Exec(ctx, query, args...)
	}
	return errors.Join(c.away(), c.Inserter.Exec(ctx, query, args...)) // what fails may be done nevertheless
}

func (c *cutOff) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	if err := c.away(); err != nil {
		return nil, err
	}
	return c.Inserter.Query(ctx, query, args...)
}

func (c *cutOff) InsertFormat(ctx context.Context, format, query string, data io.Reader) error {
	if strings.Contains(query, "doubt_") || strings.Contains(query, "receipts") {
		if err := c.away(); err != nil {
			return err
		}
		return c.Inserter.(*faulty).Inserter.InsertFormat(ctx, format, query, data)
	}
	return c.Inserter.InsertFormat(ctx, format, query, data)
}

// The commit of one block fails in the real engine, after its token was written: the retry passes for a repetition, in the table events
// or in a rollup. This is what a full disk or a crash leaves.
func TestWhatACommitLeftOutIsMended(t *testing.T) {
	for _, table := range []string{"events", "person_day", "channel_hour", "identity_edges"} {
		t.Run(table, func(t *testing.T) {
			d := newDoubting(t)
			var folder []string
			if err := d.QueryRow(t.Context(), "SELECT data_paths FROM system.tables WHERE database = currentDatabase() AND name = '"+table+"'").Scan(&folder); err != nil {
				t.Fatal(err)
			}
			d.first = func(insert func() error) {
				// A file where the month's part shall be: the part cannot be renamed into place.
				var files []string
				for block := range 3000 { // the numbers of a database that was used before go on
					files = append(files, filepath.Join(folder[0], fmt.Sprintf("%s_%d_%d_0", time.Now().UTC().Format("200601"), block, block)))
				}
				for _, file := range files {
					if err := os.WriteFile(file, nil, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if err := insert(); err == nil || !strings.Contains(err.Error(), "rename") {
					t.Errorf("the commit was to fail: %v", err)
				}
				for _, file := range files {
					if err := os.Remove(file); err != nil {
						t.Fatal(err)
					}
				}
			}
			d.doubtful(70)
			report, err := (&trust.Verifier{DB: d.Warehouse}).Verify(t.Context(), time.Time{}, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Differences) == 0 {
				t.Fatal("nothing lacks: the test tries nothing")
			}
			d.settled()
			counted(t, d.Warehouse, 70)
			completed, mended := value(t, d.registry, "livello_loader_completed_events_total"), value(t, d.registry, "livello_loader_mended_rollups_total")
			if (table == "events") != (completed > 0) || (table == "events") != (mended == 0) {
				t.Errorf("%v events were put in and %v rollups mended", completed, mended)
			}
		})
	}
}

// Whatever lacks or is there twice, and wherever the settling of it is cut off: the next one ends with every event once everywhere.
func TestSettlingCutOffAnywhere(t *testing.T) {
	d := newDoubting(t)
	total := 0
	for cut := int64(1); ; cut++ {
		newest := fmt.Sprintf("received_at >= fromUnixTimestamp64Milli(%d)", time.Now().UnixMilli()) // the segment's own rows
		d.doubtful(45)
		total += 45
		month := time.Now().UTC().AddDate(0, 0, -20).Format("200601")
		switch cut % 4 {
		case 0:
			d.exec("ALTER TABLE events DELETE WHERE toYYYYMM(ts) = " + month + " AND " + newest + " SETTINGS mutations_sync = 2")
		case 1:
			d.exec("ALTER TABLE receipts DELETE WHERE segment_id IN (SELECT argMax(segment_id, last_at) FROM receipts) SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1")
		case 2:
			d.exec("INSERT INTO person_day SELECT * FROM person_day WHERE toYYYYMM(day) = " + month + " SETTINGS insert_deduplicate = 0")
			d.exec("INSERT INTO receipts SELECT * FROM receipts WHERE last_at = (SELECT max(last_at) FROM receipts) SETTINGS insert_deduplicate = 0")
		case 3:
			d.exec("ALTER TABLE events DELETE WHERE " + newest + " SETTINGS mutations_sync = 2")
			d.exec("ALTER TABLE channel_hour DELETE WHERE toYYYYMM(hour) = " + month + " SETTINGS mutations_sync = 2")
		}
		d.cut.Store(cut)
		err := d.Settle(t.Context())
		d.cut.Store(0)
		if err != nil && !errors.Is(err, errAway) {
			t.Fatal(err)
		}
		d.settled()
		if err == nil {
			if cut < 8 {
				t.Errorf("settling is only %d statements", cut)
			}
			break
		}
	}
	counted(t, d.Warehouse, total)
}
