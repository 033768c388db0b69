package queries_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/queries"
)

var update = flag.Bool("update", false, "write the golden files and docs/queries.md instead of comparing")

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v\nto write it: go test ./queries -update", err)
	}
	if got != string(want) {
		t.Errorf("%s is not what is produced now.\n--- file\n%s\n--- now\n%s\nIf now is right: go test ./queries -update", path, want, got)
	}
}

// then is the present of the story: what "now" means in its questions.
func then() time.Time { return time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC) }

// ask runs one query and fails the test on any error.
func ask(t testing.TB, db queries.DB, name, format string, params map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	if err := (queries.Runner{DB: db, Now: then}).Run(context.Background(), name, params, format, &b); err != nil {
		t.Fatalf("%s %v: %v", name, params, err)
	}
	return b.String()
}

func TestDocsAreFresh(t *testing.T) {
	set, err := queries.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := set.WriteDocs(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "../docs/queries.md", b.String())
}

// The story's answers, one file per query, as a table that can be read beside the story. Queries whose answer depends on the
// day of the test, or needs people to be evaluated, have their own test.
func testAnswers(t *testing.T, db database) {
	params := map[string]map[string]string{
		"active_people":      {"from": "2026-01-05", "to": "2026-01-12"},
		"events_by_kind":     {"from": "2026-01-01", "to": "2026-01-20"},
		"channel_summary":    {"from": "2026-01-01"},
		"email_engagement":   {"from": "2026-01-19", "to": "2026-01-20", "days": "2"},
		"engagement_history": {"person": "a2"},
		"funnel":             {"from": "2026-01-01", "steps": "page_view,cart_add,purchase", "window": "1814400"},
		"machine_traffic":    {"from": "2026-01-01"},
		"recent_purchases":   {"limit": "5"},
		"top_content":        {"from": "2026-01-01", "kinds": "page_view,content_download"},
		"weekly_retention":   {"from": "2026-01-05", "to": "2026-02-02", "weeks": "4"},
	}
	elsewhere := map[string]bool{"person_features": true, "most_engaged": true, "rejected_records": true, "segment_outcomes": true, "signal_strength": true}
	set, err := queries.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range set.All() {
		if elsewhere[q.Name] || strings.HasPrefix(q.Name, "tier_") || strings.HasPrefix(q.Name, "account") {
			continue
		}
		t.Run(q.Name, func(t *testing.T) {
			golden(t, "testdata/story/"+q.Name+".txt", ask(t, db, q.Name, "table", params[q.Name]))
		})
	}
}

// Elena's order comes exactly 31 days after she first looked: the window includes its end.
func testFunnelBorder(t *testing.T, db database) {
	for window, want := range map[string]string{"2678400": "2,\"purchase\",1,", "2678399": "2,\"purchase\",0,"} {
		got := ask(t, db, "funnel", "csv", map[string]string{"from": "2026-01-13", "to": "2026-02-13T09:00:00.001Z", "steps": "page_view,purchase", "window": window})
		if !strings.Contains(got, want) {
			t.Errorf("window %s: got\n%swant %s", window, got, want)
		}
	}
}

// Every header names the columns and types that the statement has, in order.
func testColumns(t *testing.T, db database) {
	set, err := queries.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range set.All() {
		t.Run(q.Name, func(t *testing.T) {
			params := map[string]string{}
			for _, p := range q.Params {
				if p.Required {
					params[p.Name] = map[string]string{"String": "somebody", "Array(String)": "page_view,purchase"}[p.Type]
				}
			}
			args, err := queries.Args(q, params, then())
			if err != nil {
				t.Fatal(err)
			}
			answer, err := db.QueryFormat(context.Background(), "JSONEachRow", "DESCRIBE (\n"+q.SQL+"\n)", args...)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Close()
			var got, want []string
			for d := json.NewDecoder(answer); ; {
				var c struct{ Name, Type string }
				if err := d.Decode(&c); err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				got = append(got, c.Name+" "+c.Type)
			}
			for _, c := range q.Columns {
				want = append(want, c.Name+" "+c.Type)
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("the statement has\n%s\nthe header says\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}
