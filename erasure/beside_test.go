package erasure

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/trust"
)

// An erasure that fails in the middle goes on by itself, in the same process.
func testGoesOn(r *rig) {
	t := r.t
	o := r.options(0)
	o.DB = &db{DB: r, left: 9, once: true}
	ending := make(chan struct{})
	o.Files = func([]string) (map[string]uint64, []string, error) {
		close(ending)
		return nil, nil, nil
	}
	e := r.eraserWith(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.Run(ctx)
	}()
	if _, err := e.Erase(t.Context(), "dev-a1-goes-on", "a test"); !errors.Is(err, errCrash) || !strings.Contains(err.Error(), "goes on by itself") {
		t.Fatalf("it ended with %v", err)
	}
	select {
	case <-ending:
	case <-time.After(time.Minute): // nobody went on
		t.Fatal("it did not go on")
	}
	if err := e.Resume(t.Context()); err != nil { // whoever is at it has ended
		t.Fatal(err)
	}
	cancel()
	<-ended
	if n := r.number("SELECT count() FROM erasures FINAL WHERE state != 'done'"); n != 0 {
		t.Errorf("%d erasures are not done", n)
	}
	r.wantGone("-goes-on")
	r.wantClean()
}

// Somebody is joined to the person while an erasure waits to go on: it was not asked for them, and what was counted is not theirs.
func testJoinedMeanwhile(r *rig) {
	t := r.t
	first, put := r.eraser(7), 0
	beside := func(e *Eraser) error { return e.Beside(func() error { put++; return nil }) }
	if _, err := first.Erase(t.Context(), "ada@new-joined", "a test"); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	next := r.eraser(-1) // the next process, which has not asked the database yet
	// What is put back now would be removed and not counted.
	for _, e := range []*Eraser{first, next} {
		if err := beside(e); !errors.Is(err, ErrAtWork) {
			t.Errorf("beside an erasure that was cut off: %v", err)
		}
	}
	if err := next.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := beside(next); !errors.Is(err, ErrAtWork) || put > 0 {
		t.Errorf("beside an erasure that is known to be cut off: %v", err)
	}
	if r.number("SELECT count() FROM erased_days WHERE request IN (SELECT request FROM erasures FINAL WHERE state = 'begun')") == 0 ||
		r.number("SELECT count() FROM events WHERE distinct_id = 'ada@new-joined'") == 0 {
		t.Fatal("it was to end when the days were counted and nothing was removed")
	}
	r.exec("INSERT INTO identity_decisions (at, decision, action, distinct_id, user_id, named) VALUES ('2026-02-05 00:00:00', generateUUIDv4(), 'merge', 'carla-joined', 'ada@new-joined', [])")
	if err := next.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := beside(next); err != nil || put != 1 {
		t.Errorf("when it is done: %v", err)
	}
	r.wantGone("-joined")
	r.wantClean()
	if n := r.number("SELECT count() FROM events WHERE distinct_id = 'carla-joined'"); n != 2 {
		t.Errorf("%d events of somebody else are left, want 2", n)
	}
}

// A rebuild that read the person's events before they went swaps them in after: it is waited for, also when nothing has to be recomputed. Here of
// somebody who did nothing but say who they are.
func testBesideRebuild(r *rig) {
	t := r.t
	r.exec(`INSERT INTO events (event_id, type, kind, ts, channel, distinct_id, anonymous_id, user_id, properties)
VALUES (generateUUIDv4(), 'identify', 'identify', '2026-02-19 10:00:00', 'web', 'eve-rebuilt', 'dev-eve-rebuilt', 'eve-rebuilt', map('email', 'eve-rebuilt@example.com'))`)
	r.exec("INSERT INTO receipts (segment_id, day, rows, id_sum) SELECT generateUUIDv4(), toDate(ts), 1, cityHash64(event_id) FROM events WHERE distinct_id = 'eve-rebuilt'")
	swapping, goOn := make(chan struct{}), make(chan struct{})
	holds := 0
	rebuilder := &trust.Rebuilder{DB: r, Hold: func(context.Context) (func(), error) {
		if holds++; holds == 2 { // first everything there is is taken down, then it is swapped in
			close(swapping)
			<-goOn
		}
		return func() {}, nil
	}}
	rebuilt, erased, waiting := make(chan error, 1), make(chan error, 1), make(chan struct{})
	february := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	go func() {
		_, err := rebuilder.Rebuild(t.Context(), february, february, "person_traits", "identity_edges")
		rebuilt <- err
	}()
	<-swapping
	o := r.options(-1)
	o.Rebuild = func(context.Context, time.Time, []string) error { return errors.New("nothing was to be recomputed") }
	o.Rebuilt = func(ctx context.Context) error {
		close(waiting)
		return rebuilder.Tidy(ctx)
	}
	go func() {
		_, err := r.eraserWith(o).Erase(t.Context(), "eve-rebuilt", "a test")
		erased <- err
	}()
	select {
	case err := <-erased:
		erased <- err
		t.Error("the erasure did not wait for the rebuild")
	case <-waiting:
	}
	close(goOn)
	if err := errors.Join(<-rebuilt, <-erased); err != nil {
		t.Fatal(err)
	}
	if where := r.found("eve-rebuilt"); len(where) > 0 {
		t.Errorf("she is found in %v", where)
	}
	if left, err := ask.Texts(t.Context(), r, "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'rebuild_')"); err != nil || len(left) > 0 {
		t.Errorf("of the rebuild are left %v, %v", left, err)
	}
	r.wantClean()
}

// dropping drops a table when all tables are asked for rows of the person the first time.
type dropping struct {
	DB
	r       *rig
	table   string
	dropped int
}

func (d *dropping) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	if strings.Contains(query, "'"+d.table+"' AS name") {
		d.r.exec("DROP TABLE " + d.table + " SYNC")
		d.dropped++
	}
	return d.DB.Query(ctx, query, args...)
}

// The loader has a table of its own for doubtful segments, which may go at any moment.
func testTableGoes(r *rig) {
	r.exec("CREATE TABLE doubt_goes AS events")
	o := r.options(-1)
	d := &dropping{o.DB, r, "doubt_goes", 0}
	o.DB = d
	if _, err := r.eraserWith(o).Erase(r.t.Context(), "nobody", "a test"); err != nil || d.dropped != 1 {
		r.t.Errorf("%d tables were dropped: %v", d.dropped, err)
	}
}
