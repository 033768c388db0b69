package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/access"
	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/trust"
)

// nodes are services on one database, each with a spool and an index of event ids of its own.
type nodes []*service

func startNodes(t *testing.T, n int, dsn string, sources ...access.Source) nodes {
	t.Helper()
	var all nodes
	for range n {
		cfg := defaults()
		cfg.Data, cfg.DSN, cfg.Listen, cfg.Verify.Every, cfg.Sources = filepath.Join(t.TempDir(), "data"), dsn, "127.0.0.1:0", 0, sources
		s, err := startService(t.Context(), &cfg, slog.New(slog.DiscardHandler), open)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.stop(); err != nil {
				t.Error(err)
			}
		})
		all = append(all, s)
	}
	return all
}

// of is the node of a key: what a proxy with `hash "key $http_authorization" consistent` decides.
func (n nodes) of(key string) int {
	h := fnv.New32a()
	fmt.Fprint(h, "key Bearer ", key)
	return int(h.Sum32()) % len(n)
}

// send has a node take a body, and answers how many of its events were new, and how many were not.
func (n nodes) send(t *testing.T, node int, key, body string) (accepted, duplicates int) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	n[node].handler.ServeHTTP(w, r)
	var answer struct{ Accepted, Duplicates int }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusAccepted {
		t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	return answer.Accepted, answer.Duplicates
}

// verify compares with everything loaded, and nobody sending.
func (n nodes) verify(t *testing.T) trust.Report {
	t.Helper()
	for _, s := range n {
		if err := s.waitSettled(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	report, err := n[0].verify(t.Context(), verifyRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// What docs/operations.md says of several services on one ClickHouse: with each key at one node every event counts once, however often it is sent. A repeat
// that goes to another node counts twice: verify finds it and rebuild mends it, if both copies have the same time.
func TestEachKeyGoesToOneNode(t *testing.T) {
	t.Parallel()
	w, dsn := server(t)
	const page, shop = "key-of-the-page-42", "key-of-the-shop-44"
	all := startNodes(t, 2, dsn, access.Source{Name: "page", Key: page}, access.Source{Name: "shop", Key: shop})
	if all.of(page) == all.of(shop) {
		t.Fatal("the keys of this test are to go to different nodes")
	}
	const n = 50
	counts := func(when string, stored, counted uint64) {
		t.Helper()
		for statement, want := range map[string]uint64{
			"SELECT count() FROM events": stored, "SELECT toUInt64(sum(events)) FROM channel_hour": counted, "SELECT uniqExact(event_id) FROM events": 2 * n,
		} {
			got, err := ask.Number(t.Context(), w, statement)
			if err != nil || got != want {
				t.Errorf("%s, %s: %d, want %d (%v)", when, statement, got, want, err)
			}
		}
	}
	batch := map[string]string{page: events(n), shop: events(n)} // the ids are the same, and of two sources
	for _, key := range []string{page, shop} {
		if accepted, duplicates := all.send(t, all.of(key), key, batch[key]); accepted != n || duplicates != 0 {
			t.Errorf("first: %d accepted, %d duplicates", accepted, duplicates)
		}
		if accepted, duplicates := all.send(t, all.of(key), key, batch[key]); accepted != 0 || duplicates != n {
			t.Errorf("the retry of a batch: %d accepted, %d duplicates", accepted, duplicates)
		}
	}
	if report := all.verify(t); len(report.Differences) > 0 || report.Events != 2*n {
		t.Errorf("each key at its node: %d events, %+v", report.Events, report.Differences)
	}
	counts("each key at its node", 2*n, 2*n)

	// Round robin, or a node that took over: its index has not seen them.
	if err := w.Exec(t.Context(), "SYSTEM STOP MERGES events"); err != nil { // when a merge comes must not decide what this sees
		t.Fatal(err)
	}
	if accepted, duplicates := all.send(t, 1-all.of(page), page, batch[page]); accepted != n || duplicates != 0 {
		t.Errorf("the retry at another node: %d accepted, %d duplicates", accepted, duplicates)
	}
	report := all.verify(t)
	counts("a retry went to another node", 3*n, 3*n)
	rollups := 0
	for _, d := range report.Differences {
		if rollups++; d.Table == "events" {
			t.Errorf("a repeated event is taken for a fault of events: %+v", d)
		}
	}
	if report.Repeats != n || rollups == 0 {
		t.Errorf("verify notes %d repeats and %d differences, want %d and some", report.Repeats, rollups, n)
	}
	if _, err := all[0].rebuild(t.Context(), rebuildRequest{}); err != nil {
		t.Fatal(err)
	}
	if report := all.verify(t); len(report.Differences) > 0 {
		t.Errorf("after the rebuild: %+v", report.Differences)
	}
	counts("after the rebuild", 3*n, 2*n)
	if err := w.Exec(t.Context(), "SYSTEM START MERGES events"); err != nil {
		t.Fatal(err)
	}
	if err := w.Exec(t.Context(), "OPTIMIZE TABLE events FINAL"); err != nil {
		t.Fatal(err)
	}
	if report := all.verify(t); len(report.Differences) > 0 {
		t.Errorf("after the copies merged: %+v", report.Differences)
	}
	counts("after the copies merged", 2*n, 2*n)

	// Without a time of their own copies have that of their arrival, and are two events to everybody but who compares ids.
	for node := range all {
		all.send(t, node, page, `{"type":"page","userId":"ada","messageId":"no-time"}`)
		for at := time.Now().UnixMilli(); time.Now().UnixMilli() == at; { // the clock has milliseconds
		}
	}
	if report := all.verify(t); len(report.Differences) > 0 || report.Repeats > n {
		t.Errorf("copies of different times: %d repeats, %+v", report.Repeats, report.Differences)
	}
	twice, err := ask.Number(t.Context(), w, "SELECT count() FROM (SELECT event_id FROM events GROUP BY event_id HAVING uniqExact(ts) > 1)")
	if err != nil || twice != 1 {
		t.Errorf("%d events are there with two times, want 1 (%v)", twice, err)
	}
}
