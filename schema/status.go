package schema

import (
	"context"
	"time"
)

// Item is the state of one file in a database.
type Item struct {
	Kind      string    // KindMigration or KindView
	Version   uint32    // the file's number
	Name      string    // the file's name without number and ending
	State     string    // StatePending, StateStarted, StateApplied, StateFailed, "changed" (applied with another text) or "unknown" (not in this binary)
	StartedAt time.Time // UTC; zero when it never was
	AppliedAt time.Time // UTC; zero when it never was
	Binary    string    // version of the program that did it
	Error     string    // of StateFailed
}

// States only Status gives.
const (
	StateChanged = "changed"
	StateUnknown = "unknown"
)

// Status is the state of every file of this binary, and of every entry of the database that this binary does not know: migrations
// first, each kind in the order of application. It works on a newer database, too.
func Status(ctx context.Context, db DB) ([]Item, error) {
	all, err := readFiles(embedded)
	if err != nil {
		return nil, err
	}
	b, err := readBook(ctx, db)
	if err != nil {
		return nil, err
	}
	return status(all, b), nil
}

func status(all files, b *book) []Item {
	var items []Item
	for _, kind := range []string{KindMigration, KindView} {
		own := all.migrations
		if kind == KindView {
			own = all.views
		}
		known := map[key]bool{}
		for _, f := range own {
			e, ok := b.of(f)
			if !ok || e.state == StateDropped {
				items = append(items, Item{Kind: kind, Version: f.version, Name: f.name, State: StatePending})
			} else {
				item := itemOf(e)
				if e.checksum != f.checksum && e.state == StateApplied {
					item.State = StateChanged
				}
				items = append(items, item)
				known[key{e.kind, e.name}] = true
			}
		}
		for _, k := range sortedKeys(b) {
			if e := b.last[k]; e.kind == kind && e.state != StateDropped && !known[key{e.kind, e.name}] {
				item := itemOf(e)
				item.State = StateUnknown
				items = append(items, item)
			}
		}
	}
	return items
}

func itemOf(e entry) Item {
	item := Item{Kind: e.kind, Version: e.version, Name: e.name, State: e.state, StartedAt: e.startedAt.UTC(), Binary: e.binary, Error: e.err}
	if e.appliedAt.Unix() > 0 {
		item.AppliedAt = e.appliedAt.UTC()
	}
	return item
}
