package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/access"
	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/internal/blocktest"
)

const (
	ownKey  = "own-key-of-the-folder"
	shopKey = "key-of-the-shop-42"
)

var arrival = time.Date(2026, 3, 1, 9, 31, 0, 0, time.UTC)

// memoryLog is a Log that keeps events in memory.
type memoryLog struct {
	mu     sync.Mutex
	events *event.Columns
	seen   map[uuid.UUID]bool
	fails  error // what Append answers, if anything
}

func (l *memoryLog) Append(_ context.Context, c *event.Columns) (accepted, duplicates int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails != nil {
		return 0, 0, l.fails
	}
	keep := make([]bool, c.Rows())
	for i, id := range c.EventIDs() {
		if keep[i] = !l.seen[id]; keep[i] {
			accepted++
		}
		l.seen[id] = true
	}
	l.events.AppendWhere(c, keep)
	return accepted, c.Rows() - accepted, nil
}

// server is the real Echo behind a real listener.
type server struct {
	*httptest.Server
	service  *Service
	echo     *echo.Echo
	log      *memoryLog
	registry *prometheus.Registry
	logged   *bytes.Buffer
}

func start(t testing.TB, change ...func(*Options)) *server {
	t.Helper()
	keys, err := access.NewWriteKeys(ownKey, []access.Source{{Name: "shop", Key: shopKey, Channel: "store"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{log: &memoryLog{events: event.New(), seen: map[uuid.UUID]bool{}}, registry: prometheus.NewRegistry(), logged: new(bytes.Buffer)}
	logger := slog.New(slog.NewTextHandler(s.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o := Options{Log: s.log, Keys: keys, Registry: s.registry, Logger: logger, Now: func() time.Time { return arrival }}
	for _, c := range change {
		c(&o)
	}
	e := echo.New()
	e.HTTPErrorHandler = HandleErrors(logger)
	e.IPExtractor = echo.ExtractIPDirect()
	s.service, s.echo = New(o), e
	s.service.Routes(e)
	s.Server = httptest.NewServer(e)
	t.Cleanup(s.Close)
	return s
}

// answer is what came back, decoded loosely.
type answer struct {
	status int
	header http.Header
	text   string
	Body   struct {
		Success    *bool
		Accepted   *int
		Duplicates *int
		Rejected   []rejectAnswer
		Error      *struct {
			Code, Message, Field, Help string
			Offset                     *int
			Rejected                   []rejectAnswer
		}
	}
}

type rejectAnswer struct {
	Index               int
	Field, Reason, Code string
	MessageID           string
	Line, Offset        int
}

// do sends a request; headers are given as name, value, name, value.
func (s *server) do(t testing.TB, method, path string, body io.Reader, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, text: string(text)}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &a.Body); err != nil {
			t.Fatalf("%s %s answers %d with what is no JSON: %s", method, path, a.status, text)
		}
	}
	return a
}

// post sends a body with the folder's own key.
func (s *server) post(t testing.TB, path, body string, headers ...string) answer {
	t.Helper()
	return s.do(t, http.MethodPost, path, strings.NewReader(body), append([]string{"Authorization", "Bearer " + ownKey}, headers...)...)
}

// rows are the events kept so far.
func (s *server) rows(t testing.TB) []map[string]string {
	t.Helper()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return blocktest.Rows(t, s.log.events.EncodeBlock(nil))
}

// metric is the value of a counter, with its labels as they are exposed: name{label="value"}.
func (s *server) metric(t testing.TB, name string, labels map[string]string) float64 {
	t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
	metrics:
		for _, m := range family.GetMetric() {
			if len(m.GetLabel()) != len(labels) {
				continue
			}
			for _, l := range m.GetLabel() {
				if labels[l.GetName()] != l.GetValue() {
					continue metrics
				}
			}
			if m.GetHistogram() != nil {
				return float64(m.GetHistogram().GetSampleCount())
			}
			return m.GetCounter().GetValue()
		}
	}
	return 0
}
