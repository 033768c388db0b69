package schema_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/schema"
	"github.com/livello/livello/test/engine"
)

// small is a repository of two migrations and two views, quick to apply.
func small(t *testing.T) fstest.MapFS {
	t.Helper()
	book, err := schema.Embedded.(interface {
		ReadFile(name string) ([]byte, error)
	}).ReadFile("migrations/0000_schema_migrations.sql")
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{
		"migrations/0000_schema_migrations.sql": {Data: book},
		"migrations/0001_n.sql":                 {Data: []byte("CREATE TABLE IF NOT EXISTS n (a UInt8) ENGINE = MergeTree ORDER BY a")},
		"migrations/0002_n_b.sql":               {Data: []byte("ALTER TABLE n ADD COLUMN IF NOT EXISTS b UInt8")},
		"views/01_v.sql":                        {Data: []byte("CREATE OR REPLACE VIEW v AS SELECT a + b AS c FROM n")},
		"views/02_w.sql":                        {Data: []byte("CREATE OR REPLACE VIEW w AS SELECT c FROM v")},
	}
}

func with(fs fstest.MapFS, name, text string) fstest.MapFS {
	out := maps.Clone(fs)
	if text == "" {
		delete(out, name)
	} else {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func states(t *testing.T, db schema.DB, fs fstest.MapFS) string {
	t.Helper()
	items, err := schema.StatusFS(context.Background(), db, fs)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range items {
		out = append(out, i.Name+" "+i.State)
	}
	return strings.Join(out, ", ")
}

const smallApplied = "schema_migrations applied, n applied, n_b applied, v applied, w applied"

func TestSecondRunAppliesNothing(t *testing.T) {
	ctx := context.Background()
	w := engine.Open(t)
	plan, err := schema.Plan(ctx, w, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	applied, err := schema.Up(ctx, w, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(applied) == 0 || len(plan) != len(applied) {
		t.Fatalf("applied %v, planned %d steps", applied, len(plan))
	}
	again, err := schema.Up(ctx, w, schema.Options{})
	if err != nil || len(again) > 0 {
		t.Fatalf("second run applied %v, %v; want nothing", again, err)
	}
	items, err := schema.Status(ctx, w)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		if i.State != schema.StateApplied || i.AppliedAt.IsZero() || i.Binary == "" {
			t.Errorf("%s %s: %+v, want applied", i.Kind, i.Name, i)
		}
	}
	if len(items) != len(applied) {
		t.Errorf("status lists %d files, %d were applied", len(items), len(applied))
	}
}

var errCut = errors.New("cut off")

// cutting loses its connection at the statement number at: before it reaches ClickHouse, or after it was done.
type cutting struct {
	schema.DB
	at, n int
	done  bool
}

func (c *cutting) Exec(ctx context.Context, query string, args ...any) error {
	c.n++
	if c.n < c.at {
		return c.DB.Exec(ctx, query, args...)
	}
	if c.n == c.at && c.done {
		if err := c.DB.Exec(ctx, query, args...); err != nil {
			return err
		}
	}
	return errCut
}

func TestResumesWhereverItWasCutOff(t *testing.T) {
	ctx := context.Background()
	fs := small(t)
	for _, done := range []bool{false, true} {
		for at := 1; ; at++ {
			w := engine.Open(t)
			c := &cutting{DB: w, at: at, done: done}
			_, err := schema.UpFS(ctx, c, fs, schema.Options{})
			if err == nil {
				if at < 10 {
					t.Fatalf("the run ended after %d statements; it has at least 10", at-1)
				}
				break
			}
			if !errors.Is(err, errCut) {
				t.Fatal(err)
			}
			if _, err := schema.UpFS(ctx, w, fs, schema.Options{}); err != nil {
				t.Fatalf("cut at statement %d (done %v), then: %v", at, done, err)
			}
			if got := states(t, w, fs); got != smallApplied {
				t.Fatalf("cut at statement %d (done %v): %s", at, done, got)
			}
			if err := w.Exec(ctx, "SELECT c FROM w"); err != nil {
				t.Fatal(err)
			}
			if again, err := schema.UpFS(ctx, w, fs, schema.Options{}); err != nil || len(again) > 0 {
				t.Fatalf("cut at statement %d (done %v), third run: %v, %v", at, done, again, err)
			}
		}
	}
}

// A migration that changes a table is followed by all views, even when the run that applied it was cut off before them.
func TestViewsFollowAMigrationThatWasCutOff(t *testing.T) {
	ctx := context.Background()
	w := engine.Open(t)
	fs := small(t)
	if _, err := schema.UpFS(ctx, w, fs, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	fs = with(fs, "migrations/0003_n_a.sql", "ALTER TABLE n MODIFY COLUMN b UInt64")
	c := &cutting{DB: w, at: 3, done: true} // the book, the migration, the book and the first view's start
	if _, err := schema.UpFS(ctx, c, fs, schema.Options{}); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	applied, err := schema.UpFS(ctx, w, fs, schema.Options{})
	if err != nil || !slices.Equal(applied, []string{"01_v", "02_w"}) {
		t.Fatalf("applied %v, %v; want the views", applied, err)
	}
}

func TestTwoAtOnceDoNoHarm(t *testing.T) {
	ctx := context.Background()
	w := engine.Open(t)
	errs := make([]error, 3)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = schema.Up(ctx, w, schema.Options{}) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if again, err := schema.Up(ctx, w, schema.Options{}); err != nil || len(again) > 0 {
		t.Fatalf("run after them: %v, %v; want nothing to do", again, err)
	}
	if err := definitions.Ensure(ctx, w); err != nil { // makes the one view that follows the definitions
		t.Fatal(err)
	}
	compareGolden(t, w)
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	ctx := context.Background()
	w := engine.Open(t)
	old := small(t)
	newer := with(old, "migrations/0003_c.sql", "ALTER TABLE n ADD COLUMN IF NOT EXISTS c UInt8")
	if _, err := schema.UpFS(ctx, w, newer, schema.Options{Version: "9.9"}); err != nil {
		t.Fatal(err)
	}
	_, err := schema.UpFS(ctx, w, old, schema.Options{})
	if !errors.Is(err, schema.ErrNewerDatabase) || !strings.Contains(err.Error(), "0003_c") || !strings.Contains(err.Error(), "9.9") {
		t.Fatalf("older binary: %v; want ErrNewerDatabase that names 0003_c and 9.9", err)
	}
	if got := states(t, w, old); !strings.Contains(got, "c unknown") {
		t.Fatalf("status of the older binary: %s; want c unknown", got)
	}
}

func TestChangedMigrationIsRefused(t *testing.T) {
	ctx := context.Background()
	w := engine.Open(t)
	fs := small(t)
	if _, err := schema.UpFS(ctx, w, fs, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	changed := with(fs, "migrations/0002_n_b.sql", "ALTER TABLE n ADD COLUMN IF NOT EXISTS b UInt16")
	_, err := schema.UpFS(ctx, w, changed, schema.Options{})
	if !errors.Is(err, schema.ErrChanged) || !strings.Contains(err.Error(), "migrations/0002_n_b.sql") {
		t.Fatalf("changed text: %v; want ErrChanged that names the file", err)
	}
	if got := states(t, w, changed); !strings.Contains(got, "n_b changed") {
		t.Fatalf("status: %s; want n_b changed", got)
	}
	_, err = schema.UpFS(ctx, w, with(fs, "migrations/0001_n.sql", ""), schema.Options{})
	if !errors.Is(err, schema.ErrChanged) || !strings.Contains(err.Error(), "0001_n") {
		t.Fatalf("removed file: %v; want ErrChanged that names it", err)
	}
}

func TestRefusedStatementNamesFileAndReason(t *testing.T) {
	ctx := context.Background()
	w := engine.Open(t)
	fs := small(t)
	for name, text := range map[string]string{
		"migrations/0002_n_b.sql": "ALTER TABLE nowhere ADD COLUMN IF NOT EXISTS b UInt8",
		"views/01_v.sql":          "CREATE OR REPLACE VIEW v AS SELECT a FROM nowhere",
	} {
		_, err := schema.UpFS(ctx, w, with(fs, name, text), schema.Options{})
		if engine.Code(err) != 60 || !strings.Contains(err.Error(), name) {
			t.Fatalf("%s: %v; want ClickHouse's UNKNOWN_TABLE and the file's name", name, err)
		}
		if got := states(t, w, fs); !strings.Contains(got, " failed") {
			t.Fatalf("%s: %s; want it failed", name, got)
		}
		// A refused statement did nothing, so its file may be mended.
		if _, err := schema.UpFS(ctx, w, fs, schema.Options{}); err != nil {
			t.Fatal(err)
		}
		if got := states(t, w, fs); got != smallApplied {
			t.Fatal(got)
		}
		if err := w.Exec(ctx, "DROP TABLE schema_migrations SYNC"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestViewsComeAndGo(t *testing.T) {
	ctx := context.Background()
	w := engine.Open(t)
	fs := small(t)
	if _, err := schema.UpFS(ctx, w, fs, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Exec(ctx, "CREATE VIEW mine AS SELECT a FROM n"); err != nil {
		t.Fatal(err)
	}
	without := with(fs, "views/02_w.sql", "")
	applied, err := schema.UpFS(ctx, w, without, schema.Options{})
	if err != nil || !slices.Equal(applied, []string{"w"}) {
		t.Fatalf("without w: %v, %v; want it dropped", applied, err)
	}
	if got := objects(t, w); got != "mine n schema_migrations v" {
		t.Fatalf("left: %s; want all but w", got)
	}
	// Somebody drops a view of ours: it comes back.
	if err := w.Exec(ctx, "DROP VIEW v SYNC"); err != nil {
		t.Fatal(err)
	}
	if _, err := schema.UpFS(ctx, w, fs, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	if got := objects(t, w); got != "mine n schema_migrations v w" {
		t.Fatalf("left: %s; want v and w back", got)
	}
}

func objects(t *testing.T, db schema.DB) string {
	t.Helper()
	return strings.Join(column(t, db, "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name"), " ")
}

// column is the first column of a query's result, as text.
func column(t *testing.T, db schema.DB, query string, args ...any) []string {
	t.Helper()
	rows, err := db.Query(context.Background(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

func TestFilesAreNamedAndNumbered(t *testing.T) {
	ctx := context.Background()
	for name, want := range map[string]string{
		"migrations/events.sql":      "0001_events.sql",
		"migrations/0002_Upper.sql":  "0001_events.sql",
		"migrations/0002_again.sql":  "does not come after",
		"views/notes.txt":            "0001_events.sql",
		"migrations/99999999999.sql": "0001_events.sql",
	} {
		_, err := schema.UpFS(ctx, nil, with(small(t), name, "SELECT 1"), schema.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error with %q", name, err, want)
		}
	}
}

func TestClusterFillsThePlaceholders(t *testing.T) {
	const text = "CREATE TABLE t /*ON CLUSTER*/ (a UInt8) ENGINE = /*Replicated*/MergeTree ORDER BY a"
	for cluster, want := range map[string]string{
		"":          text,
		"main":      "CREATE TABLE t ON CLUSTER 'main' (a UInt8) ENGINE = ReplicatedMergeTree ORDER BY a",
		"{cluster}": "CREATE TABLE t ON CLUSTER '{cluster}' (a UInt8) ENGINE = ReplicatedMergeTree ORDER BY a",
	} {
		if got, err := schema.Render(text, cluster); err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", cluster, got, err, want)
		}
	}
	if _, err := schema.Render(text, "x' SYNC; DROP"); err == nil {
		t.Error("a cluster name with a quote was taken")
	}
}
