package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/warehouse"
)

// interrupted is the database of a process in which something happens, once, before a statement that writes into a table.
type interrupted struct {
	DB
	into string
	do   func()
}

func (d *interrupted) happen(query string) {
	if do := d.do; do != nil && strings.Contains(query, "INTO "+d.into+" ") {
		d.do = nil
		do()
	}
}

func (d *interrupted) Exec(ctx context.Context, query string, args ...any) error {
	d.happen(query)
	return d.DB.Exec(ctx, query, args...)
}

func (d *interrupted) InsertFormat(ctx context.Context, format, query string, data io.Reader) error {
	d.happen(query)
	return d.DB.InsertFormat(ctx, format, query, data)
}

// testTwoResolvers has two services on one database, of which one runs.
func testTwoResolvers(t *testing.T, w *warehouse.Warehouse) {
	resolver := func(db DB) *Resolver {
		return New(Options{DB: db, Guards: &Guards{MaxUsers: 5, MaxIDs: 500}, Shared: true})
	}
	runs := func(db DB) *Resolver {
		r := resolver(db)
		r.running.Store(true)
		return r
	}
	tick := func(r *Resolver) {
		t.Helper()
		if _, err := r.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	whose := func(id, want string) {
		t.Helper()
		if got := texts(t, w, "SELECT person_id FROM person_map FINAL WHERE distinct_id = '"+id+"'"); !slices.Equal(got, []string{want}) {
			t.Errorf("%s belongs to %q, want %q", id, got, want)
		}
	}
	open := func(want int) {
		t.Helper()
		if got := texts(t, w, "SELECT toString(request) FROM recomputations FINAL WHERE sign > 0"); len(got) != want {
			t.Errorf("%d requests are open, want %d", len(got), want)
		}
	}
	// What a rebuild puts into identity_edges is in no queue.
	rebuilt := func(id string) {
		t.Helper()
		insertSightings(t, w, []sighting{{id: id, user: "ann", at: 5_000}})
		exec(t, w, "ALTER TABLE touched_edges DELETE WHERE distinct_id = '"+id+"' SETTINGS mutations_sync = 2")
		if err := resolver(w).Anew(t.Context()); err != nil { // by a service that may end now
			t.Fatal(err)
		}
	}
	first := runs(w)
	insertSightings(t, w, []sighting{{id: "phone", user: "ann", at: 5_000}})
	tick(first)
	whose("phone", "ann")

	rebuilt("tablet")
	tick(first)
	whose("tablet", "ann")
	open(0)

	// A month is made again while everybody is decided about.
	rebuilt("laptop")
	tick(runs(&interrupted{DB: w, into: "person_pairs", do: func() { rebuilt("watch") }}))
	whose("laptop", "ann")
	open(1)
	tick(first)
	whose("watch", "ann")
	open(0)

	// The one that runs is killed before each of its statements.
	for left := 0; ; left++ {
		id := fmt.Sprint("device ", left)
		rebuilt(id)
		_, cut := runs(&dying{w, left}).Tick(t.Context())
		if cut != nil && !errors.Is(cut, errKilled) {
			t.Fatal(cut)
		}
		if cut == nil {
			if left < 10 {
				t.Errorf("deciding anew took %d statements, and should take some more than 10", left)
			}
			break
		}
		tick(runs(w))
		whose(id, "ann")
	}
	open(0)

	// The other one, whose clock is ahead, decides about an id and takes its time, while an event comes that says more and the first one follows that.
	second := resolver(w)
	tick(second)
	second.db = &interrupted{DB: w, into: "person_map", do: func() {
		insertSightings(t, w, []sighting{{id: "shared", user: "eve", at: 1_000}})
		tick(first)
		whose("shared", "eve")
	}}
	second.version = time.Now().Add(time.Hour).UnixMilli()
	insertSightings(t, w, []sighting{{id: "shared", user: "bob", at: 2_000}})
	tick(second)
	whose("shared", "bob")
	tick(first)
	whose("shared", "eve")

	// The same, and the other one decides everything anew.
	second = resolver(w)
	tick(second)
	second.version = time.Now().Add(2 * time.Hour).UnixMilli()
	second.db = &interrupted{DB: w, into: "person_map", do: func() {
		insertSightings(t, w, []sighting{{id: "shared", user: "dan", at: 500}})
		tick(first)
		whose("shared", "dan")
	}}
	exec(t, w, "ALTER TABLE person_map DELETE WHERE distinct_id = 'shared' SETTINGS mutations_sync = 2") // so that there is something to write
	if _, err := second.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	whose("shared", "eve")
	tick(first)
	whose("shared", "dan")
}
