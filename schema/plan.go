package schema

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Step is one statement that Up would run.
type Step struct {
	File string // migrations/0001_events.sql; empty for a view that is dropped
	What string // "apply", "recreate" or "drop"
	Name string // the file's name without folder and ending; of a dropped view its name
	SQL  string // as it is sent

	file file
}

// Plan says what Up would do now, in order, and does nothing. Its errors are those of Up.
func Plan(ctx context.Context, db DB, o Options) ([]Step, error) {
	all, err := readFiles(embedded)
	if err != nil {
		return nil, err
	}
	b, err := readBook(ctx, db)
	if err != nil {
		return nil, err
	}
	return plan(ctx, db, all, b, o)
}

func plan(ctx context.Context, db DB, all files, b *book, o Options) ([]Step, error) {
	if err := compare(all, b); err != nil {
		return nil, err
	}
	var steps []Step
	add := func(what string, f file) error {
		sql, err := render(f.text, o.Cluster)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(f.path[strings.LastIndex(f.path, "/")+1:], ".sql")
		steps = append(steps, Step{File: f.path, What: what, Name: name, SQL: sql, file: f})
		return nil
	}
	for _, f := range all.migrations {
		if e, ok := b.of(f); !ok || e.state != StateApplied {
			if err := add("apply", f); err != nil {
				return nil, err
			}
		}
	}
	stale := len(steps) > 0
	if !stale {
		var err error
		if stale, err = viewsStale(ctx, db, all, b); err != nil {
			return nil, err
		}
	}
	if stale {
		for _, f := range all.views {
			if err := add("recreate", f); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range leftovers(all, b) {
		sql, err := render("DROP VIEW IF EXISTS `"+name+"` /*ON CLUSTER*/", o.Cluster)
		if err != nil {
			return nil, err
		}
		e := b.last[key{KindView, name}]
		steps = append(steps, Step{What: "drop", Name: name, SQL: sql,
			file: file{kind: KindView, version: e.version, name: name, checksum: e.checksum}})
	}
	return steps, nil
}

// compare refuses a database that this binary did not and could not have made.
func compare(all files, b *book) error {
	known := map[uint32]file{}
	var newest uint32
	for _, f := range all.migrations {
		known[f.version] = f
		newest = max(newest, f.version)
	}
	for _, k := range sortedKeys(b) {
		e := b.last[k]
		if e.kind != KindMigration || e.state == StateFailed { // a failed one did nothing and may have been mended since
			continue
		}
		f, ok := known[e.version]
		switch {
		case e.version > newest:
			return fmt.Errorf("%w: it has migration %04d_%s (%s at %s by livello %s), this binary knows up to %04d; run the newer binary",
				ErrNewerDatabase, e.version, e.name, e.state, e.startedAt.UTC().Format("2006-01-02 15:04"), e.binary, newest)
		case !ok:
			return fmt.Errorf("%w: the database has %04d_%s (by livello %s), which this binary lacks; use a binary that has it",
				ErrChanged, e.version, e.name, e.binary)
		case e.checksum != f.checksum:
			return fmt.Errorf("%w: %s was %s at %s by livello %s with another text (SHA-256 %.12s then, %.12s now); released migrations never change: restore the file and put the change into a new one",
				ErrChanged, f.path, e.state, e.startedAt.UTC().Format("2006-01-02 15:04"), e.binary, e.checksum, f.checksum)
		}
	}
	return nil
}

// viewsStale says whether the views have to be recreated: one is missing or has another text, or was last made before the last
// migration (a run that was cut off between the two). A view fixes its column types when it is made, so then all are.
func viewsStale(ctx context.Context, db DB, all files, b *book) (bool, error) {
	objects, err := ourObjects(ctx, db)
	if err != nil {
		return false, err
	}
	for _, f := range all.views {
		e, ok := b.of(f)
		if !ok || e.state != StateApplied || e.checksum != f.checksum || objects[f.name] != "View" {
			return true, nil
		}
		for _, m := range all.migrations {
			if applied, _ := b.of(m); applied.startedAt.After(e.startedAt) {
				return true, nil
			}
		}
	}
	return false, nil
}

// leftovers are the views we made and no longer have, in the reverse order of their making. Views of others are never touched.
func leftovers(all files, b *book) []string {
	var gone []entry
	for _, k := range sortedKeys(b) {
		e := b.last[k]
		ours := slices.ContainsFunc(all.views, func(f file) bool { return f.name == e.name })
		if e.kind == KindView && e.state != StateDropped && !ours {
			gone = append(gone, e)
		}
	}
	slices.SortStableFunc(gone, func(x, y entry) int { return int(y.version) - int(x.version) })
	names := make([]string, len(gone))
	for i, e := range gone {
		names[i] = e.name
	}
	return names
}

// sortedKeys makes errors and drops come in the same order every time.
func sortedKeys(b *book) []key {
	keys := make([]key, 0, len(b.last))
	for k := range b.last {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y key) int {
		ex, ey := b.last[x], b.last[y]
		if c := strings.Compare(ex.kind, ey.kind); c != 0 {
			return c
		}
		if ex.version != ey.version {
			return int(ex.version) - int(ey.version)
		}
		return strings.Compare(ex.name, ey.name)
	})
	return keys
}
