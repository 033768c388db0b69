package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/livello/livello/internal/ask"
)

// next is where places are decided anew, beside the live tables. Resolvers that are not alone have tables of their own.
func (r *Resolver) next() tables {
	suffix := ""
	if r.shared {
		suffix = "_" + strings.ReplaceAll(r.id.String(), "-", "")
	}
	return tables{nextPrefix + "map" + suffix, nextPrefix + "pairs" + suffix, nextPrefix + "conflicts" + suffix}
}

const nextPrefix = "identity_next_"

// leftBehind drops tables of other resolvers that ended before they could.
func (r *Resolver) leftBehind(ctx context.Context) error {
	names, err := ask.Texts(ctx, r.db, "SELECT name FROM system.tables WHERE database = currentDatabase() AND match(name, '^"+nextPrefix+"[a-z]+(_[0-9a-f]{32})?$') AND metadata_modification_time < now() - INTERVAL 1 DAY")
	if err != nil {
		return fmt.Errorf("look for tables that were left behind: %w", err)
	}
	for _, name := range names {
		if err := r.db.Exec(ctx, "DROP TABLE IF EXISTS "+name+" SYNC"); err != nil {
			return fmt.Errorf("drop %s: %w", name, err)
		}
	}
	return nil
}

// Rebuild decides about everybody anew, from all evidence and decisions, beside what stands, and then writes what is different. It answers how
// many ids have another place.
func (r *Resolver) Rebuild(ctx context.Context) (changed int, err error) {
	r.one.Lock()
	defer r.one.Unlock()
	news, err := r.readNews(ctx)
	if err == nil && !r.known {
		err = r.begin(ctx)
	}
	if err == nil {
		changed, err = r.rebuild(ctx, news)
	}
	if err != nil {
		r.known = false
		return changed, fmt.Errorf("rebuild identities: %w", err)
	}
	return changed, nil
}

func (r *Resolver) rebuild(ctx context.Context, news news) (changed int, err error) {
	// What comes from here on is in the queue behind this block.
	block, err := ask.Number(ctx, r.db, "SELECT max(_block_number) FROM touched_edges")
	if err != nil {
		return 0, fmt.Errorf("read touched_edges: %w", err)
	}
	r.guards = news.guards
	r.seen.forget()
	any, err := ask.Number(ctx, r.db, "SELECT (SELECT count() FROM identity_edges) + (SELECT count() FROM person_map) + (SELECT count() FROM identity_decisions) + (SELECT count() FROM identity_conflicts)")
	if err != nil {
		return 0, fmt.Errorf("count identities: %w", err)
	}
	if any > 0 {
		if changed, err = r.decideAll(ctx); err != nil {
			return changed, err
		}
	}
	r.progress.block, r.progress.guards, r.progress.decisions = block, news.guards.text(), news.decisions
	if err := r.note(ctx, news.now); err != nil {
		return changed, err
	}
	return changed, r.answered(ctx, news.requests)
}

func (r *Resolver) decideAll(ctx context.Context) (changed int, err error) {
	if r.shared {
		if err := r.leftBehind(ctx); err != nil {
			return 0, err
		}
	}
	next := r.next()
	for name, as := range map[string]string{next.places: live.places, next.pairs: live.pairs, next.conflicts: live.conflicts} {
		if err := r.db.Exec(ctx, "CREATE OR REPLACE TABLE "+name+" AS "+as); err != nil {
			return 0, fmt.Errorf("make %s: %w", name, err)
		}
	}
	defer func() {
		for _, name := range []string{next.places, next.pairs, next.conflicts} {
			err = errors.Join(err, r.db.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+name+" SYNC"))
		}
	}()
	all, err := r.readDecisions(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := r.follow(ctx, next, decided(all)); err != nil {
		return 0, err
	}
	if err := r.decideByUser(ctx, next); err != nil {
		return 0, err
	}
	return r.swap(ctx, next)
}

