// Package erasure removes a person: from events, from every rollup and table that names one of their ids, and from the
// records that were rejected. It answers when that is done, with what was removed where, and leaves a certificate in the
// table erasures that holds salted hashes, not ids.
//
// An erasure is a list of steps. Each is repeatable and noted in erasures when it is done, so one that was cut off by a crash goes
// on with Resume. What is counted and what is removed are the same rows, because while it goes on no event of the person is
// accepted (Guard) and everything accepted before was loaded first (Options.Settle).
package erasure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/internal/background"
)

// DB is the database: driver.Conn of clickhouse-go over HTTP.
type DB interface {
	Exec(ctx context.Context, query string, args ...any) error
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
	QueryFormat(ctx context.Context, format, query string, args ...any) (io.ReadCloser, error)
	InsertFormat(ctx context.Context, format, query string, data io.Reader) error
}

// Options of an Eraser.
type Options struct {
	DB  DB
	Dir string // the data folder, for the salt
	// Settle returns when everything accepted before the call is in the database, and nowhere else any more.
	Settle func(ctx context.Context) error
	// Files takes the person's records out of files that no table has taken, and answers how many by which kind of file, and which files may
	// hold something of the person nevertheless, each with why and how to remove it. It may be asked again. Nil: there are none.
	Files func(ids []string) (removed map[string]uint64, remaining []string, err error)
	// Refused answers the person's events in segments that ClickHouse refused. Some of them may be in events all the same, written before a view
	// failed, and no receipt counts them there. Nil: there are none.
	Refused func(ids []string) ([]Event, error)
	// Rebuild recomputes rollups of a month (its first day) from events.
	Rebuild func(ctx context.Context, month time.Time, tables []string) error
	// Rebuilt returns when no rebuild of rollups is on its way that began before the call: it would bring back what it had read. What one that was cut
	// off has left is gone then. Nil: nobody rebuilds.
	Rebuilt func(ctx context.Context) error
	// Pause keeps from working who writes tables that name people from what they read before: the resolver of identities, the evaluator of
	// tiers. It returns when they have stopped; resume lets them go on. Nil: there are none.
	Pause func(ctx context.Context) (resume func(), err error)
	// Recount is told that kept figures that count people are to be computed again. Nil: there are none.
	Recount func(ctx context.Context) error
	Refuse  bool // keep later events of the erased out
	// Shared says that other services may erase people in the same database: one at a time does (alone).
	Shared bool

	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: nothing is logged
}

// Event is what tells an event from others, and from a copy of itself.
type Event struct {
	ID               uuid.UUID
	Time, ReceivedAt time.Time
}

// Eraser erases people, one at a time. Safe for concurrent use.
type Eraser struct {
	o     Options
	guard *Guard
	one   sync.RWMutex // whoever does something beside erasures reads
	read  bool         // whether begun is what the table says
	begun []work       // cut off, to be taken up by Resume
	seen  int          // how many there were when they were read, done or not

	cutOff   background.Signal // an erasure failed in the middle
	leaseFor time.Duration     // 0: as internal/lease has it
}

// Certificate is what an erasure did.
type Certificate struct {
	Request    uuid.UUID         `json:"request"`
	PersonHash string            `json:"person_hash"` // SHA-256 of the installation's salt and the id
	IDs        int               `json:"ids"`         // of the person
	BegunAt    time.Time         `json:"begun_at"`
	DoneAt     time.Time         `json:"done_at"`
	By         string            `json:"by"`
	Removed    map[string]uint64 `json:"removed"`   // rows per table, records per kind of file
	Changed    map[string]uint64 `json:"changed"`   // rows of others that stay without the id; months of rollups recomputed
	Remaining  []string          `json:"remaining"` // files that may still hold something, why, and how to remove it
}

// New knows from the data folder who has to be kept out; it does not ask the database, which may be away.
func New(o Options) (*Eraser, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Eraser{o: o, guard: new(Guard)}
	var err error
	if e.guard.salt, err = readSalt(o.Dir); err != nil {
		return nil, fmt.Errorf("read the salt of erasures: %w", err)
	}
	if err := e.guard.open(o.Dir); err != nil {
		return nil, fmt.Errorf("read %s: %w", HeldFile, err)
	}
	return e, nil
}

// Load reads whom to keep out from the tables. It is to be called after the start, before the first event if the database is there.
func (e *Eraser) Load(ctx context.Context) error {
	e.one.Lock()
	defer e.one.Unlock()
	return e.load(ctx)
}

// load reads who was erased before, and what was cut off; the tables exist.
func (e *Eraser) load(ctx context.Context) error {
	if e.read {
		return nil
	}
	all, err := e.readWork(ctx)
	if err != nil {
		return err
	}
	e.begun, e.seen = nil, len(all)
	out := held{}
	for _, w := range all {
		if w.state == stateBegun {
			e.begun = append(e.begun, w)
		} else if e.o.Refuse {
			w.keepOut(out, erased)
		}
	}
	for _, w := range e.begun { // whoever was erased before may be again
		w.keepOut(out, w.why())
	}
	if err := e.guard.set(out); err != nil {
		return err
	}
	e.read = true
	return nil
}

