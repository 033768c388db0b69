package engine

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/schema"
	"github.com/livello/livello/warehouse"
)

// Migrated returns a warehouse as Open does, with the schema's tables and views in it, and the default definitions applied. On the embedded
// engine it may be a database that an earlier test has used: it is emptied in between, and dropped when it cannot be as good as new.
func Migrated(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	holder := open(t)
	d, used := pool.take()
	if !used {
		d.name = databaseName(t)
	}
	w, err := holder.OpenDatabase(ctx, d.name)
	if err != nil {
		t.Fatalf("open a test database: %v", err)
	}
	if !used {
		if err = makeMigrated(ctx, w); err == nil {
			err = d.note(ctx, w)
		}
	}
	t.Cleanup(func() {
		if err == nil && os.Getenv(DSNEnv) == "" { // on a server nobody would drop what the pool holds at the end
			pool.giveBack(t, w, d)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		drop(ctx, t, w)
	})
	if err != nil {
		t.Fatalf("make a test database: %v", err)
	}
	return w
}

// makeMigrated is what every service does with a new database.
func makeMigrated(ctx context.Context, w *warehouse.Warehouse) error {
	if _, err := schema.Up(ctx, w, schema.Options{}); err != nil {
		return err
	}
	return definitions.Ensure(ctx, w)
}
