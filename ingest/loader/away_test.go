package loader

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/test/flaky"
	"github.com/livello/livello/warehouse"
)

// behindProxy is a migrated database, and a connection to it through a proxy that tests can spoil.
func behindProxy(t *testing.T) (direct, through *warehouse.Warehouse, p *flaky.Proxy) {
	t.Helper()
	direct = database(t)
	p = flaky.Start(t, engine.Target(t))
	through, err := warehouse.Open(t.Context(), warehouse.Config{DSN: p.URL + "/" + direct.Database()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = through.Close() })
	return direct, through, p
}

// add accepts the block and seals it: a segment of its own.
func add(t *testing.T, s *spool.Spool, c *event.Columns) {
	t.Helper()
	if _, _, err := s.Append(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// await waits for a change of the spool until its status is as wanted.
func await(t *testing.T, s *spool.Spool, what string, wanted func(spool.Status) bool) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		progress, status := s.Progress(), s.Status()
		if wanted(status) {
			return
		}
		select {
		case <-progress:
		case <-timeout:
			t.Fatalf("waited in vain for %s: %+v", what, status)
		}
	}
}

// journal keeps what is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// count is how often a message was logged with level info and above.
func (j *journal) count(message string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), `msg="`+message+`"`)
}

// value is what a counter or gauge says.
func value(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// While ClickHouse is away only probes go out; when it is back everything arrives once, and the log has a few lines.
func TestAbsentClickHouse(t *testing.T) {
	w, through, p := behindProxy(t)
	s := newSpool(t, spool.Options{Linger: time.Millisecond})
	log, registry := &journal{}, prometheus.NewRegistry()
	l := run(t, Options{Spool: s, DB: through, Registry: registry, Logger: slog.New(slog.NewTextHandler(log, nil))})
	add(t, s, acts(50))
	drain(t, s)
	p.All(flaky.Refuse)
	before := p.Counts()
	for range 2 {
		add(t, s, acts(50))
	}
	p.Await(t, "probes", func(c flaky.Counts) bool { return c.Requests >= before.Requests+30 })
	if n := p.Counts().Inserts - before.Inserts; n > 2 { // net/http may repeat a request whose idle connection was closed
		t.Errorf("%d INSERTs were sent to a ClickHouse that is away", n)
	}
	if reason, since := l.Failing(); !Unreachable(reason) || since.IsZero() {
		t.Errorf("failing is %v since %v", reason, since)
	}
	if up := value(t, registry, "livello_loader_up"); up != 0 {
		t.Errorf("livello_loader_up is %v", up)
	}
	p.All(flaky.Pass)
	drain(t, s)
	counted(t, w, 150)
	if up := value(t, registry, "livello_loader_up"); up != 1 {
		t.Errorf("livello_loader_up is %v", up)
	}
	if fails, again := log.count("loading fails"), log.count("loading again"); fails != loudAttempts || again != 1 {
		t.Errorf("%d lines of failing and %d of loading again in the log, want %d and 1:\n%s", fails, again, loudAttempts, log.text.String())
	}
}

// A ClickHouse that takes the connection, or half of an INSERT, and then says nothing is noticed by the probes beside the INSERT.
func TestSilentClickHouse(t *testing.T) {
	for name, insert := range map[string]flaky.Action{"from the beginning": flaky.Stall, "in the middle of an INSERT": freezeHalf} {
		t.Run(name, func(t *testing.T) { silent(t, insert) })
	}
}

func silent(t *testing.T, insert flaky.Action) {
	w, through, p := behindProxy(t)
	s := newSpool(t, spool.Options{Linger: time.Millisecond})
	p.Choose(func(query string) flaky.Action {
		switch {
		case strings.HasPrefix(query, "INSERT INTO events"):
			return insert
		case strings.HasPrefix(query, "SELECT displayName()"): // a new connection begins with it, and the INSERT may need one
			return flaky.Pass
		}
		return flaky.Stall
	})
	add(t, s, acts(60))
	began := time.Now()
	l := run(t, Options{Spool: s, DB: through, ProbeTimeout: 50 * time.Millisecond, StallAfter: 200 * time.Millisecond})
	p.Await(t, "probes of the open circuit", func(c flaky.Counts) bool { return c.Requests >= 12 })
	if reason, _ := l.Failing(); reason == nil || p.Counts().Inserts == 0 {
		t.Errorf("after %d INSERTs failing is %v", p.Counts().Inserts, reason)
	}
	t.Logf("given up and probed again after %s", time.Since(began).Round(time.Millisecond))
	p.All(flaky.Pass)
	drain(t, s)
	counted(t, w, 60)
}

// Faults of the way and answers that pass never set a segment aside, however many chances a refused one would have.
func TestWhatPassesIsWaitedFor(t *testing.T) {
	w, through, p := behindProxy(t)
	s := newSpool(t, spool.Options{Linger: time.Millisecond})
	run(t, Options{Spool: s, DB: through, RefusedAttempts: 1, RefusedFor: 1})
	total := 0
	for name, fault := range map[string]flaky.Action{
		"answers lost": flaky.Lose, "bodies cut": flaky.Cut(3000),
		"bad gateway":    func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusBadGateway) },
		"too many parts": flaky.Answer(252, "Too many parts (3000). (TOO_MANY_PARTS)"), "out of memory": flaky.Answer(241, "(MEMORY_LIMIT_EXCEEDED)"),
		"no table": flaky.Answer(60, "(UNKNOWN_TABLE)"), "wrong password": flaky.Answer(516, "(AUTHENTICATION_FAILED)"),
	} {
		t.Run(name, func(t *testing.T) {
			p.Inserts(fault)
			before := p.Counts().Inserts
			add(t, s, acts(40))
			add(t, s, acts(40))
			p.Await(t, "attempts", func(c flaky.Counts) bool { return c.Inserts >= before+4 })
			if st := s.Status(); st.Refused != 0 || st.Segments != 2 {
				t.Errorf("%d segments are set aside and %d wait", st.Refused, st.Segments)
			}
			p.All(flaky.Pass)
			drain(t, s)
			total += 80
		})
	}
	counted(t, w, total)
}

