package quarantine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

func open(t *testing.T, o Options) *Store {
	t.Helper()
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "quarantine")
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// now is recent: the table forgets what is older than 30 days.
func now() time.Time { return time.Now().Truncate(time.Millisecond) }

func records(n int, payload string) []Record {
	all := make([]Record, n)
	for i := range all {
		all[i] = Record{Index: i, Code: "type", Field: "userId", Reason: "must be a string", Payload: []byte(payload)}
	}
	return all
}

func one[T any](t *testing.T, w *warehouse.Warehouse, query string) T {
	t.Helper()
	var v T
	if err := w.QueryRow(t.Context(), query).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestRecordsReachTheTableAsTheyCame(t *testing.T) {
	w := engine.Migrated(t)
	s := open(t, Options{DB: w})
	at := now()
	every := make([]byte, 0, 300)
	for c := range 256 {
		every = append(every, byte(c))
	}
	payload := `{"a":"\"\\ä\n` + string(every) + "\xff\xfe"
	s.Keep(Request{At: at, Source: "shop", Route: "/v1/batch", Envelope: []byte(`{"sentAt":"x"}`), IP: "10.1.2.3", UserAgent: "Mozilla/5.0 \"x\"\xff"},
		[]Record{{Index: 7, Code: "utf8", Field: "properties.\x00ä", Reason: "no \"UTF-8\"", MessageID: "m\\1", IDs: []string{"u1", "a\t1"}, Payload: []byte(payload)}})
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		At                                                                       time.Time
		Source, Route, Code, Field, Reason, MessageID, Payload, Envelope, IP, UA string
		IDs                                                                      []string
		Index, Records, Bytes                                                    uint32
		Cut                                                                      bool
	}
	if err := w.QueryRow(t.Context(), "SELECT at, source, route, code, field, reason, message_id, payload, envelope, ip, user_agent, ids, record_index, records, payload_bytes, payload_cut FROM quarantine").
		Scan(&got.At, &got.Source, &got.Route, &got.Code, &got.Field, &got.Reason, &got.MessageID, &got.Payload, &got.Envelope, &got.IP, &got.UA,
			&got.IDs, &got.Index, &got.Records, &got.Bytes, &got.Cut); err != nil {
		t.Fatal(err)
	}
	want(t, "at", got.At.Equal(at), true)
	want(t, "texts", fmt.Sprintf("%q", []string{got.Source, got.Route, got.Code, got.Field, got.Reason, got.MessageID, got.Envelope, got.IP, got.UA}),
		fmt.Sprintf("%q", []string{"shop", "/v1/batch", "utf8", "properties.\x00ä", "no \"UTF-8\"", "m\\1", `{"sentAt":"x"}`, "10.1.2.3", "Mozilla/5.0 \"x\"\xff"}))
	want(t, "payload", got.Payload, payload)
	want(t, "ids", strings.Join(got.IDs, "|"), "u1|a\t1")
	want(t, "numbers", fmt.Sprint(got.Index, got.Records, got.Bytes, got.Cut), fmt.Sprint(7, 1, len(payload), false))
	want(t, "bytes that wait", s.Status(), 0)
	if left, _ := os.ReadDir(s.o.Dir); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
}

func TestWhatIsLeftOutIsSaid(t *testing.T) {
	w := engine.Migrated(t)
	registry := prometheus.NewRegistry()
	s := open(t, Options{DB: w, Registry: registry})
	const secret = "lvw_SECRET"
	redact := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(secret), []byte("[redacted]")) }
	// The limit cuts the second secret in two.
	long := secret + strings.Repeat("x", MaxPayload-len("[redacted]")-4) + secret + strings.Repeat("y", MaxPayload)
	s.Keep(Request{At: now(), Source: "long", Redact: redact}, records(1, long))
	s.Keep(Request{At: now(), Source: "many"}, records(MaxRecords+500, `{}`))
	s.Keep(Request{At: now(), Source: "large"}, records(200, strings.Repeat("z", MaxPayload)))
	s.Keep(Request{At: now(), Source: "envelope", Envelope: make([]byte, MaxEnvelope+1)}, records(1, `{}`))
	fields := records(MaxRecords+300, `{}`)
	for i := range fields {
		fields[i].Field = fmt.Sprint("properties.", i)
	}
	s.Keep(Request{At: now(), Source: "fields"}, fields)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, "cut payload", one[string](t, w, "SELECT concat(toString(length(payload)), ' ', toString(payload_bytes), ' ', toString(payload_cut), ' ', toString(position(payload, 'lvw_'))) FROM quarantine WHERE source = 'long'"),
		fmt.Sprintf("%d %d true 0", MaxPayload, len(long)))
	for source, expect := range map[string]string{
		"many":     fmt.Sprintf("%d %d 1", MaxRecords+500, MaxRecords),
		"large":    fmt.Sprintf("200 %d 1", MaxBytes/MaxPayload),
		"envelope": "1 0 0", // cannot be sent again
		"fields":   fmt.Sprintf("%d %d %d", MaxRecords+300, MaxRecords, maxReasons+1),
	} {
		want(t, source, one[string](t, w, "SELECT concat(toString(sum(records)), ' ', toString(countIf(records = 1 AND NOT payload_cut)), ' ', toString(countIf(payload = ''))) FROM quarantine WHERE source = '"+source+"'"), expect)
	}
	want(t, "counted as not kept", testutil.ToFloat64(s.metrics.dropped.WithLabelValues("request")), 500+200-MaxBytes/MaxPayload+300)
	if n, err := testutil.GatherAndCount(registry); err != nil || n != 9 {
		t.Errorf("%d metrics: %v", n, err)
	}
}

