package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// collector is a service that answers as Livello's does, and remembers what it accepted. before may answer in its place.
type collector struct {
	mu       sync.Mutex
	requests int
	bodies   []int // messages in each request
	ids      map[string]bool
	before   func(w http.ResponseWriter, request int, messages [][]byte) bool
	refuse   func(*sent) string // why a message is rejected, or ""
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	messages := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	if r.URL.Path != "/v1/events" || r.Header.Get("Content-Type") != "application/x-ndjson" || r.Header.Get("Authorization") != "Bearer key" {
		http.Error(w, `{"error":{"code":"unauthorized","message":"unknown write key"}}`, http.StatusUnauthorized)
		return
	}
	if c.before != nil && c.before(w, c.requests, messages) {
		return
	}
	if c.ids == nil {
		c.ids = map[string]bool{}
	}
	c.bodies = append(c.bodies, len(messages))
	var a answer
	for i, text := range messages {
		var s sent
		if err := json.Unmarshal(text, &s); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reason := ""
		if c.refuse != nil {
			reason = c.refuse(&s)
		}
		switch {
		case reason != "":
			a.Rejected = append(a.Rejected, refusal{i, "properties.value", reason})
		case c.ids[s.MessageID]:
			a.Duplicates++
		default:
			c.ids[s.MessageID] = true
			a.Accepted++
		}
	}
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(a)
}

