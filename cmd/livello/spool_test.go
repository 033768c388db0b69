package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/test/flaky"
)

// A service whose ClickHouse is away starts, accepts until the spool is full, says so, lets readers know, and catches up.
func TestServeWithoutClickHouse(t *testing.T) {
	t.Parallel()
	database := serve(t, dataFolder(t)) // its engine.sock is a ClickHouse with all rights
	p := flaky.Start(t, filepath.Join(database.data, "engine.sock"))
	p.All(flaky.Refuse)
	s := serve(t, filepath.Join(t.TempDir(), "data"), "--dsn", p.URL+"/elsewhere", "--spool-max-bytes", "2MiB", "--spool-segment-bytes", "1MiB", "--spool-linger", "1ms")
	write, read := s.keys.WriteKey, s.keys.ReadKey

	s.want(200, `"ready":true,"accepting":true`, "GET", s.API+"/readyz", "", "")
	s.want(202, `"accepted":25`, "POST", s.API+"/v1/events", write, events(25))
	s.want(503, `"code":"database_away"`, "GET", s.API+"/v1/queries/totals", read, "")
	s.want(200, `"name":"totals"`, "GET", s.API+"/v1/queries", read, "")
	s.want(200, "livello_loader_up 0", "GET", s.API+"/metrics", read, "")
	eventually(t, "loading to be said to fail", func() bool {
		_, text := s.ask("GET", s.API+"/readyz", "", "")
		return strings.Contains(text, `"loading":false`) && strings.Contains(text, "ClickHouse does not answer")
	})
	s.want(503, `"ready":false,"accepting":true,"loading":false`, "GET", s.API+"/readyz?loading=1", "", "")

	// Full: a refusal with a reason and a time, at the door and for the balancer.
	accepted := 25
	var status int
	var answer string
	for i := 1; status != 503; i++ {
		if i > 1000 {
			t.Fatal("the spool is never full")
		}
		status, answer = s.ask("POST", s.API+"/v1/events", write, eventsFrom(i*1000, 1000))
		if status == 202 {
			accepted += 1000
		} else if status != 503 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	if !strings.Contains(answer, "spool.max_bytes") {
		t.Errorf("the refusal says %s", answer)
	}
	if after := s.header("POST", s.API+"/v1/events", write, events(1)).Get("Retry-After"); after == "" {
		t.Error("the refusal has no Retry-After")
	}
	if after := s.header("GET", s.API+"/v1/queries/totals", read, "").Get("Retry-After"); after == "" {
		t.Error("the answer to a query has no Retry-After")
	}
	s.want(503, `"accepting":false`, "GET", s.API+"/readyz", "", "")
	s.want(200, "ok", "GET", s.API+"/healthz", "", "")
	list := must(t, "spool", "list", "--data", s.data)
	if !strings.Contains(list, "active") && !strings.Contains(list, "waiting") {
		t.Errorf("livello spool list:\n%s", list)
	}

	// Back: everything accepted arrives, once, and the door is open again.
	began := time.Now()
	p.All(flaky.Pass)
	s.settle()
	t.Logf("%d events caught up %s after ClickHouse was back", accepted, time.Since(began).Round(time.Millisecond))
	s.want(200, fmt.Sprintf(`"events": %d`, accepted), "GET", s.API+"/v1/queries/totals", read, "")
	eventually(t, "room again", func() bool {
		status, _ := s.ask("POST", s.API+"/v1/events", write, eventsFrom(1_000_000, 10))
		return status == 202
	})
	s.want(200, `"ready":true,"accepting":true,"loading":true}`, "GET", s.API+"/readyz?loading=1", "", "")
	s.want(200, "livello_loader_up 1", "GET", s.API+"/metrics", read, "")
	if n := strings.Count(s.logs(), `"loading fails"`); n == 0 || n > 8 {
		t.Errorf("%d lines say that loading fails:\n%s", n, s.logs())
	}
	s.stop()
	database.stop()
}

// A ClickHouse that is there and refuses the service, and a DSN that cannot be right, are errors of the start, not something to
// wait for; and `load` does not wait for one that is away.
func TestServeRefusesAWrongDSN(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	fails(t, "native protocol", "serve", "--data", data, "--dsn", "clickhouse://127.0.0.1:9000/livello")
	p := flaky.Start(t, "http://127.0.0.1:1")
	p.All(flaky.Answer(516, "default: Authentication failed. (AUTHENTICATION_FAILED)"))
	fails(t, "AUTHENTICATION_FAILED", "serve", "--data", data, "--dsn", p.URL+"/livello")
	p.All(flaky.Refuse)
	mapping := filepath.Join("..", "..", "examples", "cdnow.yaml")
	fails(t, "ClickHouse does not answer at "+strings.TrimPrefix(p.URL, "http://"), "load", "--data", data, "--dsn", p.URL+"/livello", "--mapping", mapping, os.Args[0])
}

// A page's key is limited, the backend's is not; whoever waits as long as they are told is let in, and our own commands have no limit.
func TestRateLimitSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "livello.yaml")
	if err := os.WriteFile(config, []byte("sources: [{name: page, key: key-of-the-page-42, rate: 50}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, dataFolder(t), "--config", config)
	const page = "key-of-the-page-42"
	for range 3 {
		s.want(202, `"accepted":`, "POST", s.API+"/v1/events", s.keys.WriteKey, eventsFrom(100, 500))
	}
	s.want(202, `"accepted":600`, "POST", s.API+"/v1/events", page, events(600)) // 10 s at once, and two seconds of debt
	for path, body := range map[string]string{"/v1/events": eventsFrom(10_000, 20), "/v1/measurements": `{"kind":"followers","channel":"social.facebook","value":1}`} {
		s.want(429, "too_many_events", "POST", s.API+path, page, body)
	}
	after, err := strconv.Atoi(s.header("POST", s.API+"/v1/events", page, eventsFrom(10_000, 20)).Get("Retry-After"))
	if err != nil || after < 1 || after > 3 {
		t.Fatalf("Retry-After %d, %v", after, err)
	}
	timer := time.NewTimer(time.Duration(after) * time.Second) // what a sender does
	<-timer.C
	s.want(202, `"accepted":`, "POST", s.API+"/v1/events", page, eventsFrom(10_000, 500))
	s.stop()
}

func TestTheDiskHasAFloor(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t), "--spool-min-free-bytes", "8000000GiB")
	s.want(503, "spool.min_free_bytes", "POST", s.API+"/v1/events", s.keys.WriteKey, events(1))
	s.want(503, "spool.min_free_bytes", "GET", s.API+"/readyz", "", "")
	s.want(200, `"events": 0`, "GET", s.API+"/v1/queries/totals", s.keys.ReadKey, "")
	s.stop()
}

