package identity

import (
	"context"
	"testing"

	"github.com/livello/livello/test/engine"
)

func TestTickJoins(t *testing.T) {
	w := engine.Migrated(t)
	ctx := context.Background()
	if err := w.Exec(ctx, `INSERT INTO events (event_id, ts, type, kind, distinct_id, anonymous_id, user_id, previous_id) VALUES
 (generateUUIDv4(), '2026-01-01 00:00:00', 'identify','identify','ada','d1','ada',''),
 (generateUUIDv4(), '2026-01-02 00:00:00', 'identify','identify','bob','d1','bob',''),
 (generateUUIDv4(), '2026-01-03 00:00:00', 'alias','alias','ada2','','ada2','ada')`); err != nil {
		t.Fatal(err)
	}
	r := New(Options{DB: w})
	for i := range 2 {
		n, err := r.Tick(ctx)
		t.Log(i, n, err)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Exec(ctx, `INSERT INTO events (event_id, ts, type, kind, distinct_id, anonymous_id, user_id, previous_id) VALUES
 (generateUUIDv4(), '2026-01-04 00:00:00', 'identify','identify','ada2','d4','ada2','')`); err != nil {
		t.Fatal(err)
	}
	n, err := r.Tick(ctx)
	t.Log(n, err)
	var s string
	for _, q := range []string{"SELECT toString(groupArray(tuple(*))) FROM (SELECT * FROM person_ids ORDER BY ALL)", "SELECT toString(groupArray(tuple(*))) FROM identity_conflicts FINAL", "SELECT toString(groupArray(tuple(*))) FROM identity_progress FINAL", "SELECT toString(count()) FROM identity_scope"} {
		if err := w.QueryRow(ctx, q).Scan(&s); err != nil {
			t.Fatal(err)
		}
		t.Log(s)
	}
}
