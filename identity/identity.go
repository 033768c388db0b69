// Package identity decides which ids are one person, and keeps the answer in person_map.
//
// Evidence is in identity_edges: an event named an anonymous id and a user, or an alias said that a user has a new name. What people
// decided by hand is in identity_decisions. A Resolver follows both:
//
//   - An id joins one user: the first it was seen with. Being seen with another user later is a conflict (a shared device), unless both
//     turn out to be one person.
//   - An alias joins the previous id to the new one, which names the person from then on.
//   - An id seen with too many users joins nobody, nor does an address that many share (info@), and a person stops growing at a
//     number of ids (Guards).
//   - Merges and splits by hand count beside the evidence, whatever is rebuilt.
//
// Joins are followed in order of time, so the same evidence leads to the same people in whatever order it came: Tick, which looks at what is new
// only, ends where Rebuild does, which looks at everything. What was not followed is in identity_conflicts, with the reason.
//
// Tick holds in memory the people whom the new evidence is about, never all. Every write may be cut off anywhere and is made good by the
// next Tick.
package identity

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/livello/livello/internal/background"
)

// DB is the database: driver.Conn of clickhouse-go over HTTP.
type DB interface {
	Exec(ctx context.Context, query string, args ...any) error
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
	InsertFormat(ctx context.Context, format, query string, data io.Reader) error
}

// Options of a Resolver.
type Options struct {
	DB     DB
	Logger *slog.Logger // nil: nothing is logged
	Batch  int          // ids looked at together; 0: 10,000, and 100,000 when everything is decided anew
	Guards *Guards      // nil: those of the definitions
	Busy   func() bool  // says that something more urgent needs the processors; nil: never
	// News wakes Run: there may be evidence. The resolver itself sends when ids have changed hands, for others who wait for it. nil: Run looks by itself.
	News *background.Signal
	Look time.Duration // how often Run looks although nobody sent news; 0: twice a second
	// Shared says that there may be other resolvers on the database. One of them runs (Run); what others write now and then, it looks at again.
	Shared bool
}

// Resolver keeps person_map. One of them at a time should Run on a database. Safe for concurrent use.
type Resolver struct {
	db         DB
	log        *slog.Logger
	batch      int     // ids at a time of those that come in: others have their turn in between
	largeBatch int     // of everything there is
	fixed      *Guards // nil: the definitions say
	busy       func() bool
	news       *background.Signal
	look       time.Duration

	shared  bool
	id      uuid.UUID
	running atomic.Bool // Run runs

	one      sync.Mutex
	known    bool // progress was read, and what a process before left was made good
	progress progress
	version  int64 // greatest time of a row that was written, Unix milliseconds
	ahead    int64 // how much the clock of the database is, in milliseconds
	seen     *seen
	guards   Guards
}

// New makes a Resolver; it does not ask the database yet.
func New(o Options) *Resolver {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Resolver{db: o.DB, log: o.Logger, batch: o.Batch, largeBatch: o.Batch, fixed: o.Guards, busy: o.Busy, news: o.News, look: o.Look, shared: o.Shared, id: uuid.New(), seen: newSeen(1 << 20)}
	if o.Batch <= 0 {
		r.batch, r.largeBatch = 10_000, 100_000
	}
	return r
}

// Resolve brings person_map up to what identity_edges holds now.
func Resolve(ctx context.Context, db DB) error {
	_, err := New(Options{DB: db}).Tick(ctx)
	return err
}

// Anew asks for everybody to be decided about anew: identity_edges was written by something else than new events. When it returns, that is kept
// until the next Tick of whichever resolver has done it.
func (r *Resolver) Anew(ctx context.Context) error {
	err := r.db.Exec(ctx, `INSERT INTO recomputations (what, day, request, at, sign)
SELECT 'identities', toDate(0), generateUUIDv4(), now64(3, 'UTC'), 1
SETTINGS async_insert = 0, insert_deduplicate = 0`)
	if err != nil {
		return fmt.Errorf("ask for identities to be decided anew: %w", err)
	}
	r.news.Send()
	return nil
}

// Tick follows what came since the last one, and says how many ids have another place than before.
func (r *Resolver) Tick(ctx context.Context) (changed int, err error) {
	r.one.Lock()
	defer r.one.Unlock()
	changed, err = r.tick(ctx)
	if err != nil {
		r.known = false // what was written may have told nobody
		return changed, fmt.Errorf("resolve identities: %w", err)
	}
	return changed, nil
}

func (r *Resolver) tick(ctx context.Context) (changed int, err error) {
	news, err := r.readNews(ctx)
	if err != nil {
		return 0, err
	}
	if !r.known {
		if err := r.begin(ctx); err != nil {
			return 0, err
		}
	}
	if why := r.anew(news); why != "" {
		r.log.Info("identities are decided anew", "reason", why)
		return r.rebuild(ctx, news)
	}
	r.guards = news.guards
	if news.decisions != r.progress.decisions {
		all, err := r.readDecisions(ctx)
		if err != nil {
			return 0, err
		}
		n, err := r.follow(ctx, live, decided(all))
		if changed += n; err != nil {
			return changed, err
		}
		r.progress.decisions = news.decisions
		if err := r.note(ctx, news.now); err != nil {
			return changed, err
		}
	}
	n, err := r.followQueue(ctx, news)
	return changed + n, err
}

// clock is that of the database, which all resolvers go by, as of the last answer and with what has passed since; Unix milliseconds.
func (r *Resolver) clock() int64 { return time.Now().UnixMilli() + r.ahead }