// livello spool on the folder alone, then beside the service.
func TestSpoolCommands(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if out := must(t, "spool", "list", "--data", data); !strings.Contains(out, "empty") {
		t.Errorf("an empty spool: %s", out)
	}
	p := flaky.Start(t, "http://127.0.0.1:1")
	p.All(flaky.Refuse)
	s := serve(t, data, "--dsn", p.URL+"/livello")
	s.want(202, `"accepted":25`, "POST", s.API+"/v1/events", s.keys.WriteKey, events(25))
	s.stop()

	// What the loader does with a segment that ClickHouse refuses, and a torn tail.
	dir := filepath.Join(data, "spool")
	for _, err := range []error{
		os.Rename(filepath.Join(dir, "0000000000000001.segment"), filepath.Join(dir, "0000000000000001.refused")),
		os.WriteFile(filepath.Join(dir, "0000000000000001.refused.json"), []byte(`{"error":"code 53: no such type","code":53,"attempts":5}`), 0o600),
		os.WriteFile(filepath.Join(dir, "0000000000000002.torn-44"), []byte("half"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	listed := func(want string) {
		t.Helper()
		var entries []struct {
			Number  int
			State   string
			Rows    int
			Refusal struct{ Error string }
		}
		if err := json.Unmarshal([]byte(must(t, "spool", "list", "--data", data, "-o", "json")), &entries); err != nil {
			t.Fatal(err)
		}
		said := []string{}
		for _, e := range entries {
			if e.State == "sending" { // waiting, and the loader has begun with it
				e.State = "waiting"
			}
			said = append(said, fmt.Sprint(e.Number, " ", e.State, " ", e.Rows, " ", e.Refusal.Error))
		}
		if got := strings.Join(said, "; "); got != want {
			t.Errorf("the list has %q, want %q", got, want)
		}
	}
	refused := "1 refused 25 code 53: no such type; 2 torn 0 "
	listed(refused)
	if out := must(t, "spool", "list", "--data", data); !strings.Contains(out, "no such type") || !strings.Contains(out, "torn-44") {
		t.Errorf("the table:\n%s", out)
	}
	if out := must(t, "spool", "show", "1", "--limit", "2", "--data", data); strings.Count(out, "\n") != 2 || !strings.Contains(out, `"user_id":"user-1"`) {
		t.Errorf("show:\n%s", out)
	}
	fails(t, "there is no segment 9", "spool", "show", "9", "--data", data)
	fails(t, "want its number", "spool", "show", "one", "--data", data)
	fails(t, "say which", "spool", "retry", "--data", data)
	fails(t, "add --yes", "spool", "drop", "1", "--data", data)

	// Exported, ClickHouse takes both forms.
	for _, f := range []struct{ name, format string }{{"one.ndjson", "JSONEachRow"}, {"one.native", "Native"}} {
		file := filepath.Join(t.TempDir(), f.name)
		must(t, "spool", "export", "1", file, "--data", data)
		fails(t, "exists", "spool", "export", "1", file, "--data", data)
		out := count(t, filepath.Join(t.TempDir()), fmt.Sprintf("SELECT concat(toString(count()), ' ', toString(uniqExact(event_id)), ' ', toString(max(ts) > now() - 600)) FROM file('%s', '%s', 'event_id UUID, ts DateTime64(3, \\'UTC\\'), user_id String, properties Map(String, String)')", file, f.format))
		if out != "25 25 1" {
			t.Errorf("%s read by ClickHouse: %s", f.name, out)
		}
	}

	// Beside the service, which still knows the ids.
	s = serve(t, data, "--dsn", p.URL+"/livello")
	s.want(200, `"refused_segments":1`, "GET", s.API+"/readyz", "", "")
	s.want(200, "livello_spool_refused_segments 1", "GET", s.API+"/metrics", s.keys.ReadKey, "")
	s.want(202, `"duplicates":25`, "POST", s.API+"/v1/events", s.keys.WriteKey, events(25))
	listed(refused)
	must(t, "spool", "retry", "1", "--data", data)
	listed("1 waiting 25 ; 2 torn 0 ")
	fails(t, "no segment of that number", "spool", "retry", "1", "--data", data)
	s.want(404, "nothing at", "GET", s.API+spoolListPath, s.keys.ReadKey, "")
	s.stop()
}

// eventsFrom is n different events with ids from first on.
func eventsFrom(first, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"type":"track","event":"Content Downloaded","messageId":"m-%d","userId":"user-%d"}`+"\n", first+i, i%10)
	}
	return b.String()
}

// header is the header of an answer.
func (s *running) header(method, url, key, body string) http.Header {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
	return answer.Header
}

// eventually asks until it is so: for what a process says of itself there is nothing to wait on.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for tick := time.NewTicker(20 * time.Millisecond); !so(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