func (w *work) keepOut(out held, why reason) {
	for _, h := range w.held {
		if why == elsewhere && out[h] != "" && out[h] != erased { // it is being erased here, too, and here has to remember what it began
			continue
		}
		out[h] = why
	}
}

// strays are requests of erasures that were cut off before they were begun, whose ids are there still; or are about to be begun by another service.
func (e *Eraser) strays(ctx context.Context) ([]string, error) {
	requests, err := ask.Texts(ctx, e.o.DB, "SELECT DISTINCT toString(request) FROM erased_ids WHERE request NOT IN (SELECT request FROM erasures FINAL WHERE state = 'begun')")
	if err != nil {
		return nil, fmt.Errorf("look for ids of erasures that never began: %w", err)
	}
	return requests, nil
}

// forget drops ids of erasures that were cut off before they were begun. Nobody else may be about to begin one.
func (e *Eraser) forget(ctx context.Context) error {
	requests, err := e.strays(ctx)
	if err != nil {
		return err
	}
	for _, request := range requests {
		if err := e.o.DB.Exec(ctx, "ALTER TABLE erased_ids DROP PARTITION '"+request+"'"); err != nil {
			return fmt.Errorf("forget ids of an erasure that never began: %w", err)
		}
	}
	return nil
}

// Guard is what the ingest path has to ask.
func (e *Eraser) Guard() *Guard { return e.guard }

// Erase removes the person that an id belongs to, with all their ids. An id that nobody has is erased, too: with nothing removed, and
// a certificate. by says who asked. When it fails or is cut off in the middle, Resume goes on with it.
func (e *Eraser) Erase(ctx context.Context, id, by string) (done Certificate, err error) {
	e.one.Lock()
	defer e.one.Unlock()
	err = e.alone(ctx, func(ctx context.Context) error {
		// Also what others left: it may be of the same person, and would be counted twice.
		if err := e.goOn(ctx, func(*work) bool { return true }); err != nil {
			return err
		}
		done, err = e.erase(ctx, id, by)
		return err
	})
	return done, err
}

func (e *Eraser) erase(ctx context.Context, id, by string) (Certificate, error) {
	// What the person did last may be what tells of a further id.
	if err := e.o.Settle(ctx); err != nil {
		return Certificate{}, fmt.Errorf("erase: %w", err)
	}
	ids, err := Resolve(ctx, e.o.DB, id)
	if err != nil {
		return Certificate{}, fmt.Errorf("erase: %w", err)
	}
	now := e.o.Now().UTC().Truncate(time.Millisecond)
	w := work{state: stateBegun, Certificate: Certificate{
		Request: uuid.New(), PersonHash: e.guard.salt.of(id).String(), BegunAt: now, By: by,
		Removed: map[string]uint64{}, Changed: map[string]uint64{}, Remaining: []string{},
	}}
	e.read = false // until it is done: what is begun is read again
	if err := e.takeIn(ctx, &w, ids); err != nil {
		e.cutOff.Send() // it may be begun: only the tables know, and until somebody looks, the ids are kept out
		return Certificate{}, fmt.Errorf("erase: %w", err)
	}
	if err := e.run(ctx, &w); err != nil {
		e.cutOff.Send()
		return Certificate{}, fmt.Errorf("erasure %s is begun and goes on by itself: %w", w.Request, err)
	}
	e.read = true
	return w.Certificate, nil
}

// ErrAtWork says that somebody is being erased.
var ErrAtWork = errors.New("a person is being erased, or was when that was cut off: try again when it is done")

// Beside does something that must not happen while somebody is being erased, such as putting back what may hold their events; no erasure begins before
// it has ended. Several may do so at once. The error is ErrAtWork when somebody is being erased, also while an erasure that was cut off waits to go on. As long
// as nobody could ask the database whether one does, the data folder says: who is being erased is kept out by it.
func (e *Eraser) Beside(do func() error) error {
	if !e.one.TryRLock() {
		return ErrAtWork
	}
	defer e.one.RUnlock()
	if !e.read && e.guard.now().erasing() || len(e.begun) > 0 {
		return ErrAtWork
	}
	return do()
}

// Resolve answers all ids of the person that an id belongs to, sorted, the given one included, whether or not anything is known
// of it.
func Resolve(ctx context.Context, db DB, id string) ([]string, error) {
	return resolve(ctx, db, []string{id})
}

// resolve follows the map of ids both ways until nothing is added: from ids to their people by the key of person_map, from people to all
// their ids by that of person_pairs.
func resolve(ctx context.Context, db DB, ids []string) ([]string, error) {
	for {
		found, err := ask.Texts(ctx, db, `SELECT person_id
FROM person_ids
WHERE distinct_id IN {ids:Array(String)}
UNION DISTINCT
SELECT distinct_id
FROM person_ids
WHERE distinct_id IN (SELECT distinct_id FROM person_pairs WHERE person_id IN {ids:Array(String)})
  AND person_id IN {ids:Array(String)}`, named("ids", ids))
		if err != nil {
			return nil, fmt.Errorf("look up the ids of the person: %w", err)
		}
		all := slices.Concat(ids, found)
		slices.Sort(all)
		if all = slices.Compact(all); len(all) == len(ids) {
			return all, nil
		}
		ids = all
	}
}
