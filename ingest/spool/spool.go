// Package spool is the durable log between HTTP and ClickHouse: what it has answered for is on disk, once.
//
// # Group commit
//
// Append hands a block of events to the committer, a single goroutine. It takes all blocks that wait, leaves out events whose
// id the dedupe index knows, merges the rest into one block, writes it to the active segment as one frame, syncs the file
// once, confirms the ids and answers every caller. Sixty-four callers with one event each so cost one fsync.
//
// # A segment on disk
//
//	0000000000000017.segment   a header, then frames
//	header                     "LVLSEG2\n", the segment's id (UUID), CRC-32C of both
//	frame                      length u32, rows u32, CRC-32C u32 of both and the block, CRC-32 (IEEE) u32 of the block; then the block (little-endian)
//	block                      one ClickHouse Native block of events, as event.Columns writes it
//
// The id is the segment's deduplication token. It is made with the file, not counted: a number that begins again in an empty
// folder would have ClickHouse take new events for a segment it knows.
//
// A segment is sealed when it is full or when the loader has nothing else to do; its bytes never change again, so every attempt
// to load it sends the same blocks with the same token and ClickHouse counts it once. It is renamed to .sending before the first
// attempt (and before that, events of it may be taken out, see Without). A segment that its first attempt confirmed is renamed to .loaded, one that a later attempt confirmed to .doubtful until
// it was checked (see Doubt), and then to .loaded; that is deleted after the dedupe index has written its ids to disk.
//
// # What a crash leaves, at any line
//
//   - Before the sync: an unanswered frame, whole or torn. A whole one is loaded (the sender repeats it, and the index, filled from
//     the segment, knows it). A torn one is cut off; the cut bytes are kept beside the segment as NNN.torn-OFFSET. Only the segment with the highest
//     number can be torn: the next one is begun when it is sealed.
//   - After the sync, before the answer: the same as a whole one.
//   - After .sending, at whatever point of the attempt: it is sent again with its token, ClickHouse skips what it has, and the
//     segment is doubtful.
//   - After .doubtful: it is checked again.
//   - After .loaded: the ids are read into the index once more, then the file is deleted.
//
// # What a crash does not leave
//
// One flipped bit in a frame is corrected as it is read (see correct). What is damaged beyond that is cut out from between whole frames and
// kept as NNN.damaged-OFFSET, which the list, the status and the log name with the number of its events. So is what is torn or missing of a
// segment that was sealed, or of what was answered for: the file "answered" says how far that is, see answers. A damaged file header costs no
// event, see mend.
//
// # A segment that cannot be loaded
//
// The loader sets it aside so that the others go on: it is renamed NNN.refused, and NNN.refused.json beside it says why (see Refusal).
// Its events stay known to the index, now and after every start, and its bytes count against the limit. PutBack renames it back. A
// crash between the two steps of either leaves a segment that waits and a note that means nothing, which the next start deletes.
//
// Nothing that was not confirmed loaded is ever deleted, unless a person says so (Drop).
package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/livello/livello/ingest/dedupe"
	"github.com/livello/livello/ingest/event"
)

// Options of a Spool. Zero values take the defaults.
type Options struct {
	Dir   string
	Index *dedupe.Index // the spool fills and flushes it; the caller closes it, after the spool

	SegmentBytes int64         // a segment is sealed at this size; 64 MiB
	SegmentRows  int           // or at this many events; 250,000: one block of an INSERT
	Linger       time.Duration // how long a waiting event may wait for others before its segment is loaded, and up to three times that, or ten in a crowd (see pace); 200 ms
	MaxBytes     int64         // refuse more than this on disk; 16 GiB
	MinFree      int64         // refuse when the disk has less than this free; 512 MiB, negative for none

	Now    func() time.Time
	Logger *slog.Logger
}