// orders writes a CSV file of rows for the mapping good.
func orders(t *testing.T, rows int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("id,at,amount\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,2020-01-02,%d.50\n", i, i)
	}
	path := filepath.Join(t.TempDir(), "orders.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// loading starts a service and returns how to load files into it.
func loading(t *testing.T, c *collector, paths ...string) Options {
	t.Helper()
	m, err := ParseMapping("m.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return Options{Paths: paths, Mapping: m, Client: s.Client(), BaseURL: s.URL + "/", WriteKey: "key", Batch: 100, firstWait: time.Microsecond}
}

// counts is a result without its time.
func counts(r Result) string {
	return fmt.Sprintf("rows %d skipped %d rejected %d+%d sent %d accepted %d duplicates %d", r.Rows, r.Skipped, r.RejectedRows, r.RejectedMessages, r.Sent, r.Accepted, r.Duplicates)
}

func TestLoadTwice(t *testing.T) {
	c := &collector{}
	o := loading(t, c, orders(t, 250), orders(t, 30))
	r, err := Load(context.Background(), o)
	// The second file is the beginning of the first: its rows are the same events.
	if want := "rows 280 skipped 0 rejected 0+0 sent 280 accepted 250 duplicates 30"; err != nil || counts(r) != want {
		t.Errorf("first load: %s, %v, want %s", counts(r), err, want)
	}
	if len(c.bodies) != 4 || r.Elapsed <= 0 {
		t.Errorf("%d requests in %v, want 4 of 100 messages at most: %v", len(c.bodies), r.Elapsed, c.bodies)
	}
	r, err = Load(context.Background(), o)
	if want := "rows 280 skipped 0 rejected 0+0 sent 280 accepted 0 duplicates 280"; err != nil || counts(r) != want {
		t.Errorf("second load: %s, %v, want %s", counts(r), err, want)
	}
}

func TestLoadRetries(t *testing.T) {
	c := &collector{before: func(w http.ResponseWriter, request int, _ [][]byte) bool {
		switch request {
		case 1:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3:
			panic(http.ErrAbortHandler) // the connection breaks
		default:
			return false
		}
		return true
	}}
	o := loading(t, c, orders(t, 100))
	tries := 0
	o.OnRetry = func(error, time.Duration) { tries++ }
	r, err := Load(context.Background(), o)
	if want := "rows 100 skipped 0 rejected 0+0 sent 100 accepted 100 duplicates 0"; err != nil || counts(r) != want || tries != 3 {
		t.Errorf("%s after %d more tries, %v; want %s after 3", counts(r), tries, err, want)
	}
}

// TestLoadLostAnswer breaks the connection after the service has kept the messages: the second try counts none twice.
func TestLoadLostAnswer(t *testing.T) {
	c := &collector{}
	lost := false
	o := loading(t, c, orders(t, 50))
	o.Client = doer(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		if !lost {
			lost = true
			return nil, errors.New("connection reset")
		}
		return w.Result(), nil
	})
	r, err := Load(context.Background(), o)
	if want := "rows 50 skipped 0 rejected 0+0 sent 50 accepted 0 duplicates 50"; err != nil || counts(r) != want || len(c.ids) != 50 {
		t.Errorf("%s, %d kept, %v; want %s, 50 kept", counts(r), len(c.ids), err, want)
	}
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func TestLoadHonoursRetryAfter(t *testing.T) {
	c := &collector{before: func(w http.ResponseWriter, _ int, _ [][]byte) bool {
		w.Header().Set("Retry-After", "7")
		http.Error(w, `{"error":{"message":"the spool is full"}}`, http.StatusServiceUnavailable)
		return true
	}}
	o := loading(t, c, orders(t, 1))
	ctx, cancel := context.WithCancel(context.Background())
	var waited time.Duration
	var reason error
	o.OnRetry = func(err error, wait time.Duration) {
		waited, reason = wait, err
		cancel()
	}
	_, err := Load(ctx, o)
	if waited != 7*time.Second || reason == nil || !strings.Contains(reason.Error(), "503: the spool is full") || !errors.Is(err, context.Canceled) {
		t.Errorf("waits %v because of %v, ends with %v; want 7s", waited, reason, err)
	}
}

func TestLoadGivesUp(t *testing.T) {
	c := &collector{before: func(w http.ResponseWriter, _ int, _ [][]byte) bool {
		http.Error(w, "no database", http.StatusServiceUnavailable)
		return true
	}}
	o := loading(t, c, orders(t, 1))
	o.GiveUp = time.Nanosecond
	_, err := Load(context.Background(), o)
	if err == nil || !strings.Contains(err.Error(), "gave up after 1ns of trying, load the file again to go on: the service answers 503: no database") {
		t.Errorf("error %v", err)
	}
}

func TestLoadStops(t *testing.T) {
	c := &collector{}
	o := loading(t, c, orders(t, 5000))
	o.WriteKey = "other"
	_, err := Load(context.Background(), o)
	var stopped *StoppedError
	if !errors.As(err, &stopped) || stopped.Status != 401 || err.Error() != "the service refuses the write key (401): unknown write key" {
		t.Errorf("error %v", err)
	}
	c.mu.Lock() // a request that was given up may still be on its way
	if c.requests > 3 {
		t.Errorf("%d requests with a wrong key, want no more than were in flight", c.requests)
	}
	c.before = func(w http.ResponseWriter, _ int, _ [][]byte) bool {
		http.Error(w, "no such thing", http.StatusBadRequest)
		return true
	}
	c.mu.Unlock()
	o.WriteKey = "key"
	if _, err = Load(context.Background(), o); err == nil || err.Error() != "the service refuses the messages (400): no such thing" {
		t.Errorf("error %v", err)
	}
	c.mu.Lock()
	c.before = func(w http.ResponseWriter, _ int, _ [][]byte) bool {
		fmt.Fprint(w, `{"accepted":99,"duplicates":0,"rejected":[]}`)
		return true
	}
	c.mu.Unlock()
	if _, err = Load(context.Background(), o); err == nil || !strings.Contains(err.Error(), "was sent 100 messages and accounts for 99") {
		t.Errorf("error %v", err)
	}
}

func TestLoadHalvesWhatIsTooLarge(t *testing.T) {
	c := &collector{}
	c.before = func(w http.ResponseWriter, _ int, messages [][]byte) bool {
		tooLarge := len(messages) > 30 || bytes.Contains(messages[0], []byte(`"userId":"77"`)) || len(messages) > 1 && bytes.Contains(bytes.Join(messages, nil), []byte(`"userId":"77"`))
		if tooLarge {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
		return tooLarge
	}
	path := orders(t, 100)
	r, err := Load(context.Background(), loading(t, c, path))
	if want := "rows 100 skipped 0 rejected 0+1 sent 100 accepted 99 duplicates 0"; !errors.Is(err, ErrRejected) || counts(r) != want {
		t.Errorf("%s, %v, want %s", counts(r), err, want)
	}
	text, err := os.ReadFile(path + ".rejected.ndjson")
	if err != nil || !strings.Contains(string(text), `{"line":79,"field":"","reason":"a message of `) || !strings.Contains(string(text), `"row":"77,2020-01-02,77.50"`) {
		t.Errorf("rejects file %s, %v", text, err)
	}
}

func TestLoadRejects(t *testing.T) {
	c := &collector{refuse: func(s *sent) string {
		if s.UserID == "5" {
			return "is out of range"
		}
		return ""
	}}
	path := filepath.Join(t.TempDir(), "f.csv")
	bad := "id,at,amount\n1,2020-01-01,1\n2,soon,1\n3,2020-01-01\n\n,2020-01-01,4\n5,2020-01-01,5\n6,2020-01-01,six\n7,,7\n8,2020-01-01,8\n"
	if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	o := loading(t, c, path)
	o.RejectsDir = t.TempDir()
	r, err := Load(context.Background(), o)
	if want := "rows 8 skipped 0 rejected 5+1 sent 3 accepted 2 duplicates 0"; counts(r) != want {
		t.Errorf("%s, want %s", counts(r), want)
	}
	file := filepath.Join(o.RejectsDir, "f.csv.rejected.ndjson")
	if !errors.Is(err, ErrRejected) || !strings.Contains(err.Error(), "5 of 8 rows could not be read, 1 of 3 messages were refused by the service; see "+file) {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(r.String(), "8 rows read, 3 messages sent: 2 accepted, 0 were there already, 1 rejected") || r.Rejected() != 6 {
		t.Errorf("summary %s", r.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{
		`{"line":3,"field":"time","reason":"\"soon\" is no time of layout iso","row":"2,soon,1"}`:                             true,
		`{"line":4,"field":"","reason":"2 fields, but there are 3 columns","row":"3,2020-01-01"}`:                             true,
		`{"line":6,"field":"userId","reason":"neither userId nor anonymousId has a value in this row","row":",2020-01-01,4"}`: true,
		`{"line":7,"field":"properties.value","reason":"is out of range","row":"5,2020-01-01,5"}`:                             true,
		`{"line":8,"field":"properties.value","reason":"\"six\" is no number","row":"6,2020-01-01,six"}`:                      true,
		`{"line":9,"field":"time","reason":"is empty: no value in column \"at\"","row":"7,,7"}`:                               true,
	}
	for line := range strings.Lines(string(text)) {
		if !want[strings.TrimSuffix(line, "\n")] {
			t.Errorf("unexpected reject %s", line)
		}
		delete(want, strings.TrimSuffix(line, "\n"))
	}
	for line := range want {
		t.Errorf("no reject %s", line)
	}

	// Mended and loaded again: what was there counts as duplicate, and the rejects are gone.
	c.refuse = nil
	mended := "id,at,amount\n1,2020-01-01,1\n5,2020-01-01,5\n8,2020-01-01,8\n"
	if err := os.WriteFile(path, []byte(mended), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err = Load(context.Background(), o)
	if want := "rows 3 skipped 0 rejected 0+0 sent 3 accepted 1 duplicates 2"; err != nil || counts(r) != want {
		t.Errorf("%s, %v, want %s", counts(r), err, want)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old rejects are still there: %v", err)
	}
}

func TestLoadChecksBeforeSending(t *testing.T) {
	c := &collector{}
	wrong := filepath.Join(t.TempDir(), "wrong.csv")
	if err := os.WriteFile(wrong, []byte("id,when,amount\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(context.Background(), loading(t, c, orders(t, 10), wrong)); err == nil || !strings.Contains(err.Error(), `wrong.csv has no column "at"`) {
		t.Errorf("error %v", err)
	}
	if _, err := Load(context.Background(), loading(t, c, orders(t, 10), t.TempDir()+"/none.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Load(context.Background(), loading(t, c)); err == nil || err.Error() != "no file to load" {
		t.Errorf("no file: %v", err)
	}
	if c.requests != 0 {
		t.Errorf("%d requests before the second file was checked", c.requests)
	}
}

func TestLoadStopsWhenNothingFits(t *testing.T) {
	c := &collector{}
	path := filepath.Join(t.TempDir(), "f.csv")
	if err := os.WriteFile(path, []byte("id,at,amount\n"+strings.Repeat("1,01/02/2020,1\n", hopeless+5)), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Load(context.Background(), loading(t, c, path))
	if err == nil || !strings.Contains(err.Error(), `were all rejected; is m.yaml the mapping for this file? Line 2: time: "01/02/2020" is no time of layout iso`) || r.RejectedRows != hopeless {
		t.Errorf("%d rejected, %v", r.RejectedRows, err)
	}
}

// steps is a Progress that adds up.
type steps struct {
	file        string
	size, bytes int64
	done        bool
}

func (s *steps) Start(file string, size int64) { s.file, s.size = file, size }
func (s *steps) Read(bytes int64)              { s.bytes += bytes }
func (s *steps) Done()                         { s.done = true }

func TestLoadTellsProgress(t *testing.T) {
	s := &steps{}
	o := loading(t, &collector{}, orders(t, 5000))
	o.Progress = s
	if _, err := Load(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if !s.done || s.file != o.Paths[0] || s.size == 0 || s.bytes != s.size {
		t.Errorf("progress %+v", s)
	}
	if _, quiet := NewBar(io.Discard).(noProgress); !quiet {
		t.Error("a bar is drawn where there is no terminal")
	}
}
