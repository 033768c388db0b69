// Package cards keeps a copy of person_states beside ClickHouse, in a store of keys and values: what is known of one person, by any of their ids. A
// statement costs ClickHouse some milliseconds of planning before its first row, a card some microseconds.
//
// A card is what the newest row of a person in person_states says. Nothing is here that is not there: a folder that is damaged, older than the program, or
// newer than the warehouse beside it is deleted and made again, in the background and without anybody noticing, but that profiles are slower meanwhile.
//
//	p/<hash of person_id>    the card
//	i/<hash of distinct_id>  the hash of the person_id, for ids that are not a person's own
//	t/<hash of distinct_id>  the timeline: what an id did last
//	place                    which table was followed, how far
//	told                     how far timelines have come
//
// Keys hold salted hashes because the store keeps first and last keys of its files in places that outlive the values: an erased person's id must not be there.
//
// Whoever evaluates people says so (Evaluated), and Run takes over the rows with greater versions than those it has seen. Several evaluations are one
// step when they come faster. The place is written with the last cards of a step, so that after a crash, when what was not yet on the disk is gone, as many
// rows are read again. Nothing is synced but erasures.
//
// Timelines are not read from ClickHouse, which would have to look for what is new among all that is old: whoever loads events hands them over (Take). What may be
// missing after a crash, and all events at first, are read from there; an event that comes twice counts once.
package cards

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/cockroachdb/pebble"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/internal/background"
)

// DB is the database as this package sees it: driver.Conn of clickhouse-go over HTTP.
type DB interface {
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
	QueryFormat(ctx context.Context, format, query string, args ...any) (io.ReadCloser, error)
}

// Options of a Store.
type Options struct {
	Dir string // a folder of its own, which the store may delete
	DB  DB
	// Busy says that something more urgent needs the processors: then the store is filled more slowly. It may be nil.
	Busy    func() bool
	Metrics *Metrics     // nil: nothing is counted
	Logger  *slog.Logger // nil: nothing is logged
}

// Store is the copy. Safe for concurrent use.
type Store struct {
	o Options

	// using is held by whoever works with db, and locked to replace it.
	using sync.RWMutex
	db    *pebble.DB // nil: it could not be opened
	salt  []byte

	// following is held from before rows are read until they are written, and while somebody is forgotten.
	following sync.Mutex
	kept      place
	checked   bool   // the place was compared with the warehouse
	followed  uint64 // everything up to this version has been seen by this process

	news     background.Signal
	latest   atomic.Uint64 // version of the last evaluation that is over
	at       atomic.Int64  // when it was, in nanoseconds
	complete atomic.Bool   // what is not here is nowhere
	damaged  atomic.Bool   // it has to be made again
	dead     atomic.Bool   // it cannot be made again by this process

	// keeping is held by whoever takes events over or forgets somebody, and before using to replace db. It may be held for as long as the disk is full.
	keeping sync.Mutex
	telling telling
	unread  time.Time   // events that were accepted since then have to be read; zero: none
	gaps    int         // how often something came to be missing
	told    atomic.Bool // timelines are whole

	// Memory of Take, which keeping protects, too.
	taken     *event.Columns // a block on its way
	collected collected

	step func(string) error // between reading and writing, for tests
}

// Open opens the store in its folder, or makes a new one there when what it finds is of no use. It never fails: without a store nobody gets an answer from it, and
// Run tries again.
func Open(o Options) *Store {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics
	}
	s := &Store{o: o, taken: event.New()}
	s.following.Lock()
	defer s.following.Unlock()
	if err := s.reopen(); err != nil {
		s.again("it cannot be read: " + err.Error())
	}
	return s
}

// Close writes what is only in memory to the disk. Run must have ended.
func (s *Store) Close() error {
	s.complete.Store(false)
	s.following.Lock()
	defer s.following.Unlock()
	return s.close(!s.damaged.Load())
}

// Evaluated says that states of up to a version are in person_states, and that no more of them will come. It does not wait.
func (s *Store) Evaluated(version uint64) {
	s.at.Store(time.Now().UnixNano())
	s.latest.Store(version)
	s.news.Send()
}

const (
	// pause is between two steps of Run at least.
	pause = 50 * time.Millisecond
	// look is how often Run looks although nothing was evaluated.
	look = time.Hour
)

// Run follows evaluations until ctx ends. While it cannot, nobody gets an answer from the store.
func (s *Store) Run(ctx context.Context) {
	background.Loop{
		Every: pause, Look: look, News: &s.news,
		Failed: func(err error) {
			s.o.Logger.Warn("profiles are read from ClickHouse, because their copy cannot be kept; it is tried again until it works", "error", err)
		},
		Works: func() { s.o.Logger.Info("the copy of profiles is kept again") },
	}.Run(ctx, s.CatchUp)
}

// CatchUp makes the store hold what was evaluated before the call.
func (s *Store) CatchUp(ctx context.Context) error {
	err := s.catchUp(ctx)
	if err != nil {
		s.complete.Store(false)
		if ctx.Err() == nil {
			s.o.Metrics.failures.Inc()
		}
	} else {
		s.o.Metrics.setComplete(s.complete.Load(), s.told.Load()) // cards are answered while timelines are filled
		if err = s.tell(ctx); err != nil && ctx.Err() == nil {
			s.o.Metrics.failures.Inc()
		}
	}
	s.o.Metrics.setComplete(s.complete.Load(), s.told.Load())
	return err
}

func (s *Store) catchUp(ctx context.Context) error {
	if s.dead.Load() {
		return nil // said when it happened
	}
	if err := s.Check(ctx); err != nil {
		return err
	}
	if err := s.fill(ctx); err != nil {
		return err
	}
	for {
		at, latest := s.at.Load(), s.latest.Load()
		if err := s.follow(ctx, latest); err != nil {
			return err
		}
		if at > 0 {
			s.o.Metrics.lag.Set(time.Since(time.Unix(0, at)).Seconds())
		}
		if s.damaged.Load() || s.dead.Load() {
			return errNone
		}
		if s.latest.Load() == latest {
			s.complete.Store(true)
			return nil
		}
	}
}
