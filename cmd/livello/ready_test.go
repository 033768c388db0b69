package main

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/dedupe"
	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/loader"
	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/test/flaky"
	"github.com/livello/livello/warehouse"
)

// ClickHouse answers everything but the INSERT: /readyz names the segment long before an attempt fails or an event has waited for a minute.
func TestReadyzNamesASegmentThatTakesLong(t *testing.T) {
	p := flaky.Start(t, engine.Target(t))
	db, err := warehouse.Open(t.Context(), warehouse.Config{DSN: p.URL + "/default"})
	if err != nil {
		t.Fatal(err)
	}
	dir := engine.TempDir(t)
	index, err := dedupe.Open(filepath.Join(dir, "dedupe"), dedupe.Options{Window: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{cfg: &Config{}}
	if s.spool, err = spool.Open(spool.Options{Dir: filepath.Join(dir, "spool"), Index: index, MinFree: -1, Linger: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	s.loader = loader.New(loader.Options{Spool: s.spool, DB: db, SlowAfter: time.Second})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.loader.Run(ctx) }()
	defer func() {
		stop()
		if err := errors.Join(<-done, s.spool.Close(), index.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	}()
	p.Inserts(flaky.Stall)
	c := event.New()
	c.Append(&event.Row{EventID: uuid.New(), Kind: "login", UserID: "u", Time: time.Now().UnixMilli(), ReceivedAt: time.Now().UnixMilli()})
	if _, _, err := s.spool.Append(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p.Await(t, "the INSERT", func(c flaky.Counts) bool { return c.Inserts == 1 })
	if err := s.loaderCheck(ctx); err != nil {
		t.Errorf("an INSERT that has just begun: %v", err)
	}
	for deadline := time.Now().Add(20 * time.Second); err == nil && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		err = s.loaderCheck(ctx)
	}
	var shown reason
	if !errors.As(err, &shown) || !regexp.MustCompile(`^the segment 1 has been loading for [1-9][0-9]*s$`).MatchString(string(shown)) {
		t.Errorf("the check says %v", err)
	}
}