// decideByUser goes through all ids that were seen with a user, those of one user together, so that most people are decided once.
func (r *Resolver) decideByUser(ctx context.Context, next tables) error {
	rows, err := r.db.Query(ctx, `SELECT distinct_id
FROM identity_edges
GROUP BY distinct_id
ORDER BY argMin(user_id, (first_at, user_id)), distinct_id
SETTINGS max_bytes_before_external_group_by = 268435456, max_bytes_before_external_sort = 268435456`)
	if err != nil {
		return fmt.Errorf("read identity_edges: %w", err)
	}
	defer rows.Close()
	ids := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("read identity_edges: %w", err)
		}
		ids[id] = true
		if len(ids) >= r.largeBatch {
			if _, err := r.follow(ctx, next, ids); err != nil {
				return err
			}
			clear(ids)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read identity_edges: %w", err)
	}
	_, err = r.follow(ctx, next, ids)
	return err
}

// swap writes what differs between the places beside and those that stand, in the order of write.
func (r *Resolver) swap(ctx context.Context, next tables) (changed int, err error) {
	const memory = "\nSETTINGS insert_deduplicate = 0, async_insert = 0, max_bytes_before_external_group_by = 268435456"
	latest, err := ask.Number(ctx, r.db, "SELECT toUInt64(greatest(0, toUnixTimestamp64Milli(max(at)))) FROM person_map")
	if err != nil {
		return 0, fmt.Errorf("read person_map: %w", err)
	}
	before := r.version
	now := r.later(max(r.clock(), int64(latest)+1))
	at := fmt.Sprintf("fromUnixTimestamp64Milli(toInt64(%d), 'UTC')", now)
	for _, s := range []struct{ into, sql string }{
		{live.pairs, `INSERT INTO person_pairs (person_id, distinct_id)
SELECT person_id, distinct_id FROM ` + next.pairs},
		{live.conflicts, `INSERT INTO identity_conflicts (distinct_id, user_id, reason, first_at, at, resolved)
SELECT distinct_id, user_id, if(stands, new.1, old.1), if(stands, new.2, old.2), ` + at + `, NOT stands
FROM
(
    SELECT distinct_id, user_id, anyIf((reason, first_at), side = 'new') AS new, anyIf((reason, first_at), side = 'old') AS old, countIf(side = 'new') > 0 AS stands, countIf(side = 'old') > 0 AS stood
    FROM
    (
        SELECT distinct_id, user_id, toString(reason) AS reason, first_at, 'new' AS side FROM ` + next.conflicts + ` FINAL
        UNION ALL
        SELECT distinct_id, user_id, toString(reason) AS reason, first_at, 'old' AS side FROM identity_conflicts FINAL
    )
    GROUP BY distinct_id, user_id
)
WHERE stands != stood OR new != old`},
		{live.places, `INSERT INTO person_map (distinct_id, person_id, since, earlier, at)
SELECT distinct_id, expected.1, expected.2, expected.3, ` + at + `
FROM
(
    SELECT
        distinct_id,
        if(countIf(side = 'new') > 0, anyIf((person_id, since, earlier), side = 'new'), (distinct_id, toDateTime64(0, 3, 'UTC'), CAST([], 'Array(Tuple(since DateTime64(3, \'UTC\'), person_id String))'))) AS expected,
        if(countIf(side = 'old') > 0, anyIf((person_id, since, earlier), side = 'old'), (distinct_id, toDateTime64(0, 3, 'UTC'), CAST([], 'Array(Tuple(since DateTime64(3, \'UTC\'), person_id String))'))) AS stood
    FROM
    (
        SELECT distinct_id, person_id, since, earlier, 'new' AS side FROM ` + next.places + ` FINAL
        UNION ALL
        SELECT distinct_id, person_id, since, earlier, 'old' AS side FROM person_map FINAL
    )
    GROUP BY distinct_id
)
WHERE expected != stood`},
	} {
		if err := r.db.Exec(ctx, s.sql+memory); err != nil {
			return 0, fmt.Errorf("write %s: %w", s.into, err)
		}
	}
	n, err := ask.Number(ctx, r.db, "SELECT count() FROM person_map WHERE at = "+at)
	if err != nil {
		return 0, fmt.Errorf("count what has changed: %w", err)
	}
	if n > 0 {
		if err := r.tell(ctx, before); err != nil {
			return int(n), err
		}
		if r.beside() {
			err := r.db.Exec(ctx, `INSERT INTO touched_edges (at, distinct_id, user_id, first_at)
SELECT nowInBlock64(3, 'UTC'), distinct_id, '', toDateTime64(0, 3, 'UTC')
FROM person_map
WHERE at = `+at+memory)
			if err != nil {
				return int(n), fmt.Errorf("write touched_edges: %w", err)
			}
		}
	}
	return int(n), nil
}
