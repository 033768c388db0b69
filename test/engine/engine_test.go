package engine_test

import (
	"context"
	"testing"

	"github.com/livello/livello/test/engine"
)

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	ctx := context.Background()
	a, b := engine.Open(t), engine.Open(t)
	if a.Database() == b.Database() {
		t.Fatalf("both databases are %s", a.Database())
	}
	if err := a.Exec(ctx, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n"); err != nil {
		t.Fatal(err)
	}
	err := b.Exec(ctx, "INSERT INTO t VALUES (1)")
	if engine.Code(err) != 60 {
		t.Fatalf("insert into the other database's table: %v, want UNKNOWN_TABLE", err)
	}
	var n uint64
	if err := a.QueryRow(ctx, "SELECT count() FROM t WHERE n >= ?", 0).Scan(&n); err != nil || n != 0 {
		t.Fatalf("count: %d, %v", n, err)
	}
}

func TestMigratedHasTheTables(t *testing.T) {
	var n uint64
	if err := engine.Migrated(t).QueryRow(context.Background(), "SELECT count() FROM events").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d events, %v", n, err)
	}
}
