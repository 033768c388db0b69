package queries_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/livello/livello/identity"
)

// insertEvents writes events as JSONEachRow, filling in what a short form leaves out: event_id from n, distinct_id, type,
// source, received_at. Every event is a map of columns of the table events.
func insertEvents(t testing.TB, db database, n int, events []map[string]any) {
	t.Helper()
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	for i, e := range events {
		fill := func(column string, value any) {
			if _, ok := e[column]; !ok {
				e[column] = value
			}
		}
		fill("event_id", fmt.Sprintf("00000000-0000-4000-8000-%012d", n+i))
		fill("distinct_id", e["user_id"])
		if e["distinct_id"] == nil {
			e["distinct_id"] = e["anonymous_id"]
		}
		fill("type", "track")
		fill("source", "story")
		fill("received_at", e["ts"])
		if err := encoder.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	const insert = `INSERT INTO events (event_id, type, kind, name, ts, received_at, source, channel, distinct_id, anonymous_id, user_id, previous_id,
		path, utm_source, utm_campaign, content_id, order_id, value, currency, machine, properties)`
	if err := db.InsertFormat(context.Background(), "JSONEachRow", insert, &body); err != nil {
		t.Fatal(err)
	}
	if err := identity.Resolve(context.Background(), db); err != nil {
		t.Fatal(err)
	}
}

// readStory returns the events of testdata/story.ndjson.
func readStory(t testing.TB) []map[string]any {
	t.Helper()
	text, err := os.ReadFile("testdata/story.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	var events []map[string]any
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		e := map[string]any{"event_id": fmt.Sprintf("00000000-0000-4000-8000-%012d", n)}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("story.ndjson:%d: %v", n, err)
		}
		events = append(events, e)
	}
	return events
}

// TestStory asks everything that can be asked of one database that nobody writes to: it holds the story.
func TestStory(t *testing.T) {
	db := openDatabase(t)
	insertEvents(t, db, 0, readStory(t))
	for _, test := range []struct {
		name string
		run  func(*testing.T, database)
	}{
		{"answers", testAnswers},
		{"funnel's border", testFunnelBorder},
		{"columns", testColumns},
		{"formats", testFormats},
		{"panels", testPanels},
		{"refusals", testRunRefuses},
		{"limits", testLimits},
		{"read only", testReadOnly},
		{"writer fails", testWriterFails},
		{"cancel", testCancel},
		{"text is bound as it is", testTextIsBoundAsItIs},
		{"injection", testInjection},
		{"names are not bound", testNamesAreNotBound},
		{"http answers", testHTTPAnswers},
		{"http refuses", testHTTPRefuses},
		{"http fails late", testHTTPFailsLate},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, db) })
	}
}
