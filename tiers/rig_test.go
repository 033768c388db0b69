package tiers

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/identity"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// rig is a warehouse with definitions, an identity resolver and an evaluator whose clock stands still.
type rig struct {
	t *testing.T
	*warehouse.Warehouse
	*Evaluator
	clock time.Time
	count int
}

// newRig is a migrated database of the test's own. Making one takes seconds: subtests share it through sub.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, Warehouse: engine.Migrated(t)}
	r.begin()
	return r
}

func (r *rig) begin() {
	r.clock = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	r.Evaluator = r.evaluator()
}

// sub runs a subtest on the same database, emptied.
func (r *rig) sub(name string, test func(r *rig)) {
	r.t.Run(name, func(t *testing.T) {
		one := &rig{t: t, Warehouse: r.Warehouse, count: r.count}
		defer func() { r.count = one.count }()
		for _, table := range one.rows("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name NOT IN ('schema_migrations', 'definitions')") {
			one.exec("TRUNCATE TABLE " + table)
		}
		one.exec("DELETE FROM definitions WHERE version > 1")
		one.begin()
		test(one)
	})
}

// evaluator is another process's.
func (r *rig) evaluator() *Evaluator {
	resolver := identity.New(identity.Options{DB: r.Warehouse})
	return &Evaluator{DB: r.Warehouse, Now: func() time.Time { return r.clock }, Identity: func(ctx context.Context) error {
		_, err := resolver.Tick(ctx)
		return err
	}}
}

// happened is an event of a story.
type happened struct {
	at         time.Time
	kind       string
	anon, user string
	path       string
	props      map[string]string
	machine    string
}

// insert puts events in as the loader does.
func (r *rig) insert(events ...happened) {
	r.t.Helper()
	if len(events) == 0 {
		return
	}
	var rows []string
	for _, e := range events {
		r.count++
		typ, channel := "track", "web"
		if e.kind == "identify" || e.kind == "alias" {
			typ = e.kind
		}
		if strings.HasPrefix(e.kind, "email_") {
			channel = "email"
		}
		id := e.user
		if id == "" {
			id = e.anon
		}
		var props []string
		for k, v := range e.props {
			props = append(props, quote(k)+", "+quote(v))
		}
		previous := ""
		if e.kind == "alias" {
			previous = e.anon
		}
		rows = append(rows, fmt.Sprintf("(generateUUIDv4(), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, map(%s), %s, toDecimal64(10, 4), 'EUR')", quote(typ), quote(e.kind), quote(e.kind),
			quote(e.at.UTC().Format(milliseconds)), quote(channel), quote(id), quote(e.anon), quote(e.user), quote(previous), quote(e.path), quote(e.props["content_id"]), strings.Join(props, ", "), quote(e.machine)))
	}
	r.exec(fmt.Sprintf(`INSERT INTO events (event_id, type, kind, name, ts, channel, distinct_id, anonymous_id, user_id, previous_id, path, content_id, properties, machine, value, currency)
SETTINGS insert_deduplication_token = 'test-%d', deduplicate_blocks_in_dependent_materialized_views = 1, async_insert = 0, optimize_on_insert = 0, max_partitions_per_insert_block = 0
VALUES %s`, r.count, strings.Join(rows, ",\n")))
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "\\'") + "'" }

func (r *rig) exec(query string) {
	r.t.Helper()
	if err := r.Warehouse.Exec(r.t.Context(), query); err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
}

// rows are the answer of a query of one text column.
func (r *rig) rows(query string) []string {
	r.t.Helper()
	rows, err := r.Warehouse.Query(r.t.Context(), query)
	if err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			r.t.Fatalf("%s: %v", query, err)
		}
		out = append(out, text)
	}
	if err := rows.Err(); err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
	return out
}

// want compares the rows of a query.
func (r *rig) want(query string, want ...string) {
	r.t.Helper()
	if got := r.rows(query); strings.Join(got, "\n") != strings.Join(want, "\n") {
		r.t.Errorf("%s\n got: %s\nwant: %s", query, strings.Join(got, "\n      "), strings.Join(want, "\n      "))
	}
}

func (r *rig) tick() Evaluated {
	r.t.Helper()
	done, err := r.Tick(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return done
}

func (r *rig) due() Evaluated {
	r.t.Helper()
	done, err := r.Due(r.t.Context(), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return done
}
