package quarantine

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/livello/livello/internal/durable"
	"github.com/livello/livello/test/engine"
)

func refused(err error) bool {
	var answer *clickhouse.Exception
	return errors.As(err, &answer)
}

// What ClickHouse refuses is set aside with its answer, also when nothing else waits, and outlives the process; put back, and mended, it is taken.
func TestARefusedFileIsSetAside(t *testing.T) {
	w := engine.Migrated(t)
	dir := engine.TempDir(t)
	id := uuid.MustParse("01900000-0000-7000-8000-000000000000")
	poison := filepath.Join(dir, id.String()+".ndjson")
	if err := os.WriteFile(poison, []byte(`{"id":"01900000-0000-7000-8000-000000000001","at":"never","source":"poison"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	clock := now()
	o := Options{Dir: dir, DB: w, Refused: refused, Now: func() time.Time { return clock }}
	s := open(t, o)
	for attempt := range refusals {
		if err := s.Flush(t.Context()); err == nil == (attempt < refusals-1) {
			t.Fatalf("attempt %d: %v", attempt+1, err)
		}
		clock = clock.Add(refusedAfter / (refusals - 1))
	}
	aside := s.Refused()
	if len(aside) != 1 || aside[0].ID != id || aside[0].Records != 1 || aside[0].Refusal.Attempts != refusals || !strings.Contains(aside[0].Refusal.Error, "Cannot read DateTime") {
		t.Fatalf("set aside: %+v", aside)
	}
	want(t, "files set aside", testutil.ToFloat64(s.metrics.aside), 1)
	want(t, "bytes", s.Status(), aside[0].Bytes)

	// Others go on, and a next process knows.
	s.Keep(Request{At: now(), Source: "a"}, records(1, `{}`))
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := open(t, o)
	want(t, "set aside after a restart", len(next.Refused()), 1)
	want(t, "bytes after a restart", next.Status(), aside[0].Bytes)
	if _, err := next.PutBack(uuid.New()); !errors.Is(err, ErrNotRefused) {
		t.Errorf("putting back what is not there: %v", err)
	}
	text, err := OpenFile(dir, id)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := io.ReadAll(text)
	if err = errors.Join(err, text.Close()); err != nil || !strings.Contains(string(rows), "never") {
		t.Errorf("its rows: %s, %v", rows, err)
	}
	mended := strings.Replace(string(rows), "never", time.Now().UTC().Format(time.DateTime), 1)
	if err := durable.WriteFile(filepath.Join(dir, id.String()+refusedSuffix), []byte(mended)); err != nil {
		t.Fatal(err)
	}
	third := open(t, o)
	if n, err := third.PutBack(); n != 1 || err != nil {
		t.Fatalf("put back %d: %v", n, err)
	}
	if err := third.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, "records", one[uint64](t, w, "SELECT count() FROM quarantine WHERE source = 'poison'"), 1)
	want(t, "bytes at last", third.Status(), 0)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

// When the table is at fault, nothing is set aside; nor when ClickHouse is away.
func TestNothingIsSetAsideForTheTablesFault(t *testing.T) {
	w := engine.Migrated(t)
	clock := now()
	s := open(t, Options{Dir: engine.TempDir(t), DB: w, Refused: refused, Now: func() time.Time { return clock }})
	s.Keep(Request{At: now(), Source: "a"}, records(1, `{}`))
	if err := w.Exec(t.Context(), "RENAME TABLE quarantine TO elsewhere"); err != nil {
		t.Fatal(err)
	}
	for range 2 * refusals {
		if err := s.Flush(t.Context()); err == nil {
			t.Fatal("rows were taken by a table that is not there")
		}
		clock = clock.Add(refusedAfter)
	}
	want(t, "set aside", len(s.Refused()), 0)
	if err := w.Exec(t.Context(), "RENAME TABLE elsewhere TO quarantine"); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, "records", one[uint64](t, w, "SELECT count() FROM quarantine"), 1)
}

// A folder that no process has open: what is set aside can be put back and dropped.
func TestRefusedFilesOfAFolderAtRest(t *testing.T) {
	dir := t.TempDir()
	first, second := uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{first, second} {
		for name, text := range map[string]string{refusedSuffix: "{}\n{}\n", refusalSuffix: `{"error":"no","attempts":5}`} {
			if err := os.WriteFile(filepath.Join(dir, id.String()+name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if all, err := List(dir); err != nil || len(all) != 2 || all[0].Records != 2 || all[0].Refusal.Error != "no" {
		t.Fatalf("list: %+v, %v", all, err)
	}
	if n, err := DropFiles(dir, first); n != 1 || err != nil {
		t.Errorf("dropped %d: %v", n, err)
	}
	if n, err := DropFiles(dir, first); n != 0 || !errors.Is(err, ErrNotRefused) {
		t.Errorf("dropped %d again: %v", n, err)
	}
	if n, err := PutBackFiles(dir); n != 1 || err != nil {
		t.Errorf("put back %d: %v", n, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 1 || left[0] != filepath.Join(dir, second.String()+".ndjson") {
		t.Errorf("left: %v, %v", left, err)
	}
}

// While what is set aside is put back or dropped, and the disk takes its time, requests with rejects go on.
func TestRecordsAreKeptWhileTheDiskIsSlow(t *testing.T) {
	dir := t.TempDir()
	back, gone := uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{back, gone} {
		if err := os.WriteFile(filepath.Join(dir, id.String()+refusedSuffix), []byte("{}\n{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, Options{Dir: dir, DB: nowhere{}})
	rounds := 0
	s.syncDir = func(string) error {
		rounds++
		before, kept := s.Status(), make(chan int64)
		go func() {
			s.Keep(Request{At: now(), Source: "a"}, records(1, `{}`))
			kept <- s.Status()
		}()
		select {
		case after := <-kept:
			if after <= before {
				t.Errorf("%d bytes after a record was kept, %d before", after, before)
			}
		case <-time.After(30 * time.Second): // as long as a deadlock may take to be one
			t.Fatal("a request with rejects waits for the disk")
		}
		return nil
	}
	if n, err := s.PutBack(back); n != 1 || err != nil {
		t.Errorf("put back %d: %v", n, err)
	}
	if n, err := s.Drop(gone); n != 1 || err != nil {
		t.Errorf("dropped %d: %v", n, err)
	}
	want(t, "slow syncs", rounds, 2)
	want(t, "set aside", len(s.Refused()), 0)
	s.syncDir = durable.SyncDir
	if err := s.Flush(t.Context()); err != nil { // what was put back and what was kept meanwhile
		t.Error(err)
	}
	want(t, "bytes at last", s.Status(), 0)
}
