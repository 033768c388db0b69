package schema_test

import (
	"flag"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/livello/livello/schema"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

var update = flag.Bool("update", false, "write testdata/final.golden.sql and the reference in docs/schema.md instead of comparing")

// TestFinalSchema compares what an empty database becomes with the committed description of it, so that the effect of a
// migration is seen in review, whole.
func TestFinalSchema(t *testing.T) { compareGolden(t, engine.Migrated(t)) }

func compareGolden(t *testing.T, w *warehouse.Warehouse) {
	t.Helper()
	golden(t, "testdata/final.golden.sql", finalSchema(t, w))
}

// finalSchema is SHOW CREATE of everything in the database, by name, without the database's name.
func finalSchema(t *testing.T, w *warehouse.Warehouse) string {
	t.Helper()
	var out strings.Builder
	for _, name := range column(t, w, "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name") {
		create := column(t, w, "SHOW CREATE TABLE `"+name+"`")[0]
		out.WriteString(strings.ReplaceAll(create, w.Database()+".", "") + ";\n\n")
	}
	return out.String()
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v\nwrite it with: go test ./schema -update", err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("%s:%d differs\n got: %s\nwant: %s\nwhen the change is meant: go test ./schema -update, and read the diff", path, i+1, g[i], w[i])
		}
	}
	t.Fatalf("%s has %d lines, now there are %d; when the change is meant: go test ./schema -update, and read the diff", path, len(w), len(g))
}

func TestEverythingHasAComment(t *testing.T) {
	w := engine.Migrated(t)
	bare := column(t, w, `SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = '' ORDER BY name`)
	bare = append(bare, column(t, w, `SELECT concat(table, '.', name) AS c FROM system.columns WHERE database = currentDatabase() AND comment = '' ORDER BY c`)...)
	if len(bare) > 0 {
		t.Fatalf("without COMMENT: %s", strings.Join(bare, ", "))
	}
}

var (
	quoted      = regexp.MustCompile(`'[^']*'`)
	lineComment = regexp.MustCompile(`-- .*`)
)

// TestFilesKeepTheRules holds what the migrator relies on: one repeatable statement per file, of no database, that a cluster can run.
func TestFilesKeepTheRules(t *testing.T) {
	err := fs.WalkDir(schema.Embedded, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(schema.Embedded, path)
		if err != nil {
			return err
		}
		text := string(data)
		comment, statement := "", text
		for strings.HasPrefix(statement, "--") {
			line, rest, _ := strings.Cut(statement, "\n")
			comment, statement = comment+line, rest
		}
		statement = lineComment.ReplaceAllString(quoted.ReplaceAllString(statement, "''"), "") // COMMENTs and comments may say anything
		if comment == "" {
			t.Errorf("%s: begins with no comment that says what it is", path)
		}
		if strings.Contains(statement, ";") {
			t.Errorf("%s: more than one statement", path)
		}
		if strings.Contains(statement, "livello") {
			t.Errorf("%s: names a database", path)
		}
		if !strings.Contains(statement, "/*ON CLUSTER*/") {
			t.Errorf("%s: no /*ON CLUSTER*/ placeholder", path)
		}
		if repeatable := strings.Contains(statement, "IF NOT EXISTS") || strings.HasPrefix(statement, "CREATE OR REPLACE VIEW ") || strings.Contains(statement, "COMMENT COLUMN IF EXISTS"); !repeatable {
			t.Errorf("%s: cannot be repeated: say IF NOT EXISTS, CREATE OR REPLACE VIEW, or COMMENT COLUMN IF EXISTS", path)
		}
		if strings.Contains(statement, "MergeTree") && !strings.Contains(statement, "/*Replicated*/") {
			t.Errorf("%s: no /*Replicated*/ placeholder", path)
		}
		if strings.Contains(statement, "ENGINE = ") && !strings.Contains(path, "schema_migrations") {
			settings := []string{"non_replicated_deduplication_window = 1000", "replicated_deduplication_window = 1000", "replicated_deduplication_window_seconds", "fsync_after_insert = 1", "fsync_part_directory = 1"}
			if strings.Contains(comment, "No deduplication window") { // and says why
				settings = []string{"non_replicated_deduplication_window = 0", "replicated_deduplication_window = 0", "fsync_after_insert = 1", "fsync_part_directory = 1"}
			}
			if strings.Contains(comment, "Scratch: ") || strings.Contains(comment, "No fsync: ") { // and says why
				settings = nil
			}
			for _, want := range settings {
				if !strings.Contains(statement, want) {
					t.Errorf("%s: lacks the setting %s, without which a retried insert counts twice or a power cut loses rows", path, want)
				}
			}
			for _, want := range []string{"ORDER BY", "PARTITION BY"} {
				if !strings.Contains(comment, want) {
					t.Errorf("%s: its comment does not say why this %s", path, want)
				}
			}
		}
		if strings.HasPrefix(path, "views/") {
			name := path[strings.Index(path, "_")+1 : len(path)-len(".sql")]
			if !strings.HasPrefix(statement, "CREATE OR REPLACE VIEW "+name+" ") {
				t.Errorf("%s: makes another view than its name says", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
