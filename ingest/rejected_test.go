package ingest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/ingest/internal/blocktest"
	"github.com/livello/livello/ingest/quarantine"
	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// withQuarantine is a service whose rejects go to a real table; look returns what is there, a line per row.
func withQuarantine(t *testing.T, change ...func(*Options)) (s *server, look func() string) {
	t.Helper()
	w := engine.Migrated(t)
	store, err := quarantine.Open(quarantine.Options{Dir: filepath.Join(t.TempDir(), "quarantine"), DB: w})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s = start(t, append([]func(*Options){func(o *Options) {
		o.Quarantine, o.Now = store, func() time.Time { return time.Now().Add(-time.Minute) } // the table forgets what is old
	}}, change...)...)
	return s, func() string {
		t.Helper()
		if err := store.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		return lines(t, w, `SELECT concat(source, ' ', route, ' ', toString(record_index), ' ', code, ' ', field, ' ', arrayStringConcat(ids, '+'), ' ', payload, ' ', envelope)
			FROM quarantine ORDER BY route, record_index, payload`)
	}
}

func lines(t *testing.T, w *warehouse.Warehouse, query string) string {
	t.Helper()
	all, err := ask.Texts(t.Context(), w, query)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

func (s *server) send(t *testing.T, path, key, contentType, body string) (int, string) {
	t.Helper()
	return s.through(t, s.Config.Handler, path, key, body, map[string]string{"Content-Type": contentType})
}

// through sends a request to a handler without a port.
func (s *server) through(t *testing.T, h http.Handler, path, key, body string, header map[string]string) (int, string) {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec.Code, rec.Body.String()
}

func TestRejectsGoToQuarantine(t *testing.T) {
	s, look := withQuarantine(t)
	for _, test := range []struct {
		path, key, content, body string
		status                   int
	}{
		{"/v1/batch", shopKey, "", `{"batch":[{"type":"page","userId":"u1"},{"type":"page","userId":{}, "anonymousId":"a2"}],"sentAt":"2026-01-01T00:00:00Z"}`, 200},
		{"/v1/t", "", "text/plain", `{"writeKey":"` + shopKey + `","userId":"u3"}`, 400},
		{"/v1/events", ownKey, "application/x-ndjson", "{\"type\":\"page\",}\n{\"type\":\"page\",\"userId\":\"ok\"}\n{\"type\":\"nothing\",\"userId\":\"u4\"}\n", 202},
		// Refused as a whole: nothing to keep of these.
		{"/v1/events?strict=1", ownKey, "", `[{"type":"page","userId":"u5"},{"type":"page"}]`, 400},
		{"/v1/events", ownKey, "", `[{"type":"page"`, 400},
		{"/v1/events", "unknown-key-of-nobody", "", `[{"type":"page"}]`, 401},
	} {
		if status, answer := s.send(t, test.path, test.key, test.content, test.body); status != test.status {
			t.Errorf("%s: %d %s, want %d", test.path, status, answer, test.status)
		}
	}
	want := `shop /v1/batch 1 type userId a2 {"type":"page","userId":{}, "anonymousId":"a2"} {"sentAt":"2026-01-01T00:00:00Z"}
default /v1/events 0 syntax   {"type":"page",} 
default /v1/events 2 value type u4 {"type":"nothing","userId":"u4"} 
shop /v1/track 0 missing event u3 {"writeKey":"[redacted]","userId":"u3"} `
	if got := look(); got != want {
		t.Errorf("quarantine holds\n%s\nwant\n%s", got, want)
	}
}

// A request that is answered with "send it again" brings its rejects again.
func TestRefusedRequestsAreNotQuarantined(t *testing.T) {
	s, look := withQuarantine(t)
	const body = `[{"type":"page","userId":"u1"},{"type":"page"}]`
	s.log.fails = errors.New("disk full")
	if status, answer := s.send(t, "/v1/events", ownKey, "", body); status != 500 {
		t.Fatalf("%d %s", status, answer)
	}
	if got := look(); got != "" {
		t.Errorf("quarantine holds %s", got)
	}
	s.log.fails = nil
	if status, answer := s.send(t, "/v1/events", ownKey, "", body); status != 202 {
		t.Fatalf("%d %s", status, answer)
	}
	if got := look(); strings.Count(got, "\n") != 0 || got == "" {
		t.Errorf("quarantine holds %q, want one line", got)
	}
}

func TestOnlyLocalRequestsNameTheirSource(t *testing.T) {
	s := start(t)
	here := Local(s.Config.Handler)
	const body = `{"type":"page","userId":"u1","messageId":"m1"}`
	for name, test := range map[string]struct {
		handler http.Handler
		header  map[string]string
		status  int
		says    string
	}{
		"over the network":          {s.Config.Handler, map[string]string{HeaderSource: "cdnow"}, 403, "may not be sent over the network"},
		"a replay over the network": {s.Config.Handler, map[string]string{HeaderReplay: `{"received_at":"2026-01-01T00:00:00Z"}`}, 403, HeaderReplay},
		"not a name":                {here, map[string]string{HeaderSource: "a b"}, 400, "no name of a source"},
		"too long":                  {here, map[string]string{HeaderSource: strings.Repeat("a", 65)}, 400, "at most 64"},
		"no time":                   {here, map[string]string{HeaderReplay: `{}`}, 400, "when the records arrived"},
		"a time to come":            {here, map[string]string{HeaderReplay: `{"received_at":"2027-01-01T00:00:00Z"}`}, 400, "when the records arrived"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, answer := s.through(t, test.handler, "/v1/events", ownKey, body, test.header); status != test.status || !strings.Contains(answer, test.says) {
				t.Errorf("%d %s, want %d with %q", status, answer, test.status, test.says)
			}
		})
	}
	if status, _ := s.through(t, here, "/v1/events", "", body, map[string]string{HeaderSource: "cdnow"}); status != 401 {
		t.Errorf("without a key: %d, want 401", status)
	}
	for _, source := range []string{"cdnow", "shop", ""} { // shop is configured, with a channel
		if status, answer := s.through(t, here, "/v1/events", ownKey, body, map[string]string{HeaderSource: source}); status != 202 || !strings.Contains(answer, `"accepted":1`) {
			t.Errorf("source %q: %d %s", source, status, answer)
		}
	}
	var got []string
	for _, row := range blocktest.Rows(t, s.log.events.EncodeBlock(nil)) {
		got = append(got, row["source"]+" "+row["channel"])
	}
	if want := "cdnow web,shop store,default web"; strings.Join(got, ",") != want {
		t.Errorf("events are of %q, want %s", got, want)
	}
}

