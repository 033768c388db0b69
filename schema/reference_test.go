package schema_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/livello/livello/test/engine"
)

// TestReference compares the reference in docs/schema.md with the COMMENTs of tables and views.
func TestReference(t *testing.T) {
	const path, begin, end = "../docs/schema.md", "<!-- reference -->\n", "<!-- end of reference -->"
	w := engine.Migrated(t)
	var got strings.Builder
	for _, where := range []string{"engine = 'View'", "engine LIKE '%MergeTree'"} { // what people build on comes first
		for _, name := range column(t, w, "SELECT name FROM system.tables WHERE database = currentDatabase() AND "+where+" ORDER BY name") {
			comment := column(t, w, "SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = ?", name)[0]
			fmt.Fprintf(&got, "### `%s`\n%s.\n\n| column | type | meaning |\n|---|---|---|\n", name, comment)
			for _, row := range column(t, w, "SELECT concat('| `', name, '` | ', type, ' | ', comment, ' |') FROM system.columns WHERE database = currentDatabase() AND table = ? ORDER BY position", name) {
				got.WriteString(row + "\n")
			}
			got.WriteString("\n")
		}
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the lines %q and %q", path, begin, end)
	}
	if old == got.String() {
		return
	}
	if !*update {
		t.Fatalf("the reference in %s is out of date: go test ./schema -run TestReference -update", path)
	}
	if err := os.WriteFile(path, []byte(before+begin+got.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