// What a real connection says when nobody is there is told from every other error.
func TestUnreachable(t *testing.T) {
	_, through, p := behindProxy(t)
	probe := func(a flaky.Action) error {
		p.All(a)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		return through.Exec(ctx, "SELECT 1")
	}
	for name, c := range map[string]struct {
		err         error
		unreachable bool
	}{
		"refused":             {probe(flaky.Refuse), true},
		"silent":              {probe(flaky.Stall), true},
		"bad gateway":         {probe(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusBadGateway) }), true},
		"wrong password":      {probe(flaky.Answer(516, "(AUTHENTICATION_FAILED)")), false},
		"memory of a query":   {probe(flaky.Answer(241, "(MEMORY_LIMIT_EXCEEDED)")), false},
		"an error of our own": {errors.New("the database is newer than this binary"), false},
		"nothing":             {probe(flaky.Pass), false},
	} {
		if got := Unreachable(c.err); got != c.unreachable {
			t.Errorf("%s: %v is unreachable: %t", name, c.err, got)
		}
	}
}

// poison is a block that the constraint of withConstraint refuses.
func poison(n int) *event.Columns {
	c := event.New()
	for range n {
		c.Append(&event.Row{EventID: uuid.New(), Name: "poison", Kind: "purchase", UserID: "p", AnonymousID: "q", Value: 100_000, Currency: "EUR", Time: time.Now().UnixMilli(), ReceivedAt: time.Now().UnixMilli()})
	}
	return c
}

