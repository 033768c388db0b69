package trust

import (
	"slices"
	"testing"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/test/engine"
)

// A table that a materialized view feeds is compared with raw events, or somebody wrote down why not. A check that is written and not run
// is as good as none.
func TestEveryRollupIsVerified(t *testing.T) {
	w := engine.Migrated(t)
	ctx := t.Context()
	fed, err := ask.Texts(ctx, w, "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView' ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, create := range fed {
		target := viewTarget.FindStringSubmatch(create)
		if target == nil {
			t.Errorf("whom does it feed? %.100s", create)
			continue
		}
		table := target[1] + target[2]
		seen[table] = true
		if checked, reason := slices.Contains(checks, table), unchecked[table]; checked == (reason != "") {
			t.Errorf("%s is fed by a view: write trust/sql/%[1]s.sql and put it into checks, or say in unchecked why not", table)
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d tables are fed by views; is this the schema?", len(seen))
	}
	for table := range unchecked {
		if !seen[table] {
			t.Errorf("%s is said to be unchecked, and is no table that a view feeds", table)
		}
	}
	written, err := files.ReadDir("sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range written {
		if name := file.Name()[:len(file.Name())-len(".sql")]; name != "note_repeats" && !slices.Contains(checks, name) {
			t.Errorf("sql/%s is never run", file.Name())
		}
	}
	for _, name := range checks {
		if _, err := statement(name); err != nil {
			t.Error(err)
		}
	}
}