// spoiled stands before the real database.
type spoiled struct {
	Inserter
	insert func(real func() error) error
}

func (s spoiled) InsertFormat(ctx context.Context, format, query string, data io.Reader) error {
	return s.insert(func() error { return s.Inserter.InsertFormat(ctx, format, query, data) })
}

var errLost = errors.New("connection reset by peer")

// A lost answer, a process that ends before it hears one, and a power cut in the middle of a line: each record is there once.
func TestRecordsAreThereOnce(t *testing.T) {
	w := engine.Migrated(t)
	dir := t.TempDir()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	lossy := spoiled{w, func(real func() error) error { return errors.Join(real(), errLost) }}
	first := open(t, Options{Dir: dir, DB: lossy, Logger: logger})
	first.Keep(Request{At: now(), Source: "a"}, records(3, `{"n":1}`))
	for range 2 {
		if err := first.Flush(t.Context()); !errors.Is(err, errLost) {
			t.Fatalf("flush answers %v", err)
		}
	}
	want(t, "said once", strings.Count(log.String(), "could not be inserted"), 1)
	first.Keep(Request{At: now(), Source: "b"}, records(2, `{"n":2}`))
	// The process ends here, without Close: the second file is open, and its last line goes missing in part.
	torn := first.active.Name()
	if err := os.Truncate(torn, first.open.size-5); err != nil {
		t.Fatal(err)
	}
	second := open(t, Options{Dir: dir, DB: w, Logger: logger})
	if err := second.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, "records of a", one[uint64](t, w, "SELECT count() FROM quarantine WHERE source = 'a'"), 3)
	want(t, "records of b", one[uint64](t, w, "SELECT count() FROM quarantine WHERE source = 'b'"), 1)
	want(t, "torn", testutil.ToFloat64(second.metrics.dropped.WithLabelValues("torn")), 1)
	want(t, "waiting", second.Status(), 0)
	first.active = nil // gone with its process
}

func TestAFileThatIsRefusedDoesNotHoldUpOthers(t *testing.T) {
	w := engine.Migrated(t)
	dir := t.TempDir()
	poison := filepath.Join(dir, "01900000-0000-7000-8000-000000000000.ndjson")
	if err := os.WriteFile(poison, []byte("{\"at\":\"never\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{Dir: dir, DB: w})
	for range 2 {
		s.Keep(Request{At: now(), Source: "a"}, records(1, `{}`))
		_ = s.Flush(t.Context())
	}
	if err := s.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "01900000") {
		t.Errorf("flush answers %v, want the refused file", err)
	}
	want(t, "records", one[uint64](t, w, "SELECT count() FROM quarantine"), 2)
	if _, err := os.Stat(poison); err != nil {
		t.Errorf("the refused file is gone: %v", err)
	}
}

func TestAFullQuarantineDropsAndSaysSo(t *testing.T) {
	w := engine.Migrated(t)
	var log bytes.Buffer
	s := open(t, Options{DB: w, MaxBytes: 4 << 10, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 20 {
		s.Keep(Request{At: now(), Source: "a"}, records(1, strings.Repeat("x", 1<<10)))
	}
	dropped := testutil.ToFloat64(s.metrics.dropped.WithLabelValues("full"))
	if kept := testutil.ToFloat64(s.metrics.kept); kept < 1 || kept+dropped != 20 {
		t.Errorf("%v kept and %v dropped of 20", kept, dropped)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Keep(Request{At: now(), Source: "a"}, records(1, "x"))
	want(t, "said", strings.Count(log.String(), "is full")+10*strings.Count(log.String(), "kept again"), 11)
}

func TestRunInsertsByItself(t *testing.T) {
	w := engine.Migrated(t)
	inserted := make(chan struct{}, 1)
	s := open(t, Options{Interval: time.Millisecond, DB: spoiled{w, func(real func() error) error {
		defer func() { inserted <- struct{}{} }()
		return real()
	}}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	s.Keep(Request{At: now(), Source: "a"}, records(1, `{}`))
	<-inserted
	cancel()
	<-done
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, "records", one[uint64](t, w, "SELECT count() FROM quarantine"), 1)
}
