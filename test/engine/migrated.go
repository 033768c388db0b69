package engine

import (
	"context"
	"testing"
	"time"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/schema"
	"github.com/livello/livello/warehouse"
)

// Migrated returns a warehouse as Open does, with the schema's tables and views in it, and the default definitions applied.
func Migrated(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	w := Open(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if _, err := schema.Up(ctx, w, schema.Options{}); err != nil {
		t.Fatalf("migrate the test database: %v", err)
	}
	if err := definitions.Ensure(ctx, w); err != nil {
		t.Fatalf("apply the default definitions to the test database: %v", err)
	}
	return w
}
