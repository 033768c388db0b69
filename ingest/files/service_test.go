package files_test

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/livello/livello/ingest"
	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/files"
)

// memory is a log that keeps the ids of its events, and nothing longer than the test.
type memory struct {
	mu  sync.Mutex
	ids map[uuid.UUID]bool
}

func (m *memory) Append(_ context.Context, events *event.Columns) (accepted, duplicates int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range events.EventIDs() {
		if m.ids[id] {
			duplicates++
			continue
		}
		m.ids[id] = true
		accepted++
	}
	return accepted, duplicates, nil
}

func (m *memory) WriteKey(key string) (source, channel string, ok bool) {
	return "test", "", key == "key"
}

func (m *memory) Channel(string) string { return "" }

// TestExamplesThroughTheService sends what the example mappings make through the service's own decoder: it takes all of it
// the first time, and nothing the second (which is tried with the smaller sets, for the sake of time).
func TestExamplesThroughTheService(t *testing.T) {
	for _, c := range []struct {
		mapping, data string
		messages      int64
	}{
		{"cdnow.yaml", "cdnow/CDNOW_master.txt", 69_659},
		{"hillstrom.yaml", "hillstrom/hillstrom.csv", 64_000 + 9_394 + 578},
		{"crm.yaml", "crm/sales_pipeline.csv", 8_300 + 4_238 + 2_473},
		{"olist-leads.yaml", "olist-leads/mql_8000_with_landing_page.csv", 8_000},
	} {
		t.Run(c.mapping, func(t *testing.T) {
			path := filepath.Join("..", "..", "..", "shared", "data", filepath.FromSlash(c.data))
			if _, err := os.Stat(path); err != nil {
				t.Skipf("the data set %s is not beside this checkout: %v", c.data, err)
			}
			m, err := files.LoadMapping(filepath.Join("..", "..", "examples", c.mapping))
			if err != nil {
				t.Fatal(err)
			}
			log := &memory{ids: map[uuid.UUID]bool{}}
			e := echo.New()
			ingest.New(ingest.Options{Log: log, Keys: log}).Routes(e)
			s := httptest.NewServer(e)
			defer s.Close()
			o := files.Options{Paths: []string{path}, Mapping: m, Client: s.Client(), BaseURL: s.URL, WriteKey: "key", RejectsDir: t.TempDir()}
			loads := []files.Result{{Accepted: c.messages}, {Duplicates: c.messages}}
			if c.messages > 50_000 {
				loads = loads[:1]
			}
			for _, want := range loads {
				r, err := files.Load(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				if r.Sent != c.messages || r.Accepted != want.Accepted || r.Duplicates != want.Duplicates || r.Rejected() != 0 {
					t.Errorf("%s; want %d accepted, %d duplicates", r.String(), want.Accepted, want.Duplicates)
				}
			}
		})
	}
}
