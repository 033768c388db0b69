// Package quarantine keeps rejected records, with the reason and as they came, until they are in the table quarantine.
//
// Senders are told about every reject, so this is the second copy, and it must never stand in the way of the first: Keep does
// not fail and does not wait for the disk or for ClickHouse. What cannot be kept is counted by reason in
// livello_quarantine_dropped_total and said once in the log.
//
// Keep appends rows to a file, <uuid>.ndjson, so they survive the end of the process at any line. Every second the file is
// synced, closed and inserted; its name is the deduplication token, so it counts once however often it is tried, and it is
// deleted when ClickHouse has confirmed it. A power cut loses at most the second before it. A line that was cut off by one is
// taken away at the next start and counted as dropped.
//
// A file that ClickHouse refuses while it takes rows of the table otherwise is set aside with its answer, as <uuid>.ndjson.refused, and is
// tried no more until a person puts it back. See aside.go.
package quarantine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/internal/durable"
)

// Inserter is the database: driver.Conn of clickhouse-go over HTTP.
type Inserter interface {
	InsertFormat(ctx context.Context, format, query string, data io.Reader) error
}

// Options of a Store. Zero values take the defaults.
type Options struct {
	Dir      string
	DB       Inserter
	MaxBytes int64         // of all files; past it records are dropped, and counted; 256 MiB
	Interval time.Duration // between loads; 1 s
	// Refused says of an error of DB that it answered, and does not take the rows. Nil: of none, and every file is tried for ever.
	Refused func(error) bool
	Now     func() time.Time // nil: time.Now

	Registry prometheus.Registerer // nil: metrics are kept for nobody
	Logger   *slog.Logger
}

// Store is the files. Safe for concurrent use.
type Store struct {
	o       Options
	metrics *metrics

	mu     sync.Mutex
	active *os.File // nil: none yet
	open   file     // the active one
	sealed []file   // waiting to be inserted
	aside  []Aside  // refused
	bytes  int64    // of all files
	full   bool     // records are being dropped, and that was said
	closed bool

	loading sync.Mutex // one Flush, or change of what is set aside, at a time
	failing bool       // the last insert failed, and that was said

	syncDir func(string) error // durable.SyncDir; a test has it wait
}

// file is a run of rows.
type file struct {
	id   uuid.UUID
	size int64 // bytes of whole rows; what lies behind is no part of it

	refusals int // attempts that were refused, and the time of the first
	first    time.Time
}

func (s *Store) path(id uuid.UUID) string { return filepath.Join(s.o.Dir, id.String()+".ndjson") }

// Sizes of a file and number of them while ClickHouse is away.
const (
	maxFile  = 8 << 20
	maxFiles = 64
)

// Open opens or makes the store in o.Dir and takes up what is waiting there.
func Open(o Options) (*Store, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = 256 << 20
	}
	if o.Interval == 0 {
		o.Interval = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Refused == nil {
		o.Refused = func(error) bool { return false }
	}
	s := &Store{o: o, syncDir: durable.SyncDir}
	s.metrics = newMetrics(o.Registry, s)
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open quarantine: %w", err)
	}
	if err := s.recover(); err != nil {
		return nil, fmt.Errorf("open quarantine: %w", err)
	}
	return s, nil
}

// recover finds the files that were not confirmed. A last line without its end is cut off.
func (s *Store) recover() error {
	unfinished, err := filepath.Glob(filepath.Join(s.o.Dir, durable.Unfinished+"*")) // copies that a crash left, of records that may be erased by now
	if err != nil {
		return err
	}
	for _, path := range unfinished {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	paths, err := filepath.Glob(filepath.Join(s.o.Dir, "*.ndjson"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		id, err := uuid.Parse(filepath.Base(path)[:len(filepath.Base(path))-len(".ndjson")])
		if err != nil {
			continue // not ours
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		size := int64(bytes.LastIndexByte(text, '\n') + 1)
		if torn := int64(len(text)) - size; torn > 0 {
			s.o.Logger.Warn("a rejected record was cut off by the end of the last process", "file", path, "bytes", torn)
			s.metrics.dropped.WithLabelValues("torn").Inc()
			if err := os.Truncate(path, size); err != nil {
				return err
			}
		}
		if size == 0 {
			if err := os.Remove(path); err != nil {
				return err
			}
			continue
		}
		s.sealed = append(s.sealed, file{id: id, size: size})
		s.bytes += size
	}
	if err := s.dropNotes(); err != nil {
		return err
	}
	if s.aside, err = List(s.o.Dir); err != nil {
		return err
	}
	for _, a := range s.aside {
		s.bytes += a.Bytes
	}
	return nil
}

// Keep keeps the rejected records of a request, as far as they fit.
func (s *Store) Keep(req Request, records []Record) {
	if len(records) == 0 {
		return
	}
	rows, kept, counted := appendRows(nil, &req, records)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes+int64(len(rows)) > s.o.MaxBytes {
		s.metrics.dropped.WithLabelValues("full").Add(float64(len(records)))
		if !s.full {
			s.full = true
			s.o.Logger.Warn("quarantine is full: rejected records are answered and counted, but no longer kept", "bytes", s.bytes, "max_bytes", s.o.MaxBytes)
		}
		return
	}
	if err := s.write(rows); err != nil {
		s.metrics.dropped.WithLabelValues("failed").Add(float64(len(records)))
		if !s.full {
			s.full = true
			s.o.Logger.Error("rejected records are not kept", "error", err)
		}
		return
	}
	if s.full {
		s.full = false
		s.o.Logger.Info("rejected records are kept again")
	}
	s.metrics.kept.Add(float64(kept))
	s.metrics.dropped.WithLabelValues("request").Add(float64(counted))
}

// write appends whole rows to the active file, or nothing.
func (s *Store) write(rows []byte) error {
	if s.closed {
		return errors.New("quarantine is closed")
	}
	if s.active == nil {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("name a quarantine file: %w", err)
		}
		f, err := os.OpenFile(s.path(id), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil {
			return fmt.Errorf("make a quarantine file: %w", err)
		}
		s.active, s.open = f, file{id: id}
	}
	// At its place, not at the end: what a failed write left is written over, and never a part of the file.
	if _, err := s.active.WriteAt(rows, s.open.size); err != nil {
		return errors.Join(fmt.Errorf("write a quarantine file: %w", err), s.active.Truncate(s.open.size))
	}
	s.open.size += int64(len(rows))
	s.bytes += int64(len(rows))
	return nil
}

// Status is what waits to be inserted or is set aside, in bytes.
func (s *Store) Status() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// Close ends the store. What was not inserted stays in its files for the next Open.
func (s *Store) Close() error {
	s.loading.Lock()
	defer s.loading.Unlock()
	err := s.seal(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return err
}