func (o *Options) defaults() {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 64 << 20
	}
	if o.SegmentRows == 0 {
		o.SegmentRows = 250_000
	}
	if o.Linger == 0 {
		o.Linger = 200 * time.Millisecond
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 16 << 30
	}
	if o.MinFree == 0 {
		o.MinFree = 512 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// ErrClosed is what Append answers once the spool is closing.
var ErrClosed = errors.New("the spool is closed")

// Spool is the log. Safe for concurrent use.
type Spool struct {
	o     Options
	queue chan *waiting
	seals chan chan struct{}
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed when the committer and the reaper have ended
	once  sync.Once

	// Only the committer uses these.
	active *active
	group  []*waiting
	keep   []bool
	merged *event.Columns
	block  []byte
	frame  []byte

	mu       sync.Mutex
	number   uint64     // of the newest segment
	sealed   []*Segment // waiting for the loader, oldest first
	doubtful []*Segment // confirmed, to be checked
	loaded   []*Segment // confirmed, waiting for the reaper
	refused  []refused  // set aside
	damaged  int        // events in frames that recovery cut out
	pieces   pieces     // files of what recovery cut off or out
	newest   uint64     // the highest number that recovery met: the only segment that a crash can have torn
	answers  *answers
	bytes    int64         // of all files
	open     openSegment   // what others may know of the active segment
	changed  chan struct{} // closed and renewed when what others may wait for changes
	lastErr  error         // why the last write failed; nil when it did not

	crowd       crowd      // guarded by mu
	pace        pace       // of sealing for the loader; guarded by mu
	puttingBack sync.Mutex // one change of what is set aside at a time
}

// openSegment is the active segment as seen from outside the committer.
type openSegment struct {
	rows  int
	first time.Time
}

// waiting is a caller of Append.
type waiting struct {
	columns              *event.Columns
	accepted, duplicates int
	err                  error
	done                 chan struct{}
}

// queueLength bounds the callers that wait in the queue itself; more of them block in Append.
const queueLength = 1024

// Open opens or makes the spool in o.Dir, recovers what a crash left, and starts its committer.
func Open(o Options) (*Spool, error) {
	o.defaults()
	if o.Index == nil {
		return nil, errors.New("open spool: it needs a dedupe index")
	}
	s := &Spool{
		o: o, queue: make(chan *waiting, queueLength), seals: make(chan chan struct{}),
		stop: make(chan struct{}), done: make(chan struct{}), merged: event.New(), changed: make(chan struct{}),
	}
	if err := s.recover(); err != nil {
		if s.answers != nil {
			err = errors.Join(err, s.answers.close())
		}
		return nil, fmt.Errorf("open spool: %w", err)
	}
	var working sync.WaitGroup
	working.Go(s.commit)
	working.Go(s.reap)
	go func() {
		working.Wait()
		if err := s.answers.close(); err != nil {
			s.o.Logger.Warn("close the spool", "error", err)
		}
		close(s.done)
	}()
	return s, nil
}

// Append keeps the events of c that were not accepted before. When it returns without an error they are on disk: accepted of
// them are new, duplicates were known. With an error none of c was kept (or, if the machine fails right then, may have been; the
// ids make a repetition safe). c is not used after the return. A caller whose ctx ends while it is in line still waits for the
// group it is in, which takes milliseconds.
func (s *Spool) Append(ctx context.Context, c *event.Columns) (accepted, duplicates int, err error) {
	if c.Rows() == 0 {
		return 0, 0, nil
	}
	w := waitingPool.Get().(*waiting)
	defer waitingPool.Put(w)
	*w = waiting{columns: c, done: w.done}
	select {
	case <-s.stop:
		return 0, 0, ErrClosed
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	case s.queue <- w:
	}
	select {
	case <-w.done:
	case <-s.done:
		// The committer has ended; it may have answered just before.
		select {
		case <-w.done:
		default:
			return 0, 0, ErrClosed
		}
	}
	return w.accepted, w.duplicates, w.err
}

var waitingPool = sync.Pool{New: func() any { return &waiting{done: make(chan struct{}, 1)} }}

// Dir is the folder that holds the spool.
func (s *Spool) Dir() string { return s.o.Dir }

// Close stops accepting, writes what is in line, seals and ends. What is not loaded stays for the next Open.
func (s *Spool) Close() error {
	s.once.Do(func() { close(s.stop) })
	<-s.done
	return nil
}

// Next answers the oldest segment that waits for the loader. It waits until there is one; with an active segment whose oldest
// event has lingered, it has that one sealed. It answers ctx's error when that ends first.
func (s *Spool) Next(ctx context.Context) (*Segment, error) {
	s.mu.Lock()
	s.pace.asked()
	s.mu.Unlock()
	for {
		s.mu.Lock()
		if len(s.sealed) > 0 {
			defer s.mu.Unlock()
			s.pace.handedOut()
			return s.sealed[0], nil
		}
		open, changed, linger := s.open, s.changed, s.pace.linger(s.o.Linger, s.crowd.is(s.o.Now()))
		s.mu.Unlock()

		var lingered <-chan time.Time
		if open.rows > 0 {
			wait := linger - s.o.Now().Sub(open.first)
			if wait <= 0 || wait > linger { // more than that: the clock was set back
				if err := s.Seal(ctx); err != nil {
					return nil, err
				}
				continue
			}
			lingered = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		case <-lingered:
		}
	}
}

// Seal ends the active segment, if it has events, so that the loader can have it.
func (s *Spool) Seal(ctx context.Context) error {
	sealed := make(chan struct{})
	select {
	case s.seals <- sealed:
	case <-s.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	<-sealed
	return nil
}

// Progress answers a channel that is closed when the next segment is begun, sealed or confirmed.
func (s *Spool) Progress() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// notify wakes those who wait in Next. The caller holds mu.
func (s *Spool) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

var _ io.WriterTo = (*Segment)(nil)
