package engine_test

import (
	"context"
	"testing"

	"github.com/livello/livello/schema"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
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

// A database that was used is as good as new for the test after: without rows, and without what ClickHouse remembers of inserts. One that a test
// altered is not used again.
func TestMigratedDatabasesAreUsedAgain(t *testing.T) {
	ctx := context.Background()
	const token = "INSERT INTO events (event_id, ts, kind, user_id, distinct_id) SETTINGS insert_deduplication_token = 'one', deduplicate_blocks_in_dependent_materialized_views = 1 VALUES (generateUUIDv4(), now(), 'page_view', 'ada', 'ada')"
	var before string
	round := func(name string, again bool, test func(w *warehouse.Warehouse)) {
		t.Run(name, func(t *testing.T) {
			w := engine.Migrated(t)
			if name := w.Database(); (name == before) != again {
				t.Errorf("the database is %s after %s", name, before)
			}
			before = w.Database()
			if steps, err := schema.Plan(ctx, w, schema.Options{}); err != nil || len(steps) > 0 {
				t.Errorf("not migrated: %d steps, %v", len(steps), err)
			}
			for table, want := range map[string]uint64{"events": 0, "person_day": 0, "definitions": 1} {
				var n uint64
				if err := w.QueryRow(ctx, "SELECT count() FROM "+table).Scan(&n); err != nil || n != want {
					t.Errorf("%d rows in %s of a database as good as new, %v", n, table, err)
				}
			}
			for range 2 {
				if err := w.Exec(ctx, token); err != nil {
					t.Fatal(err)
				}
			}
			for _, table := range []string{"events", "person_day"} {
				var n uint64
				if err := w.QueryRow(ctx, "SELECT count() FROM "+table).Scan(&n); err != nil || n != 1 {
					t.Errorf("%d rows in %s after one insert, repeated, %v", n, table, err)
				}
			}
			if test != nil {
				test(w)
			}
		})
	}
	exec := func(statement string) func(*warehouse.Warehouse) {
		return func(w *warehouse.Warehouse) {
			if err := w.Exec(ctx, statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	round("first", false, nil)
	round("again", true, exec("ALTER TABLE events MODIFY SETTING merge_with_ttl_timeout = 5"))
	round("after an altered table", false, exec("CREATE TABLE mine (n UInt64) ENGINE = MergeTree ORDER BY n"))
	round("after a new table", false, exec("ALTER TABLE events DELETE WHERE user_id = 'ada' SETTINGS mutations_sync = 1"))
	round("after a mutation", false, exec("INSERT INTO definitions (version) VALUES (7)"))
	round("after other definitions", false, nil)
	round("and again", true, nil)
}
