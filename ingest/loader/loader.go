// Package loader moves sealed segments of the spool into ClickHouse: oldest first, each as one INSERT, tried until it is
// confirmed.
//
// An attempt that fails says nothing about whether ClickHouse took the rows (the answer may have been lost), so every attempt sends
// the same bytes with the same insert_deduplication_token: ClickHouse skips what it has, in the table and in each view behind
// it, and completes what it lacks.
//
// # When ClickHouse is away
//
// The network, a timeout, a full disk, too many parts, no table, no rights: what cannot lie in the segment is tried for ever, in order.
// After a failed INSERT the circuit is open: only SELECT 1 goes out, with a short timeout, at growing intervals with jitter of at
// most 3 s, until it is answered; then the segment is sent again. A server that is slow to recover so does not get 64 MiB bodies at
// every attempt. An INSERT that takes long is watched in the same way: ClickHouse must go on answering SELECT 1 beside it.
// Failures are logged when they begin, a few times, and when they end; of an INSERT that takes long although everything else is answered, it is
// said after SlowAfter.
//
// # When ClickHouse refuses a segment
//
// Every other answer with a code (type mismatch, cannot parse, no such column, too many partitions, ...) and a body that is
// too large for a proxy may lie in the data, or in a fault of the schema that hits every segment. A refused segment is set aside
// (spool.SetAside) only when all of this holds:
//
//   - it was refused at least RefusedAttempts times, over at least RefusedFor;
//   - another one waits: otherwise it is in nobody's way, and is tried again;
//   - ClickHouse takes another one: the next, or the newest, is loaded before it. If both are refused, nothing is set aside; the
//     oldest is tried again, and after it the others, until the schema is mended or something it takes comes in;
//   - it is refused once more after that: the fault may have been mended just then.
//
// A segment that is damaged on disk is set aside after the same number of attempts and time, whatever ClickHouse says. Some of a
// refused segment may be in ClickHouse: an INSERT that fails in a view has written the table before it. Put back, it is sent with its
// token again, and then checked as below.
//
// # When ClickHouse's word is not enough
//
// A MergeTree that is not replicated writes a block's token before it commits the block. An attempt that ends in between (a full disk, a
// crash) makes the next one pass for a repetition: it is confirmed, and one table lacks the segment's rows of one month. Therefore
// a segment is believed only when its first attempt is confirmed. Any other is doubtful (spool.Doubt) and settled beside the loading
// of others, see settle.go.
package loader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/internal/background"
)

// Inserter is the database: driver.Conn of clickhouse-go over HTTP.
type Inserter interface {
	InsertFormat(ctx context.Context, format, query string, data io.Reader) error
	Exec(ctx context.Context, query string, args ...any) error
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
}

// Options of a Loader. Zero values take the defaults.
type Options struct {
	Spool *spool.Spool
	DB    Inserter

	// Prepare brings the database to where it takes segments (connects, migrates). It is called before the first one, again and
	// again until it works. nil: nothing to do.
	Prepare func(context.Context) error

	AttemptTimeout time.Duration // one INSERT may take this long before it is tried again; 5 min
	FirstRetry     time.Duration // the first wait after a failure; it grows by half, with jitter; 200 ms
	LongestRetry   time.Duration // up to this; 10 s
	ProbeTimeout   time.Duration // ClickHouse must answer SELECT 1 within this; 2 s
	StallAfter     time.Duration // an INSERT is given up when ClickHouse answered no probe for this long; 30 s
	SlowAfter      time.Duration // an INSERT that takes longer is said to, see Slow; 15 s

	RefusedAttempts int           // a segment that ClickHouse refuses has at least as many chances; 5
	RefusedFor      time.Duration // over at least this time; 10 s

	// Window is how long the spool's index remembers ids. What comes again after it is looked for among the stored events. 0: it is not.
	Window time.Duration
	// Mend makes the rollups of the given days, in order, add up to the events, and answers how many months of tables it had to compute
	// again. It is asked when the events of doubtful segments are all there. nil: nobody looks at rollups.
	Mend func(ctx context.Context, days []time.Time) (mended int, err error)
	// Take is given a segment that has been confirmed, while its file is still there and before anybody is told. nil: nobody wants it.
	Take func(seg *spool.Segment)
	// Loaded is called when a segment has been confirmed; it must not take long. nil: nobody waits for it.
	Loaded func()
	// Replicated says that the tables keep token and rows in one step: a segment that ClickHouse confirms is never doubtful.
	Replicated bool
	SettleWait time.Duration // from a doubt to looking at it, so that one look serves several; 1 s

	Registry prometheus.Registerer // nil: metrics are kept for nobody
	Logger   *slog.Logger
	Now      func() time.Time
}

