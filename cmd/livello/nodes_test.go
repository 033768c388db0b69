package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/profile"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/test/flaky"
	"github.com/livello/livello/warehouse"
)

// server is a ClickHouse server as services see one, with a database of the test's own.
func server(t *testing.T) (w *warehouse.Warehouse, dsn string) {
	t.Helper()
	w = engine.Migrated(t)
	return w, flaky.Start(t, engine.Target(t)).URL + "/" + w.Database()
}

// Nobody looks by itself in this test: every change has to wake who follows it.
func TestNewsWakeWhoFollowsThem(t *testing.T) {
	defer func(look time.Duration) { lookShared = look }(lookShared)
	lookShared = time.Hour
	w, dsn := server(t)
	cfg := defaults()
	cfg.Data, cfg.DSN, cfg.Listen, cfg.Verify.Every = filepath.Join(t.TempDir(), "data"), dsn, "127.0.0.1:0", 0
	s, err := startService(t.Context(), &cfg, slog.New(slog.DiscardHandler), open)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	standing := func(wanted string) {
		t.Helper()
		got := ""
		for until := time.Now().Add(patience / 4); got != wanted; time.Sleep(50 * time.Millisecond) {
			rows, err := ask.Texts(t.Context(), w, "SELECT concat(person_id, ' ', toString(tier)) FROM person_states FINAL ORDER BY person_id")
			if err != nil {
				t.Fatal(err)
			}
			if got = strings.Join(rows, ", "); time.Now().After(until) {
				t.Fatalf("people and their tiers are %q, want %q", got, wanted)
			}
		}
	}
	// Events that are loaded. One after the other, so that no tick that goes on anyway sees the next ones.
	today, all := time.Now().UTC().Truncate(24*time.Hour), []string{}
	for _, who := range []string{"ada", "bob", "cid"} {
		r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(hotAt(who, today.AddDate(0, 0, -1).Add(9*time.Hour))))
		r.Header.Set("Authorization", "Bearer "+s.keys.WriteKey)
		answer := httptest.NewRecorder()
		if s.handler.ServeHTTP(answer, r); answer.Code != http.StatusAccepted {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
		all = append(all, who+" 2")
		standing(strings.Join(all, ", "))
	}
	// What people decide by hand.
	if _, err := s.mergeIdentities(t.Context(), identityRequest{ID: "ada", With: "bob", Reason: "she said so", By: "test"}); err != nil {
		t.Fatal(err)
	}
	standing("ada 2, cid 2")
	// Rollups that are made again.
	evaluated := func() uint64 {
		n, err := ask.Number(t.Context(), w, "SELECT min(version) FROM person_states FINAL")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := evaluated()
	if err := s.evaluateAgain(t.Context(), []string{"person_day"}, today, today); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everybody evaluated again", func() bool { return evaluated() > before })
}

// Two services on one ClickHouse: one of them evaluates what either loads, one computes metrics from it, and the other one takes over when it stops.
func TestTwoServicesOnOneServer(t *testing.T) {
	t.Parallel()
	w, dsn := server(t)
	holder := func(name string) string {
		held, err := ask.Texts(context.Background(), w, "SELECT holder FROM leases FINAL WHERE until > now64(3) AND name = '"+name+"'")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(held, " and ")
	}
	isHot := func(p profile.Profile) bool { return p.Tier == 2 }
	yesterday := time.Now().UTC().Truncate(24 * time.Hour).Add(-15 * time.Hour)
	send := func(s *running, who string) {
		s.want(202, `"accepted":5`, "POST", s.API+"/v1/events", s.keys.WriteKey, hotAt(who, yesterday))
	}

	active := func(want uint64) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d people in metrics", want), func() bool {
			n, err := ask.Number(context.Background(), w, "SELECT toUInt64(sum(amount)) FROM person_term_days FINAL WHERE term = 'person:active_days'")
			if err != nil {
				t.Fatal(err)
			}
			return n == want
		})
	}

	first := serve(t, filepath.Join(t.TempDir(), "data"), "--dsn", dsn)
	eventually(t, "a service that evaluates, and one that computes metrics", func() bool { return holder("people") != "" && holder("metrics") != "" })
	people, metrics := holder("people"), holder("metrics")
	second := serve(t, filepath.Join(t.TempDir(), "data"), "--dsn", dsn)
	eventually(t, "a service that stands by", func() bool { return strings.Contains(second.logs(), "standing by") })
	send(first, "ada")
	send(second, "bob")
	for _, s := range []*running{first, second} {
		s.profileOf("ada", isHot)
		s.profileOf("bob", isHot)
	}
	active(2)
	if nowPeople, nowMetrics := holder("people"), holder("metrics"); nowPeople != people || nowMetrics != metrics {
		t.Errorf("who evaluates and who computes metrics were %s and %s, and now are %s and %s", people, metrics, nowPeople, nowMetrics)
	}

	first.stop()
	eventually(t, "the other service evaluating and computing", func() bool {
		nowPeople, nowMetrics := holder("people"), holder("metrics")
		return nowPeople != "" && nowPeople != people && nowMetrics != "" && nowMetrics != metrics
	})
	send(second, "cid")
	second.profileOf("cid", isHot)
	active(3)
	second.stop()
	held, err := ask.Texts(t.Context(), w, "SELECT concat(name, ' by ', holder) FROM leases FINAL WHERE until > now64(3)")
	if err != nil || len(held) > 0 {
		t.Errorf("nobody is left, and leases are held: %s, %v", strings.Join(held, " and "), err)
	}
}
