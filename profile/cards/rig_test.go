package cards

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/identity"
	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/profile"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/tiers"
	"github.com/livello/livello/warehouse"
)

// rig is a warehouse with a resolver, an evaluator, and a store that follows it.
type rig struct {
	t *testing.T
	*warehouse.Warehouse
	resolver *identity.Resolver
	tiers    *tiers.Evaluator
	dir      string
	cards    *Store
	ahead    time.Duration // of the clock, which decisions of people are dated by
	count    int
	pending  *event.Columns
	lost     bool          // what is inserted is not taken over: the process dies before
	late     time.Duration // what is inserted was accepted so long ago
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, Warehouse: engine.Migrated(t), dir: filepath.Join(t.TempDir(), "profiles"), pending: event.New()}
	r.resolver = identity.New(identity.Options{DB: r})
	r.tiers = &tiers.Evaluator{DB: r, Now: r.now,
		Identity: func(ctx context.Context) error {
			_, err := r.resolver.Tick(ctx)
			return err
		},
		Written: func(version uint64) { r.cards.Evaluated(version) }}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *rig) now() time.Time { return time.Now().Add(r.ahead).UTC() }

// start opens the store, as a start of the service does.
func (r *rig) start() {
	r.t.Helper()
	r.cards = Open(Options{Dir: r.dir, DB: r, Logger: slog.New(slog.DiscardHandler)})
	if err := r.cards.Check(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) stop() {
	r.t.Helper()
	if err := r.cards.Close(); err != nil {
		r.t.Error(err)
	}
}

// kill is the end of a process that has no time: what was not on the disk is gone.
func (r *rig) kill() {
	r.t.Helper()
	r.cards.following.Lock()
	defer r.cards.following.Unlock()
	if err := r.cards.close(false); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) exec(statement string) {
	r.t.Helper()
	if err := r.Exec(context.Background(), statement); err != nil {
		r.t.Fatalf("%s: %v", statement, err)
	}
}

// did is an event of the next insert. With both ids it says that they are one person's.
func (r *rig) did(kind, anonymous, user string) {
	r.t.Helper()
	typ := "track"
	if kind == "identify" {
		typ = kind
	}
	r.happened(event.Row{
		Type: typ, Kind: kind, Name: kind, Channel: []string{"web", "email"}[r.count%2], AnonymousID: anonymous, UserID: user, Path: "/pricing", Value: 125_000, Currency: "EUR",
		Time: r.now().Add(-time.Duration(r.count%97) * time.Minute).UnixMilli(),
	})
}

// happened is an event of the next insert.
func (r *rig) happened(row event.Row) {
	r.count++
	row.EventID = uuid.New()
	row.ReceivedAt = time.Now().Add(-r.late).UnixMilli()
	r.pending.Append(&row)
}

// insert puts in what people did, and takes it over, as the loader does.
func (r *rig) insert() {
	r.t.Helper()
	if r.pending.Rows() == 0 {
		return
	}
	block := r.pending.EncodeBlock(nil)
	statement := fmt.Sprintf(`INSERT INTO events (%s)
SETTINGS insert_deduplication_token = 'test-%d', deduplicate_blocks_in_dependent_materialized_views = 1, async_insert = 0, optimize_on_insert = 0`, event.InsertColumns(), r.count)
	r.must(r.InsertFormat(context.Background(), "Native", statement, bytes.NewReader(block)))
	rows := r.pending.Rows()
	r.pending.Reset()
	if !r.lost {
		accepted := time.Now().Add(-r.late)
		r.cards.Take(accepted, accepted, func(each func([]byte, int) error) error { return each(block, rows) })
	}
}

// evaluate puts in what people did, as the loader does, and has everybody with news evaluated.
func (r *rig) evaluate() {
	r.t.Helper()
	r.insert()
	if _, err := r.tiers.Tick(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// catchUp has the store hold it.
func (r *rig) catchUp() {
	r.t.Helper()
	if err := r.cards.CatchUp(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// same compares what the store and the database say of ids. The store has to say it by itself.
func (r *rig) same(ids ...string) {
	r.t.Helper()
	for _, id := range ids {
		if p, err := r.cards.Get(id); err == profile.ErrNoCopy {
			r.t.Errorf("%s has to be asked of the database", id)
		} else if _, ok := r.cards.Recent(append(p.DistinctIDs, id), p.LastSeen); !ok {
			r.t.Errorf("what %s did last has to be asked of the database", id)
		}
	}
	r.compare(ids...)
}

// compare does so, whoever says it.
func (r *rig) compare(ids ...string) {
	r.t.Helper()
	database, copied := profile.NewReader(r, nil), profile.NewReader(r, r.cards)
	for _, id := range ids {
		want, got := answer(database.Get(r.t.Context(), id, true)), answer(copied.Get(r.t.Context(), id, true))
		if want != got {
			from := 0
			for from < min(len(got), len(want)) && got[from] == want[from] {
				from++
			}
			from = max(0, from-80)
			r.t.Errorf("%s\n   copy ...%.200s\ndatabase ...%.200s", id, got[from:], want[from:])
		}
	}
}

func answer(p profile.Profile, err error) string {
	if err != nil {
		return err.Error()
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// inFiles says which files of the store hold a text.
func (r *rig) inFiles(text string) (where []string) {
	r.t.Helper()
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), text) {
			where = append(where, d.Name())
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return where
}
