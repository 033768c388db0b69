package erasure

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"
)

// other is another service on the database: with a data folder of its own.
func (r *rig) other(change func(*Options)) *Eraser {
	r.t.Helper()
	o := r.options(-1)
	o.Dir, o.Shared = r.t.TempDir(), true
	if change(&o); o.DB == nil {
		r.t.Fatal("no database")
	}
	e := r.eraserWith(o)
	e.leaseFor = 2000 * time.Millisecond
	return e
}

// watched is a database that tells of statements before they are sent, and after they were answered.
type watched struct {
	DB
	before, after func(statement string)
}

func (w *watched) Exec(ctx context.Context, query string, args ...any) error {
	w.before(query)
	defer w.after(query)
	return w.DB.Exec(ctx, query, args...)
}

func (w *watched) InsertFormat(ctx context.Context, format, query string, data io.Reader) error {
	w.before(query)
	defer w.after(query)
	return w.DB.InsertFormat(ctx, format, query, data)
}

func ignore(string) {}

// later has a service believe that it is so much later, so that what others began seems to be abandoned.
func later(by time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(by) }
}

// Another service starts, or looks, again and again while one erases: between its ids and its beginning, before and after what it counts is noted, in the end. It
// takes nothing for its own, and waits until the first one has ended.
func testTwoAtOnce(r *rig) {
	t := r.t
	var all sync.WaitGroup
	resumed := make(chan error, 16)
	meanwhile := func() {
		standing := make(chan struct{})
		var once sync.Once
		second := r.other(func(o *Options) {
			o.Now = later(2 * abandoned)
			o.DB = &watched{o.DB, ignore, func(statement string) {
				if strings.Contains(statement, "INSERT INTO leases") {
					once.Do(func() { close(standing) }) // it has asked, and has not got it
				}
			}}
		})
		if err := second.Load(t.Context()); err != nil { // as at its start
			t.Error(err)
		}
		ended := make(chan struct{})
		all.Go(func() {
			defer close(ended)
			resumed <- second.Resume(t.Context())
		})
		select {
		case <-ended:
		case <-standing:
		}
	}
	first := r.other(func(o *Options) {
		looks := 0
		at := func(statements ...string) func(string) {
			return func(statement string) {
				for _, part := range statements {
					if strings.HasPrefix(statement, part) {
						looks++
						meanwhile()
					}
				}
			}
		}
		o.DB = &watched{o.DB, at("INSERT INTO erased_days", "ALTER TABLE person_day DELETE"), at("INSERT INTO erased_ids", "INSERT INTO erased_days", "ALTER TABLE events DELETE")}
		t.Cleanup(func() {
			if looks < 5 {
				t.Errorf("the other service looked %d times", looks)
			}
		})
	})
	c, err := first.Erase(t.Context(), "dev-h-at-once", "a test")
	if err != nil {
		t.Fatal(err)
	}
	all.Wait()
	close(resumed)
	for err := range resumed {
		if err != nil {
			t.Error(err)
		}
	}
	request := " WHERE request = '" + c.Request.String() + "'"
	if n := r.number("SELECT removed['events'] FROM erasures FINAL" + request); n != 8 || c.Removed["events"] != 8 || len(c.Remaining) > 0 {
		t.Errorf("the certificate in the table says %d events, and the answer %d; remaining %q", n, c.Removed["events"], c.Remaining)
	}
	if n := r.number("SELECT sum(rows) FROM erased_days" + request); n != 7 {
		t.Errorf("%d events are noted, want 7", n)
	}
	if n := r.number("SELECT count() FROM leases FINAL WHERE name = 'erasures' AND until > now64(3)"); n != 0 {
		t.Error("nobody erases, and the lease is held")
	}
	r.wantGone("-at-once")
	r.wantClean()
}