func TestAPoisonSegmentIsSetAside(t *testing.T) {
	w, through, p := behindProxy(t)
	if err := w.Exec(t.Context(), "ALTER TABLE events ADD CONSTRAINT wholesome CHECK name != 'poison'"); err != nil {
		t.Fatal(err)
	}
	s := newSpool(t, spool.Options{Linger: time.Millisecond})
	registry := prometheus.NewRegistry()
	bad := poison(7)
	add(t, s, bad)
	run(t, Options{Spool: s, DB: through, Registry: registry, RefusedAttempts: 3, RefusedFor: 1})

	// Alone it is in nobody's way, and stays.
	p.Await(t, "attempts", func(c flaky.Counts) bool { return c.Inserts >= 6 })
	if st := s.Status(); st.Refused != 0 || st.WaitingRows != 7 {
		t.Fatalf("a refused segment behind which nothing waits: %+v", st)
	}
	// Another one waits: it goes first.
	add(t, s, acts(20))
	await(t, s, "the segment to be set aside", func(st spool.Status) bool { return st.Refused == 1 })
	// More of the same, between good ones.
	add(t, s, poison(1))
	add(t, s, poison(2))
	add(t, s, acts(5))
	add(t, s, acts(5))
	drain(t, s)
	counted(t, w, 30)
	if st := s.Status(); st.Refused != 3 || st.RefusedRows != 10 || st.WaitingRows != 0 {
		t.Fatalf("after more poison: %+v", st)
	}
	if n := value(t, registry, "livello_loader_refused_segments_total"); n != 3 {
		t.Errorf("the counter says %v", n)
	}
	if n := value(t, registry, "livello_spool_refused_segments"); n != 3 {
		t.Errorf("the gauge says %v", n)
	}
	entries, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	if e := entries[0]; e.State != spool.Refused || e.Rows != 7 || e.Refusal == nil || e.Refusal.Code != 469 || e.Refusal.Attempts < 3 || !strings.Contains(e.Refusal.Error, "wholesome") {
		t.Errorf("the list says %+v, %+v", e, e.Refusal)
	}
	// Its events are still known.
	if accepted, duplicates, err := s.Append(t.Context(), bad); err != nil || accepted != 0 || duplicates != 7 {
		t.Errorf("events of a refused segment that come again: %d accepted, %d known, %v", accepted, duplicates, err)
	}

	// Mended: all of it is there, once.
	if err := w.Exec(t.Context(), "ALTER TABLE events DROP CONSTRAINT wholesome"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.PutBack(); err != nil || n != 3 {
		t.Fatalf("put %d back: %v", n, err)
	}
	drain(t, s)
	counted(t, w, 40)
}

// What hits every segment is the operator's to mend: nothing is set aside.
func TestAFaultOfTheSchemaSetsNothingAside(t *testing.T) {
	w, through, p := behindProxy(t)
	if err := w.Exec(t.Context(), "ALTER TABLE events ADD CONSTRAINT nothing CHECK name = 'nothing'"); err != nil {
		t.Fatal(err)
	}
	s := newSpool(t, spool.Options{Linger: time.Millisecond})
	for range 4 {
		add(t, s, acts(15))
	}
	l := run(t, Options{Spool: s, DB: through, RefusedAttempts: 2, RefusedFor: 1})
	p.Await(t, "attempts", func(c flaky.Counts) bool { return c.Inserts >= 20 })
	if st := s.Status(); st.Refused != 0 || st.Segments != 4 {
		t.Errorf("%d segments are set aside and %d wait", st.Refused, st.Segments)
	}
	if reason, _ := l.Failing(); codeOf(reason) != 469 {
		t.Errorf("failing is %v", reason)
	}
	if err := w.Exec(t.Context(), "ALTER TABLE events DROP CONSTRAINT nothing"); err != nil {
		t.Fatal(err)
	}
	drain(t, s)
	counted(t, w, 60)
}

// A sealed segment that is damaged on disk does not block the others; put back, it gives what is whole.
func TestADamagedSegmentIsSetAside(t *testing.T) {
	w, through, _ := behindProxy(t)
	dir := engine.TempDir(t)
	s := newSpoolIn(t, dir, spool.Options{Linger: time.Millisecond})
	if _, _, err := s.Append(t.Context(), acts(30)); err != nil {
		t.Fatal(err)
	}
	boundary := s.Status().Bytes
	add(t, s, acts(12))
	add(t, s, acts(5))
	path := filepath.Join(dir, "spool", "0000000000000001.segment")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[boundary+200] ^= 5 // in the second frame, two bits
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, Options{Spool: s, DB: through, RefusedAttempts: 3, RefusedFor: 1})
	await(t, s, "the segment to be set aside", func(st spool.Status) bool { return st.Refused == 1 })
	drain(t, s)
	counted(t, w, 5)
	var why spool.Refusal
	text, err := os.ReadFile(filepath.Join(dir, "spool", "0000000000000001.refused.json"))
	if err == nil {
		err = json.Unmarshal(text, &why)
	}
	if err != nil || why.Code != 0 || !strings.Contains(why.Error, "checksum") {
		t.Errorf("the reason is %+v: %v", why, err)
	}
	if _, err := s.PutBack(1); err != nil {
		t.Fatal(err)
	}
	drain(t, s)
	counted(t, w, 35)
	if damaged, _ := filepath.Glob(filepath.Join(dir, "spool", "*.damaged-*")); len(damaged) != 1 {
		t.Errorf("kept of the damage: %v", damaged)
	}
}

// The loader brings the database up before it sends anything, for as long as that takes.
func TestPrepareComesFirst(t *testing.T) {
	w, through, _ := behindProxy(t)
	s := newSpool(t, spool.Options{Linger: time.Millisecond})
	add(t, s, acts(5))
	tries := 0
	run(t, Options{Spool: s, DB: through, Prepare: func(context.Context) error {
		if tries++; tries < 4 {
			return errors.New("not yet")
		}
		return nil
	}})
	drain(t, s)
	counted(t, w, 5)
	if tries != 4 {
		t.Errorf("prepared %d times", tries)
	}
}
