package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// TestResolver shares one database between the tests, one after the other.
func TestResolver(t *testing.T) {
	w := engine.Migrated(t)
	for _, one := range []struct {
		name string
		test func(*testing.T, *warehouse.Warehouse)
	}{
		{"story", testStory},
		{"a large person stops growing", testLargePersonStopsGrowing},
		{"people by key", testPeopleByKey},
		{"every cut is made good", testEveryCutIsMadeGood},
		{"tick ends where rebuild does", testTickEndsWhereRebuildDoes},
		{"two resolvers", testTwoResolvers},
	} {
		t.Run(one.name, func(t *testing.T) {
			empty(t, w)
			one.test(t, w)
		})
	}
}

// testStory goes through the rules with one small company's events, as docs/identity.md tells them.
func testStory(t *testing.T, w *warehouse.Warehouse) {
	ctx := context.Background()
	r := New(Options{DB: w})
	tick := func() {
		t.Helper()
		if _, err := r.Tick(ctx); err != nil {
			t.Fatal(err)
		}
	}
	identify := func(day, device, user string) {
		t.Helper()
		exec(t, w, fmt.Sprintf("INSERT INTO events (event_id, ts, type, kind, distinct_id, anonymous_id, user_id) VALUES (generateUUIDv4(), '%s', 'identify', 'identify', '%[3]s', '%[2]s', '%[3]s')", day, device, user))
	}
	whose := func(want ...string) {
		t.Helper()
		got := texts(t, w, "SELECT concat(distinct_id, ' ', person_id, ' ', toString(toDate(since))) FROM person_ids ORDER BY ALL")
		if !slices.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
	}
	conflicts := func(want ...string) {
		t.Helper()
		got := texts(t, w, "SELECT concat(distinct_id, ' ', user_id, ' ', toString(reason)) FROM identity_conflicts FINAL ORDER BY ALL")
		if !slices.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
	}
	identify("2026-01-01", "laptop", "ada")
	identify("2026-01-02", "laptop", "bob") // a shared device stays Ada's
	identify("2026-01-02", "kiosk", "info@acme.com")
	tick()
	whose("laptop ada 2026-01-01")
	conflicts("kiosk info@acme.com role_address", "laptop bob another_user")

	// An event of the past says whose it was first.
	identify("2025-12-31", "laptop", "bob")
	tick()
	whose("laptop bob 2025-12-31")
	conflicts("kiosk info@acme.com role_address", "laptop ada another_user")

	// Ada turns out to be Bob: no contradiction any more. Undone, it is one again.
	done, err := r.Merge(ctx, "bob", "ada", "the same phone number", "sales")
	if err != nil || !slices.Equal(done.Moved, []Move{{"ada", "ada", "bob"}}) {
		t.Errorf("merge: %+v, %v", done, err)
	}
	conflicts("kiosk info@acme.com role_address")
	if _, err := r.Merge(ctx, "laptop", "ada", "again", "sales"); err == nil || !strings.Contains(err.Error(), "one person already") {
		t.Errorf("merge twice: %v", err)
	}
	if done, err = r.Split(ctx, "ada", "father and son", "sales"); err != nil || !slices.Equal(done.Moved, []Move{{"ada", "bob", "ada"}}) {
		t.Errorf("split: %+v, %v", done, err)
	}
	whose("laptop bob 2025-12-31")

	// Evidence taken out by hand no longer counts; what comes later does.
	if done, err = r.Split(ctx, "laptop", "everybody's", "it"); err != nil || !slices.Equal(done.Moved, []Move{{"laptop", "bob", "laptop"}}) {
		t.Errorf("split: %+v, %v", done, err)
	}
	whose()
	conflicts("kiosk info@acme.com role_address", "laptop ada split", "laptop bob split")
	p, err := r.Show(ctx, "laptop")
	if err != nil || p.Person != "laptop" || len(p.IDs) != 1 || len(p.IDs[0].Evidence) != 2 || len(p.Conflicts) != 2 || len(p.Decisions) != 1 || p.Decisions[0].Reason != "everybody's" || p.Conflicts[0].Events != 2 {
		t.Errorf("show: %+v, %v", p, err)
	}
	if _, err := r.Split(ctx, "ada", "no reason at all", "it"); err == nil || !strings.Contains(err.Error(), "belongs to nobody else") {
		t.Errorf("split of one: %v", err)
	}
	if _, err := r.Merge(ctx, "ada", "nobody", "typo", "it"); !errors.Is(err, ErrUnknown) {
		t.Errorf("merge with nobody: %v", err)
	}
	if _, err := r.Merge(ctx, "ada", "bob", "", "it"); err == nil || !strings.Contains(err.Error(), "--reason") {
		t.Errorf("merge without a reason: %v", err)
	}
	identify("2037-01-01", "laptop", "cleo")
	tick()
	whose("laptop cleo 2037-01-01")

	// A new name takes the person with it; whose the ids were before stays known.
	exec(t, w, "INSERT INTO events (event_id, ts, type, kind, distinct_id, user_id, previous_id) VALUES (generateUUIDv4(), '2037-02-01', 'alias', 'alias', 'cleopatra', 'cleopatra', 'cleo')")
	tick()
	whose("cleo cleopatra 2037-02-01", "laptop cleopatra 2037-02-01")
	if p, err = r.Show(ctx, "cleo"); err != nil || p.Person != "cleopatra" || len(p.IDs) != 3 || p.IDs[0].ID != "cleopatra" || len(p.IDs[2].Earlier) != 1 || p.IDs[2].Earlier[0].Person != "cleo" {
		t.Errorf("show: %+v, %v", p, err)
	}

	// Other limits decide about the past, too.
	r = New(Options{DB: w, Guards: &Guards{MaxUsers: 2, MaxIDs: 500}})
	tick()
	whose("cleo cleopatra 2037-02-01", "kiosk info@acme.com 2026-01-02")
	conflicts("laptop  too_many_users")
}

// testLargePersonStopsGrowing has more ids than a person may have; those that came first belong to it, whatever came first to us.
func testLargePersonStopsGrowing(t *testing.T, w *warehouse.Warehouse) {
	guards := &Guards{MaxUsers: 5, MaxIDs: 100}
	r := New(Options{DB: w, Guards: guards, Batch: 50})
	for _, from := range []int{200, 100, 0} { // the latest come first
		var part []sighting
		for i := from; i < from+100; i++ {
			part = append(part, sighting{id: fmt.Sprintf("d%03d", i), user: "ada", at: int64(i) * 1000})
		}
		insertSightings(t, w, part)
		if _, err := r.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := texts(t, w, "SELECT distinct_id FROM person_ids WHERE person_id = 'ada' ORDER BY 1")
		if want := fmt.Sprintf("d%03d", from); len(got) != 99 || got[0] != want || got[98] != fmt.Sprintf("d%03d", from+98) {
			t.Errorf("%d ids from %v", len(got), got)
		}
	}
	if changed, err := r.Rebuild(t.Context()); err != nil || changed != 0 {
		t.Errorf("a rebuild finds %d ids elsewhere, %v", changed, err)
	}
}
