package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/warehouse"
)

// pool keeps the migrated databases that tests have given back. Making one is eighty statements and more than a second of a processor's
// time; emptying one is a few hundredths.
var pool databasePool

type databasePool struct {
	mu   sync.Mutex
	free []pooled
}

// pooled is a migrated database that nobody uses, and what it has to look like to be as good as new.
type pooled struct {
	name   string
	schema uint64 // every table and view as made, with its settings
	book   uint64 // what a new database holds: its migrations and the default definitions
}

func (p *databasePool) take() (pooled, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return pooled{}, false
	}
	last := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	return last, true
}

// giveBack empties the database for another test, or drops it when that would not make it as good as new, or when the test failed: what was wrong
// may be wrong with the database.
func (p *databasePool) giveBack(t testing.TB, w *warehouse.Warehouse, d pooled) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	reusable := false
	if !t.Failed() {
		var err error
		if reusable, err = d.empty(ctx, w); err != nil {
			t.Logf("the test database is dropped: %v", err)
		}
	}
	if !reusable {
		drop(ctx, t, w)
		return
	}
	if err := w.Close(); err != nil {
		t.Errorf("close test warehouse: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, d)
}

// kept are the tables that a new database has rows in.
var kept = []string{"definitions", "schema_migrations"}

// note writes down what the new database looks like.
func (d *pooled) note(ctx context.Context, w *warehouse.Warehouse) (err error) {
	d.schema, d.book, err = looks(ctx, w)
	return err
}

// looks are the schema and the rows of the tables that are kept, as numbers to compare.
func looks(ctx context.Context, w *warehouse.Warehouse) (schema, book uint64, err error) {
	err = w.QueryRow(ctx, `SELECT
    (SELECT sum(cityHash64(name, uuid)) FROM system.tables WHERE database = currentDatabase()) -- a view that is made again is another
    + (SELECT sum(cityHash64(name, create_table_query)) FROM system.tables WHERE database = currentDatabase() AND engine != 'View'),
    (SELECT sum(cityHash64(*)) FROM definitions) + (SELECT sum(cityHash64(*)) FROM schema_migrations)`).Scan(&schema, &book)
	if err != nil {
		return 0, 0, fmt.Errorf("look at the test database: %w", err)
	}
	return schema, book, nil
}

// empty removes the rows of every table, and what ClickHouse remembers of inserts with them. False says that the database is not as a new one is all
// the same: its tables were altered, or rows were changed by mutations, whose numbers stay, or migrations or definitions were added.
func (d *pooled) empty(ctx context.Context, w *warehouse.Warehouse) (bool, error) {
	schema, book, err := looks(ctx, w)
	if err != nil || schema != d.schema || book != d.book {
		return false, err
	}
	var mutations uint64
	if err := w.QueryRow(ctx, "SELECT count() FROM system.mutations WHERE database = currentDatabase()").Scan(&mutations); err != nil || mutations > 0 {
		return false, err
	}
	used, err := ask.Texts(ctx, w, "SELECT DISTINCT table FROM system.parts WHERE database = currentDatabase()")
	if err != nil {
		return false, fmt.Errorf("list tables with rows: %w", err)
	}
	for _, name := range used {
		if slices.Contains(kept, name) {
			continue
		}
		if err := w.Exec(ctx, "TRUNCATE TABLE `"+name+"` SYNC"); err != nil {
			return false, fmt.Errorf("empty %s: %w", name, err)
		}
	}
	return true, nil
}
