package dashboards_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/livello/livello/dashboards"
)

var update = flag.Bool("update", false, "write json/ anew")

// The committed JSON is what the code builds, and nothing else lies in the folder.
func TestJSONIsUpToDate(t *testing.T) {
	if *update {
		if _, err := dashboards.Write("."); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob("json/*")
	if err != nil {
		t.Fatal(err)
	}
	committed := map[string]bool{}
	for _, f := range files {
		committed[filepath.Base(f)] = true
	}
	for _, b := range boards(t) {
		got, err := os.ReadFile(filepath.Join("json", b.File))
		if err != nil || !bytes.Equal(got, b.JSON) {
			t.Errorf("json/%s is stale (%v): run `make dashboards` and commit what it writes", b.File, err)
		}
		delete(committed, b.File)
	}
	for f := range committed {
		t.Errorf("json/%s belongs to no board: remove it", f)
	}
}

func TestWriteMakesItsFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	paths, err := dashboards.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := boards(t)
	if len(paths) != len(all) {
		t.Fatalf("wrote %v, there are %d boards", paths, len(all))
	}
	for i, path := range paths {
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, all[i].JSON) {
			t.Errorf("%s is not what Boards gives: %v", path, err)
		}
	}
	if _, err := dashboards.Write(paths[0]); err == nil {
		t.Error("writing into a file as if it were a folder gave no error")
	}
}

// What Grafana needs of a board to take it as it is, and what we promise of each.
func TestBoardsAreWellFormed(t *testing.T) {
	uids := map[string]string{}
	for _, b := range boards(t) {
		d := parse(t, b)
		t.Run(b.File, func(t *testing.T) {
			if d.ID != nil {
				t.Error("a board in a file has no id: that is a number of one Grafana's database")
			}
			if !regexp.MustCompile(`^[a-z0-9-]{8,40}$`).MatchString(d.UID) {
				t.Errorf("uid %q: want 8 to 40 of a-z, 0-9 and -", d.UID)
			}
			if other := uids[d.UID]; other != "" {
				t.Errorf("uid %s is that of %s, too", d.UID, other)
			}
			uids[d.UID] = b.File
			if d.Title == "" || d.Timezone != "utc" || d.Refresh == "" || d.SchemaVersion == 0 {
				t.Errorf("title %q, timezone %q, refresh %q, schemaVersion %d", d.Title, d.Timezone, d.Refresh, d.SchemaVersion)
			}
			if len(d.Templating.List) == 0 || d.Templating.List[0].Type != "datasource" || d.Templating.List[0].Name != "datasource" {
				t.Error("the first variable chooses the data source: others ask it")
			}
			checkPanels(t, d)
		})
	}
}

func checkPanels(t *testing.T, d board) {
	ids, titles := map[int]string{}, map[string]bool{}
	for i, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] != "" {
			t.Errorf("%s: id %d is missing or that of %q", p.Title, p.ID, ids[p.ID])
		}
		ids[p.ID] = p.Title
		if p.Title == "" || titles[p.Title] {
			t.Errorf("panel %d: title %q is missing or used twice", p.ID, p.Title)
		}
		titles[p.Title] = true
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("%s: %+v does not fit on the grid", p.Title, g)
		}
		for _, other := range d.Panels[:i] {
			o := other.GridPos
			if g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
				t.Errorf("%s at %+v lies over %s at %+v", p.Title, g, other.Title, o)
			}
		}
		if p.Type == "row" {
			continue
		}
		if len(p.Description) < 40 || !strings.Contains(p.Description, "Query: `") {
			t.Errorf("%s: its description has to say what it shows and which query it asks: %q", p.Title, p.Description)
		}
		if len(p.Targets) != 1 {
			t.Errorf("%s: %d queries, want 1", p.Title, len(p.Targets))
		}
		for _, target := range p.Targets {
			checkTarget(t, d, p, target)
		}
		if p.Datasource != chosen {
			t.Errorf("%s: data source %+v, want the variable's", p.Title, p.Datasource)
		}
	}
}

// checkTarget holds a query against the form of the plugin's SQL editor.
func checkTarget(t *testing.T, d board, p panel, q target) {
	formats := map[string]int{"table": 1, "timeSeries": 0}
	format, known := formats[q.QueryType]
	if q.RefID == "" || q.EditorType != "sql" || !known || q.Format == nil || *q.Format != format || q.PluginVersion == "" || q.RawSQL == "" {
		t.Errorf("%s: no query of the plugin: %+v", p.Title, q)
	}
	if q.Datasource != chosen {
		t.Errorf("%s: its query's data source is %+v, want the variable's", p.Title, q.Datasource)
	}
	for _, m := range regexp.MustCompile(`\$\{?([A-Za-z_]+)`).FindAllStringSubmatch(q.RawSQL, -1) {
		if !strings.HasPrefix(m[1], "__") && !d.hasVariable(m[1]) {
			t.Errorf("%s: the board has no variable %s", p.Title, m[1])
		}
	}
	if strings.Contains(q.RawSQL, ":DateTime64(3)}") {
		t.Errorf("%s: a parameter is left in its SQL", p.Title)
	}
}

func boards(t *testing.T) []dashboards.Board {
	t.Helper()
	all, err := dashboards.Boards()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func parse(t *testing.T, b dashboards.Board) board {
	t.Helper()
	var d board
	if err := json.Unmarshal(b.JSON, &d); err != nil {
		t.Fatal(err)
	}
	return d
}
