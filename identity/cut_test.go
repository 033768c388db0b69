package identity

import (
	"errors"
	"fmt"
	"testing"

	"github.com/livello/livello/warehouse"
)

// testEveryCutIsMadeGood ends the process after each of the statements that change something, in turn, while an id leaves one person for another,
// a conflict arises and another one ends. The next process ends where one that was never cut off does, and everybody concerned is told.
func testEveryCutIsMadeGood(t *testing.T, w *warehouse.Warehouse) {
	guards := &Guards{MaxUsers: 5, MaxIDs: 50}
	for name, do := range map[string]func(*Resolver) error{
		"tick":    func(r *Resolver) error { _, err := r.Tick(t.Context()); return err },
		"rebuild": func(r *Resolver) error { _, err := r.Rebuild(t.Context()); return err },
	} {
		t.Run(name, func(t *testing.T) {
			n := naive{maxUsers: guards.MaxUsers, maxIDs: guards.MaxIDs}
			empty(t, w)
			const worlds = 40
			see := func(all ...sighting) {
				n.all = append(n.all, all...)
				insertSightings(t, w, all)
			}
			id := func(name string, world int) string { return fmt.Sprint(name, world) }
			var first []sighting
			for i := range worlds {
				first = append(first, sighting{id: id("d", i), user: id("bob", i), at: 20_000}, sighting{id: id("e", i), user: id("bob", i), at: 21_000},
					sighting{id: id("f", i), user: id("ada", i), at: 22_000}, sighting{id: id("g", i), user: id("bob", i), at: 23_000}, sighting{id: id("g", i), user: id("eve", i), at: 24_000})
			}
			see(first...)
			if err := do(New(Options{DB: w, Guards: guards})); err != nil {
				t.Fatal(err)
			}
			left := 0
			if name == "rebuild" {
				left = 3 // the first ones make tables that nobody reads
			}
			for ; left < worlds; left++ {
				before := n.verdict()
				// The device was Ada's first, and Eve is Bob's later name.
				see(sighting{id: id("d", left), user: id("ada", left), at: 10_000}, sighting{id: id("bob", left), user: id("eve", left), at: 30_000})
				exec(t, w, "TRUNCATE TABLE touched_ids")
				cut := do(New(Options{DB: &dying{w, left}, Guards: guards}))
				if cut != nil && !errors.Is(cut, errKilled) {
					t.Fatal(cut)
				}
				if err := do(New(Options{DB: w, Guards: guards})); err != nil {
					t.Fatal(err)
				}
				after := n.verdict()
				sameVerdict(t, fmt.Sprintf("cut after %d statements", left), readVerdict(t, w), after)
				allTold(t, w, before, after)
				if cut == nil {
					break
				}
			}
			if left < 10 || left == worlds {
				t.Errorf("it took %d statements, and should take some more than 10", left)
			}
		})
	}
}