// Loader loads. Run it in one goroutine.
type Loader struct {
	o       Options
	metrics *metrics
	turn    chan struct{} // holds one element while nobody is at it, see Hold
	settles chan struct{} // the same for settling
	beside  string        // the table for doubtful segments
	asked   string        // the table for events that may be stored already

	mu       sync.Mutex
	failing  error     // why the current segment could not be loaded yet; nil when all is well
	since    time.Time // since when
	failures int       // of one kind in a row
	underWay underWay
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
	if o.ProbeTimeout == 0 {
		o.ProbeTimeout = 2 * time.Second
	}
	if o.StallAfter == 0 {
		o.StallAfter = 30 * time.Second
	}
	if o.SlowAfter == 0 { // of 250,000 events on two slow cores one takes 2 to 4 s
		o.SlowAfter = 15 * time.Second
	}
	if o.RefusedAttempts == 0 {
		o.RefusedAttempts = 5
	}
	if o.RefusedFor == 0 {
		o.RefusedFor = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SettleWait == 0 {
		o.SettleWait = time.Second
	}
	l := &Loader{o: o, turn: make(chan struct{}, 1), settles: make(chan struct{}, 1)}
	l.settles <- struct{}{}
	// Several nodes may settle in one database, and a node that comes back drops what it left.
	host, _ := os.Hostname() // without one the folder has to do
	folder, _ := filepath.Abs(o.Spool.Dir())
	own := uuid.NewSHA1(uuid.NameSpaceURL, []byte("spool://"+host+folder)).String()
	l.beside, l.asked = "`doubt_"+own+"`", "`asked_"+own+"`"
	l.metrics = newMetrics(o.Registry, o.Spool, o.Now, l.Failing, l.running)
	return l
}

// Run loads segments until ctx ends or the spool is closed; then it answers nil. A segment that is being loaded when ctx ends is
// tried again after the next start, with the same token.
func (l *Loader) Run(ctx context.Context) error {
	if err := l.untilPrepared(ctx); err != nil {
		return nil // only ctx ends the attempts
	}
	settling, stopSettling := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() { l.keepSettling(settling) })
	defer func() {
		stopSettling()
		beside.Wait()
	}()
	// What the spool kept over a restart may have been half loaded: nobody gets the turn before the first of it is whole.
	mine := l.o.Spool.Status().Segments > 0
	if !mine {
		l.turn <- struct{}{}
	}
	for {
		seg, err := l.o.Spool.Next(ctx)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, spool.ErrClosed) {
				return nil
			}
			return fmt.Errorf("next segment: %w", err)
		}
		if !mine {
			if err := l.take(ctx); err != nil {
				return nil
			}
		}
		// The turn stays taken when the loader ends within a segment: nobody can tell how much of it is there.
		if err := l.load(ctx, seg); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		mine = false
		l.turn <- struct{}{}
	}
}