// What was cut off is for the service in whose folder it began; others keep the person out, each with its own salt, and go on with it when it seems abandoned, or when
// they are asked to erase somebody themselves.
func testLeftByAnother(r *rig) {
	t := r.t
	begin := func(suffix string) (first *Eraser) {
		t.Helper()
		first = r.other(func(o *Options) { o.DB = &dies{&db{DB: o.DB, left: 9}} })
		if _, err := first.Erase(t.Context(), "ada@old"+suffix, "a test"); !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		return first
	}
	begun := func(want uint64) {
		t.Helper()
		if n := r.number("SELECT count() FROM erasures FINAL WHERE state = 'begun'"); n != want {
			t.Errorf("%d erasures are begun, want %d", n, want)
		}
	}
	first := begin("-left")
	now := time.Now
	second := r.other(func(o *Options) { o.Now = func() time.Time { return now() } })
	for range 2 { // it does not become its own
		if err := second.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if quiet, err := second.quiet(t.Context()); err != nil || quiet {
		t.Errorf("somebody waits to be erased, and another service is at rest: %v", err)
	}
	begun(1)
	if second.Guard().Erased("ada@new-left") != 0 {
		t.Error("another service lets the person in")
	}
	if err := second.Beside(func() error { return nil }); !errors.Is(err, ErrAtWork) {
		t.Errorf("beside another service's erasure: %v", err)
	}
	for _, e := range []*Eraser{first, second} {
		if waits, err := CutOff(e.o.Dir); err != nil || !waits {
			t.Errorf("at rest the folder says %v, %v", waits, err)
		}
	}
	now = later(2 * abandoned)
	if err := second.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	begun(0)
	if n := r.number("SELECT count() FROM erasures FINAL WHERE removed['events'] = 8 AND arrayExists(f -> startsWith(f, 'files of another service'), remaining)"); n != 1 {
		t.Errorf("%d certificates say that the files of the first service were not looked at", n)
	}
	// The first one finds that it is done.
	next := r.other(func(o *Options) { o.Dir = first.o.Dir })
	if err := next.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*Eraser{next, second} {
		if waits, err := CutOff(e.o.Dir); err != nil || waits || e.Guard().Erased("ada@new-left") != -1 {
			t.Errorf("it is done, and the folder says %v, %v", waits, err)
		}
	}

	if err := second.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if quiet, err := second.quiet(t.Context()); err != nil || !quiet {
		t.Errorf("all is done and known, and a service is not at rest: %v", err)
	}
	begin("-taken")
	if quiet, err := second.quiet(t.Context()); err != nil || quiet {
		t.Errorf("an erasure was begun, and another service is at rest: %v", err)
	}
	third := r.other(func(*Options) {})
	if _, err := third.Erase(t.Context(), "ada@new-taken", "a test"); err != nil {
		t.Fatal(err)
	}
	begun(0)
	r.wantGone("-left", "-taken")
	r.wantClean()
}

// dies is a database whose lease can be given back after the rest of the service has ended.
type dies struct{ *db }

func (d *dies) Exec(ctx context.Context, query string, args ...any) error {
	if strings.Contains(query, "INSERT INTO leases") {
		return d.DB.Exec(ctx, query, args...)
	}
	return d.db.Exec(ctx, query, args...)
}

// A service that was stopped between writing down the ids and saying that it begins loses them to another one, which takes them for what somebody left.
func testStrayIDs(r *rig) {
	o, lost := r.options(-1), 0
	o.DB = &watched{o.DB, ignore, func(statement string) {
		if strings.HasPrefix(statement, "INSERT INTO erased_ids") && lost == 0 {
			lost++
			if err := r.eraser(-1).Resume(r.t.Context()); err != nil {
				r.t.Error(err)
			}
		}
	}}
	r.exec("INSERT INTO quarantine (id, at, source, code, ids, payload) VALUES (generateUUIDv4(), now64(3), 's', 'type', ['stray'], '{}')")
	if c, err := r.eraserWith(o).Erase(r.t.Context(), "stray", "a test"); err != nil || lost != 1 || c.Removed["quarantine"] != 1 {
		r.t.Errorf("lost %d times, removed %v: %v", lost, c.Removed, err)
	}
}