// What is sent again is judged as if it came as it came then: its time, its type, its connection.
func TestAReplayIsWhatItWas(t *testing.T) {
	s, look := withQuarantine(t)
	here := Local(s.Config.Handler)
	was := time.Now().Add(-48 * time.Hour).UTC().Truncate(time.Second)
	header := map[string]string{HeaderSource: "shop", "User-Agent": "Mozilla/5.0",
		HeaderReplay: fmt.Sprintf(`{"received_at":%q,"type":"track","ip":"192.0.2.7"}`, was.Format(time.RFC3339))}
	status, answer := s.through(t, here, "/v1/events", ownKey, `[{"event":"A","userId":"u1"},{"userId":"u2"}]`, header)
	if status != 202 || !strings.Contains(answer, `"accepted":1`) || !strings.Contains(answer, `"index":1`) {
		t.Fatalf("%d %s", status, answer)
	}
	row := blocktest.Rows(t, s.log.events.EncodeBlock(nil))[0]
	at := was.Format("2006-01-02T15:04:05.000Z")
	if got, want := fmt.Sprint(row["type"], row["source"], row["ts"], row["received_at"], row["ip"], row["user_agent"]), fmt.Sprint("track", "shop", at, at, "192.0.2.7", "Mozilla/5.0"); got != want {
		t.Errorf("the event is %s, want %s", got, want)
	}
	if got := look(); got != "" {
		t.Errorf("what is rejected again is in quarantine twice: %s", got)
	}
}
