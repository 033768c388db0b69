package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/test/engine"
)

// doer answers requests in place of a service.
type doer func(body string) (code int, answer string)

func (d doer) Do(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	code, answer := d(string(body))
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// Somebody is erased while their rejected records are in the memory of a replay, which waits for a service that is busy: they are not sent.
func TestReplayBringsNobodyBack(t *testing.T) {
	w := engine.Migrated(t)
	insert := func(user string, at int) {
		t.Helper()
		if err := w.Exec(t.Context(), fmt.Sprintf(`INSERT INTO quarantine (id, request, at, source, route, code, ids, records, payload)
VALUES (generateUUIDv4(), '%s', now64(3, 'UTC') - INTERVAL 1 HOUR + INTERVAL %d SECOND, 's', '/v1/track', 'type', ['%s'], 1, '{"userId":"%s"}')`, uuid.NewSHA1(uuid.Nil, []byte{byte(at / 10)}), at, user, user)); err != nil {
			t.Fatal(err)
		}
	}
	insert("bob", 1) // of one request with ada's
	insert("ada", 2)
	insert("ada", 11) // alone in the next
	insert("carla", 21)
	var sent []string
	tries := 0
	r := &replayer{db: w, which: rejectedFilter{since: "now-1d"}, until: time.Now(), result: replayResult{Reasons: map[string]int{}}, service: &ownService{client: doer(func(body string) (int, string) {
		if tries++; tries == 1 {
			if err := w.Exec(t.Context(), "ALTER TABLE quarantine DELETE WHERE has(ids, 'ada') SETTINGS mutations_sync = 2"); err != nil {
				t.Error(err)
			}
			return http.StatusServiceUnavailable, "later"
		}
		sent = append(sent, body)
		return http.StatusAccepted, fmt.Sprintf(`{"accepted":%d}`, strings.Count(body, "userId"))
	})}}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(sent, " "); len(sent) != 2 || strings.Contains(all, "ada") || !strings.Contains(all, "bob") || !strings.Contains(all, "carla") {
		t.Errorf("sent again: %s", all)
	}
	if r.result.Accepted != 2 || r.result.Sent != 2 {
		t.Errorf("the result is %+v", r.result)
	}
}
