package quarantine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/durable"
)

// Waits of Run after a failure, and the longest that an insert may take.
const (
	longestWait    = 30 * time.Second
	attemptTimeout = time.Minute
)

// Run inserts what is waiting, every Interval, until ctx ends. While that fails the waits grow, with jitter.
func (s *Store) Run(ctx context.Context) {
	wait := s.o.Interval
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := s.Flush(ctx); err != nil {
			wait = min(wait*3/2, longestWait)
			wait = wait/2 + rand.N(wait/2+1) + s.o.Interval/2
		} else {
			wait = s.o.Interval
		}
	}
}

// Flush inserts what was kept before the call. The error is that of the first file that could not be inserted; that file is
// tried last the next time, so that it does not stand in the way of the others.
func (s *Store) Flush(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	err := s.flush(ctx)
	switch {
	case err == nil && s.failing:
		s.o.Logger.Info("rejected records are inserted again")
	case err != nil && !s.failing && ctx.Err() == nil:
		s.o.Logger.Warn("rejected records wait: they could not be inserted", "bytes", s.Status(), "error", err)
	}
	s.failing = err != nil
	return err
}

func (s *Store) flush(ctx context.Context) error {
	if err := s.seal(false); err != nil {
		return err
	}
	s.mu.Lock()
	waiting := slices.Clone(s.sealed)
	s.mu.Unlock()
	for _, f := range waiting {
		if err := s.insert(ctx, f); err != nil {
			s.metrics.failed.Inc()
			if s.isHopeless(ctx, &f, err) {
				if err := s.setAside(f, err); err != nil {
					return err
				}
				continue
			}
			s.mu.Lock()
			s.sealed = append(slices.DeleteFunc(s.sealed, f.is), f)
			s.mu.Unlock()
			return err
		}
		if err := os.Remove(s.path(f.id)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove an inserted quarantine file: %w", err) // sent again, counted once
		}
		s.mu.Lock()
		s.sealed = slices.DeleteFunc(s.sealed, f.is)
		s.bytes -= f.size
		s.mu.Unlock()
	}
	return nil
}

func (f file) is(other file) bool { return f.id == other.id }

// seal ends the active file if there is one, and puts it in line. Unless it must be, a small file is left to grow while many
// wait. The caller holds s.loading.
func (s *Store) seal(must bool) error {
	s.mu.Lock()
	if s.active == nil || !must && s.open.size < maxFile && len(s.sealed) >= maxFiles {
		s.mu.Unlock()
		return nil
	}
	handle, f := s.active, s.open
	s.active, s.open = nil, file{}
	s.mu.Unlock()
	if f.size == 0 {
		return errors.Join(handle.Close(), os.Remove(s.path(f.id)))
	}
	err := errors.Join(handle.Truncate(f.size), handle.Sync(), handle.Close(), durable.SyncDir(s.o.Dir))
	s.mu.Lock()
	s.sealed = append(s.sealed, f) // also after an error: the kernel has the rows, and they are sent from there
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("seal a quarantine file: %w", err)
	}
	return nil
}

// insert sends a file once.
func (s *Store) insert(ctx context.Context, f file) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	body, err := os.Open(s.path(f.id))
	if err != nil {
		return fmt.Errorf("read a quarantine file: %w", err)
	}
	defer body.Close()
	if err := s.o.DB.InsertFormat(ctx, "JSONEachRow", insertStatement(f.id), io.NewSectionReader(body, 0, f.size)); err != nil {
		return fmt.Errorf("insert quarantine file %s: %w", f.id, err)
	}
	return nil
}

// insertStatement is the INSERT of a file: a token, and blocks that are cut alike in every attempt.
func insertStatement(id uuid.UUID) string {
	return "INSERT INTO quarantine (" + Columns + ") SETTINGS " +
		"insert_deduplicate = 1, insert_deduplication_token = 'quarantine-" + id.String() + "', async_insert = 0, " +
		"input_format_parallel_parsing = 0, min_insert_block_size_rows = 1048576, min_insert_block_size_bytes = 0, " +
		"max_insert_block_size = 1048576, max_insert_threads = 1, max_partitions_per_insert_block = 0"
}
