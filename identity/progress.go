package identity

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/ask"
)

const (
	noteEvery = time.Hour      // progress is written at least so often
	tooOld    = 36 * time.Hour // touched_edges keeps two days
)

// progress is the row of identity_progress.
type progress struct {
	at        int64 // Unix milliseconds; 0: there is no row
	block     uint64
	guards    string
	decisions uint64
}

// news is what the database says before a tick.
type news struct {
	now       int64 // its clock, Unix milliseconds
	decisions uint64
	requests  []uuid.UUID // to decide about everybody anew
	guards    Guards
}

// text is the guards as identity_progress keeps them.
func (g *Guards) text() string {
	return strconv.Itoa(g.MaxUsers) + " users, " + strconv.Itoa(g.MaxIDs) + " ids, without " + strings.Join(g.Roles, " ")
}

// readNews also reads the guards: those of the definitions, or ours when there are none.
func (r *Resolver) readNews(ctx context.Context) (news, error) {
	n, version, err := r.askNews(ctx, "version, identity_max_users, identity_max_ids, role_names FROM definition")
	if ask.NoTable(err) {
		n, version, err = r.askNews(ctx, "toUInt32(0), toUInt16(0), toUInt32(0), CAST([], 'Array(String)')")
	}
	if err != nil {
		return news{}, fmt.Errorf("read how far identities are: %w", err)
	}
	if version == 0 {
		n.guards = DefaultGuards()
	}
	if r.fixed != nil {
		n.guards = *r.fixed
		n.guards.Roles = slices.Clone(r.fixed.Roles)
	}
	for i, role := range n.guards.Roles {
		n.guards.Roles[i] = strings.ToLower(role)
	}
	slices.Sort(n.guards.Roles)
	n.guards.MaxUsers, n.guards.MaxIDs = max(n.guards.MaxUsers, 1), max(n.guards.MaxIDs, 2)
	return n, nil
}

func (r *Resolver) askNews(ctx context.Context, guards string) (n news, version uint32, err error) {
	rows, err := r.db.Query(ctx, `SELECT
    toUnixTimestamp64Milli(now64(3)),
    (SELECT count() FROM identity_decisions),
    (SELECT groupArray(request) FROM recomputations FINAL WHERE what = 'identities' AND sign > 0),
    `+guards)
	if err != nil {
		return n, 0, err
	}
	defer rows.Close()
	if rows.Next() {
		var users uint16
		var ids uint32
		if err := rows.Scan(&n.now, &n.decisions, &n.requests, &version, &users, &ids, &n.guards.Roles); err != nil {
			return n, 0, err
		}
		n.guards.MaxUsers, n.guards.MaxIDs = int(users), int(ids)
		r.ahead = n.now - time.Now().UnixMilli()
	}
	return n, version, rows.Err()
}

// begin reads how far a process before came. What it changed behind that point may have told nobody: that is told again.
func (r *Resolver) begin(ctx context.Context) error {
	rows, err := r.db.Query(ctx, "SELECT toUnixTimestamp64Milli(at), block, guards, decisions FROM identity_progress FINAL")
	if err != nil {
		return fmt.Errorf("read identity_progress: %w", err)
	}
	defer rows.Close()
	r.progress = progress{}
	for rows.Next() {
		if err := rows.Scan(&r.progress.at, &r.progress.block, &r.progress.guards, &r.progress.decisions); err != nil {
			return fmt.Errorf("read identity_progress: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read identity_progress: %w", err)
	}
	last, err := ask.Number(ctx, r.db, "SELECT toUInt64(greatest(0, toUnixTimestamp64Milli(max(at)))) FROM person_map")
	if err != nil {
		return fmt.Errorf("read person_map: %w", err)
	}
	if int64(last) > r.progress.at {
		if err := r.tell(ctx, r.progress.at); err != nil {
			return err
		}
	}
	r.version = max(r.progress.at, int64(last))
	r.known = true
	return nil
}

// anew says why everything has to be decided anew, or nothing.
func (r *Resolver) anew(n news) string {
	switch {
	case r.progress.at == 0:
		return "nothing was decided yet"
	case r.progress.guards != n.guards.text():
		return "the limits are others"
	case n.now-r.progress.at > tooOld.Milliseconds():
		return "the queue no longer holds everything since the last time"
	case len(n.requests) > 0:
		return "identity_edges was rebuilt"
	}
	return ""
}

// answered takes back the requests that were there before everything was decided anew. Those that came since stay.
func (r *Resolver) answered(ctx context.Context, requests []uuid.UUID) error {
	for some := range slices.Chunk(requests, 1000) { // so that a statement stays far below the longest that ClickHouse reads
		list := make([]string, len(some))
		for i, id := range some {
			list[i] = "'" + id.String() + "'"
		}
		err := r.db.Exec(ctx, `INSERT INTO recomputations (what, day, request, at, sign)
SELECT what, day, request, at, -1
FROM recomputations FINAL
WHERE what = 'identities' AND sign > 0 AND request IN (`+strings.Join(list, ", ")+`)
SETTINGS async_insert = 0, insert_deduplicate = 0`)
		if err != nil {
			return fmt.Errorf("note that identities are decided anew: %w", err)
		}
	}
	return nil
}

// note writes down how far the work is.
func (r *Resolver) note(ctx context.Context, now int64) error {
	r.progress.at = r.later(now)
	var b rowBinary
	b.uint8(1)
	b.int64(r.progress.at)
	b.uint64(r.progress.block)
	b.text(r.progress.guards)
	b.uint64(r.progress.decisions)
	if err := r.insert(ctx, "identity_progress (one, at, block, guards, decisions)", &b); err != nil {
		return fmt.Errorf("note how far identities are: %w", err)
	}
	return nil
}

// later is the time of what is written now: the clock, but never before what was written last.
func (r *Resolver) later(now int64) int64 {
	r.version = max(now, r.version+1)
	return r.version
}
