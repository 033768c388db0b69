// Package loader moves sealed segments of the spool into ClickHouse: oldest first, each as one INSERT, tried until it is
// confirmed.
//
// An attempt that fails says nothing about whether ClickHouse took the rows (the answer may have been lost), so every attempt sends
// the same bytes with the same insert_deduplication_token: ClickHouse skips what it has, in the table and in each view behind
// it, and completes what it lacks.
package loader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/spool"
)

// Inserter is the database: driver.Conn of clickhouse-go over HTTP.
type Inserter interface {
	InsertFormat(ctx context.Context, format, query string, data io.Reader) error
}

// Options of a Loader. Zero values take the defaults.
type Options struct {
	Spool *spool.Spool
	DB    Inserter

	AttemptTimeout time.Duration // one INSERT may take this long before it is tried again; 5 min
	FirstRetry     time.Duration // the first wait after a failure; it grows by half, with jitter; 200 ms
	LongestRetry   time.Duration // up to this; 10 s

	Registry prometheus.Registerer // nil: metrics are kept for nobody
	Logger   *slog.Logger
	Now      func() time.Time
}

// Loader loads. Run it in one goroutine.
type Loader struct {
	o       Options
	metrics *metrics

	mu      sync.Mutex
	failing error     // why the current segment could not be loaded yet; nil when all is well
	since   time.Time // since when
}

// New returns a loader.
func New(o Options) *Loader {
	if o.AttemptTimeout == 0 {
		o.AttemptTimeout = 5 * time.Minute
	}
	if o.FirstRetry == 0 {
		o.FirstRetry = 200 * time.Millisecond
	}
	if o.LongestRetry == 0 {
		o.LongestRetry = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Loader{o: o}
	l.metrics = newMetrics(o.Registry, o.Spool, o.Now)
	return l
}

// Run loads segments until ctx ends or the spool is closed; then it answers nil. A segment that is being loaded when ctx ends is
// tried again after the next start, with the same token.
func (l *Loader) Run(ctx context.Context) error {
	for {
		seg, err := l.o.Spool.Next(ctx)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, spool.ErrClosed) {
				return nil
			}
			return fmt.Errorf("next segment: %w", err)
		}
		if err := l.load(ctx, seg); err != nil {
			return nil // only ctx ends the attempts
		}
		if err := l.o.Spool.Loaded(seg); err != nil {
			return err
		}
	}
}

// load tries until the segment is confirmed; it answers an error only when ctx ended.
func (l *Loader) load(ctx context.Context, seg *spool.Segment) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = l.o.FirstRetry, l.o.LongestRetry
	attempt := 0
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		attempt++
		began := l.o.Now()
		err := l.insert(ctx, seg)
		if err != nil {
			l.fail(err)
			l.metrics.retries.Inc()
			return struct{}{}, err
		}
		l.well(seg, attempt)
		l.metrics.loaded(seg, l.o.Now().Sub(began), l.o.Now().Sub(seg.First))
		return struct{}{}, nil
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, next time.Duration) {
		l.o.Logger.Warn("segment not loaded", "segment", seg.Number, "attempt", attempt, "error", err, "next_attempt_in", next.Round(time.Millisecond))
	}))
	return err
}

// insert sends the segment once.
func (l *Loader) insert(ctx context.Context, seg *spool.Segment) error {
	// Before the first byte goes out: half a segment must not begin an INSERT.
	if err := seg.Verify(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, l.o.AttemptTimeout)
	defer cancel()
	body := seg.Reader()
	defer body.Close()
	if err := l.o.DB.InsertFormat(ctx, "Native", insertStatement(seg.ID), body); err != nil {
		return fmt.Errorf("insert segment %d: %w", seg.Number, err)
	}
	return nil
}

// insertStatement is the INSERT of the segment with this id.
func insertStatement(id uuid.UUID) string {
	return "INSERT INTO events (" + columns + ") SETTINGS " +
		// The same token again inserts nothing, also behind the materialized views.
		"insert_deduplicate = 1, insert_deduplication_token = '" + id.String() + "', deduplicate_blocks_in_dependent_materialized_views = 1, async_insert = 0, " +
		// A segment is one block, so that it is there in whole or not at all (per month it touches), and every attempt cuts it alike.
		"min_insert_block_size_rows = 1048576, min_insert_block_size_bytes = 0, max_insert_block_size = 1048576, max_insert_threads = 1, " +
		// History may span many months, each of them a partition.
		"max_partitions_per_insert_block = 0"
}

var columns = event.InsertColumns()

func (l *Loader) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing == nil {
		l.since = l.o.Now()
	}
	l.failing = err
}

func (l *Loader) well(seg *spool.Segment, attempt int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing != nil {
		l.o.Logger.Info("loading again", "segment", seg.Number, "attempt", attempt, "failed_for", l.o.Now().Sub(l.since).Round(time.Millisecond))
	}
	l.failing = nil
}

// Failing answers why loading does not go on and since when; nil when it does.
func (l *Loader) Failing() (reason error, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failing, l.since
}

// Drain has everything accepted so far sealed and waits until it is loaded, or until ctx ends. Run must be running.
func Drain(ctx context.Context, s *spool.Spool) error {
	if err := s.Seal(ctx); err != nil {
		return err
	}
	for {
		progress := s.Progress() // before the look, so that nothing is missed between
		status := s.Status()
		if status.WaitingRows == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d events are still in the spool and will be loaded after the next start: %w", status.WaitingRows, ctx.Err())
		case <-progress:
		}
	}
}