// load tries until the segment is confirmed or set aside. An error that is not ctx's is the spool's disk.
func (l *Loader) load(ctx context.Context, seg *spool.Segment) error {
	wait := l.backoff(l.o.LongestRetry)
	var chances refusals
	for attempt := 1; ; attempt++ {
		began := l.o.Now()
		err := l.attempt(ctx, seg)
		if err == nil {
			l.well(seg)
			return l.confirm(seg, l.o.Now().Sub(began))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		kind, next := faultOf(err), wait.NextBackOff()
		its := kind == refused || kind == damaged
		hadChances := its && chances.note(l.o.Now(), &l.o)
		if its && !hadChances { // not much longer than RefusedFor: others wait
			next = min(next, max(l.o.FirstRetry, l.o.RefusedFor/time.Duration(l.o.RefusedAttempts)))
		}
		l.metrics.retries.Inc()
		l.fail(err, slog.Uint64("segment", seg.Number), slog.Int("attempt", attempt), slog.Duration("next_attempt_in", next.Round(time.Millisecond)))

		if hadChances {
			if kind == damaged { // whatever ClickHouse says
				if l.setAside(seg, err, chances) {
					return nil
				}
			} else if done, err := l.pass(ctx, seg, &chances); done || err != nil {
				return err
			}
		}
		if err := background.Sleep(ctx, next); err != nil {
			return err
		}
		if kind == away {
			if err := l.untilAnswers(ctx); err != nil {
				return err
			}
		}
	}
}

// confirm tells the spool that seg is loaded, or that somebody has to look whether it is.
func (l *Loader) confirm(seg *spool.Segment, took time.Duration) error {
	l.metrics.loaded(seg, took, l.o.Now().Sub(seg.First))
	if l.o.Take != nil {
		l.o.Take(seg)
	}
	if l.o.Loaded != nil {
		defer l.o.Loaded() // when the spool counts it among those that wait no longer
	}
	if seg.Repeated() && !l.o.Replicated {
		l.metrics.doubtful.Inc()
		return l.o.Spool.Doubt(seg)
	}
	return l.o.Spool.Loaded(seg)
}

// attempt sends the segment once, under watch.
func (l *Loader) attempt(ctx context.Context, seg *spool.Segment) (err error) {
	end := l.begin(seg)
	defer func() { end(err) }()
	watched, stop := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.watch(watched, stop)
	}()
	err = l.insert(watched, seg)
	if cause := context.Cause(watched); err != nil && errors.Is(cause, errStalled) {
		err = fmt.Errorf("insert segment %d: %w", seg.Number, cause)
	}
	stop(nil)
	<-done
	return err
}

// insert sends the segment once.
func (l *Loader) insert(ctx context.Context, seg *spool.Segment) error {
	// Before the first byte goes out: half a segment must not begin an INSERT.
	receipts, err := seg.Receipts()
	if err != nil {
		return &unreadableError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, l.o.AttemptTimeout)
	defer cancel()
	if l.o.Window > 0 && !l.o.Replicated && !seg.Sent() {
		if receipts, err = l.leaveOutLateRepeats(ctx, seg, receipts); err != nil {
			return err
		}
		if seg.Rows == 0 {
			return nil
		}
	}
	if err := l.o.Spool.Sending(seg); err != nil {
		return &unmarkedError{err}
	}
	body := seg.Reader()
	defer body.Close()
	if err := l.o.DB.InsertFormat(ctx, "Native", insertStatement(seg.ID), body); err != nil {
		return fmt.Errorf("insert segment %d: %w", seg.Number, err)
	}
	return l.writeReceipts(ctx, seg, receipts)
}

// insertStatement is the INSERT of the segment with this id.
func insertStatement(id uuid.UUID) string {
	return "INSERT INTO events (" + columns + ") SETTINGS " +
		// The same token again inserts nothing, also behind the materialized views.
		"insert_deduplicate = 1, insert_deduplication_token = '" + id.String() + "', deduplicate_blocks_in_dependent_materialized_views = 1, async_insert = 0, " +
		// A segment is one block, so that it is there in whole or not at all (per month it touches), and every attempt cuts it alike.
		"min_insert_block_size_rows = 1048576, min_insert_block_size_bytes = 0, max_insert_block_size = 1048576, max_insert_threads = 1, " +
		// What the service computes by itself waits for it (background.AfterLoading).
		"priority = 1, " +
		// Rows are merged in the background, not once more on the way in: less than half the work per event (docs/schema.md).
		"optimize_on_insert = 0, " +
		// History may span many months, each of them a partition.
		"max_partitions_per_insert_block = 0"
}

var columns = event.InsertColumns()

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
