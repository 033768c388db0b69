package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/livello/livello/internal/ask"
)

// doing is a client that does what it is told.
type doing func(*http.Request) (*http.Response, error)

func (d doing) Do(req *http.Request) (*http.Response, error) { return d(req) }

// Somebody is erased while their rejected records are in the memory of a replay, whose request is on its way to the service, or waits there, for as long as that
// takes: it is not taken while the erasure goes on, and what was read before it does not come in after it.
func TestReplayBringsNobodyBack(t *testing.T) {
	t.Parallel()
	w, dsn := server(t)
	cfg := defaults()
	cfg.Data, cfg.DSN, cfg.Listen, cfg.Verify.Every = filepath.Join(t.TempDir(), "data"), dsn, "127.0.0.1:0", 0
	s, err := startService(t.Context(), &cfg, slog.New(slog.DiscardHandler), closed)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	// Bob's and one of ada's came in one request, another one of hers alone, and carla's after them.
	if err := w.Exec(t.Context(), `INSERT INTO quarantine (id, request, at, source, route, code, ids, records, payload)
SELECT generateUUIDv4(number), toUUID(concat('00000000-0000-0000-0000-00000000000', toString(intDiv(number + 2, 2)))), now64(3, 'UTC') - INTERVAL 1 HOUR + INTERVAL number MINUTE,
    's', '/v1/batch', 'type', [user], 1, concat('{"type":"page","userId":"', user, '"}')
FROM (SELECT number, ['bob', 'ada', 'ada', 'carla'][number + 1] AS user FROM numbers(4))`); err != nil {
		t.Fatal(err)
	}
	service, requests := direct{s.ownHandler()}, 0
	// An erasure takes until the loader may be held, and while it goes on a request is sent; the next one was made before, and is sent after it.
	beside := func(req *http.Request) (*http.Response, error) {
		release, err := s.loader.Hold(t.Context())
		if err != nil {
			return nil, err
		}
		ended := make(chan error)
		go func() {
			done, err := s.erase(t.Context(), eraseRequest{"ada", "a test"})
			if done.Removed["quarantine"] != 2 {
				err = errors.Join(err, fmt.Errorf("removed %v, and this is about two rejected records", done.Removed))
			}
			ended <- err
		}()
		eventually(t, "an erasure that goes on", func() bool {
			n, err := ask.Number(t.Context(), w, "SELECT count() FROM erasures FINAL WHERE state = 'begun'")
			return err == nil && n == 1
		})
		answer, err := service.Do(req)
		release()
		return answer, errors.Join(err, <-ended)
	}
	var said []string
	r := &replayer{db: w, which: rejectedFilter{since: "now-1d"}, result: replayResult{Reasons: map[string]int{}}, say: func(why string) { said = append(said, why) },
		service: &ownService{key: s.keys.WriteKey, client: doing(func(req *http.Request) (*http.Response, error) {
			if requests++; requests == 1 {
				return beside(req)
			}
			return service.Do(req)
		})}}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.waitLoaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	if who, err := ask.Texts(t.Context(), w, "SELECT distinct_id FROM events ORDER BY distinct_id"); err != nil || !slices.Equal(who, []string{"bob", "carla"}) {
		t.Errorf("events of %v, want bob's and carla's: %v", who, err)
	}
	if r.result.Accepted != 2 || r.result.Sent != 2 {
		t.Errorf("the result is %+v", r.result)
	}
	if len(said) != 1 || !strings.Contains(said[0], "is being erased") {
		t.Errorf("whoever waits is told %q", said)
	}
}
