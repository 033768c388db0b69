package engine

import (
	"context"
	"testing"
	"time"

	"github.com/livello/livello/schema"
	"github.com/livello/livello/warehouse"
)

// Migrated is Open with the schema's tables and views in the database.
func Migrated(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	w := Open(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := schema.Up(ctx, w, schema.Options{Cluster: w.Cluster()}); err != nil {
		t.Fatalf("migrate the test database: %v", err)
	}
	return w
}
