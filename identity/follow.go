package identity

import (
	"context"
	"errors"
	"fmt"
)

// follow decides about the people that ids belong to or will belong to, and writes what is no longer as it was. It answers how many ids
// have another place.
func (r *Resolver) follow(ctx context.Context, in tables, ids map[string]bool) (changed int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	c, err := r.readCircle(ctx, in, ids)
	if c != nil {
		defer func() { err = errors.Join(err, c.done(ctx)) }()
	}
	if err != nil {
		return 0, err
	}
	places, refused := decide(c.circle, &r.guards)
	was, err := c.readConflicts(ctx)
	if err != nil {
		return 0, err
	}
	return r.write(ctx, c, places, was, refused)
}

// write brings the tables up to what was decided, in an order that loses nobody when it is cut off: who is left outside is in the conflicts, who
// came in is in the pairs, before places say so; what was a conflict goes last.
func (r *Resolver) write(ctx context.Context, c *reader, places map[string]place, was, refused map[pair]conflict) (changed int, err error) {
	now := r.later(max(r.clock(), c.newest+1)) // what another resolver wrote has to be replaced as well
	var pairs, rows, told, arisen, resolved, again rowBinary
	moved := map[string]bool{} // people who lost or got an id
	for id := range c.edges {
		p, old := places[id], c.old[id]
		if p.person == "" {
			p.person = id
		}
		if old.person == "" {
			old.person = id
		}
		if p.equal(old) {
			continue
		}
		changed++
		if p.person != id {
			pairs.text(p.person)
			pairs.text(id)
		}
		rows.text(id)
		rows.place(p)
		rows.int64(now)
		moved[p.person], moved[old.person] = true, true
		again.int64(now)
		again.text(id)
		again.text("")
		again.int64(0)
	}
	// All of these people have news, whichever of their ids a reader begins with. The circle holds every id of theirs.
	for id := range c.edges {
		p := places[id].person
		if p == "" {
			p = id
		}
		if moved[p] || moved[c.personOf(id)] {
			told.text(id)
		}
	}
	for p, x := range refused {
		if was[p] != x {
			arisen.conflict(p, x, now, 0)
		}
	}
	for p, x := range was {
		if _, stands := refused[p]; !stands {
			resolved.conflict(p, x, now, 1)
		}
	}
	conflicts := c.in.conflicts + " (distinct_id, user_id, reason, first_at, at, resolved)"
	for _, w := range []struct {
		into string
		rows *rowBinary
	}{
		{c.in.pairs + " (person_id, distinct_id)", &pairs},
		{conflicts, &arisen},
		{c.in.places + " (distinct_id, person_id, since, earlier, at)", &rows},
		{conflicts, &resolved},
	} {
		if err := r.insert(ctx, w.into, w.rows); err != nil {
			return 0, fmt.Errorf("write %s: %w", w.into, err)
		}
	}
	if c.in == live {
		if err := r.insert(ctx, "touched_ids (distinct_id)", &told); err != nil {
			return changed, fmt.Errorf("write touched_ids: %w", err)
		}
		if r.beside() {
			if err := r.insert(ctx, "touched_edges (at, distinct_id, user_id, first_at)", &again); err != nil {
				return changed, fmt.Errorf("write touched_edges: %w", err)
			}
		}
		if changed > 0 {
			r.news.Send()
		}
	}
	return changed, nil
}

// beside says that another resolver may run. What is written here may replace what that one decided meanwhile from newer evidence, so these ids are put
// into its queue, at no time: no evidence has that.
func (r *Resolver) beside() bool { return r.shared && !r.running.Load() }

// tell notes that ids whose place was decided after a moment have news, and so have the people they belong to or once did, with all their ids.
func (r *Resolver) tell(ctx context.Context, after int64) error {
	err := r.db.Exec(ctx, `INSERT INTO touched_ids (distinct_id)
WITH
    decided AS
    (
        SELECT distinct_id, person_id FROM person_map WHERE at > fromUnixTimestamp64Milli({after:Int64}, 'UTC')
    ),
    people AS
    (
        SELECT person_id AS id FROM decided
        UNION DISTINCT
        SELECT person_id FROM person_pairs WHERE distinct_id IN (SELECT distinct_id FROM decided)
        UNION DISTINCT
        SELECT distinct_id FROM decided
    )
SELECT id FROM people
UNION DISTINCT
SELECT distinct_id FROM person_pairs WHERE person_id IN (SELECT id FROM people)
SETTINGS insert_deduplicate = 0, async_insert = 0`, named("after", after))
	if err != nil {
		return fmt.Errorf("write touched_ids: %w", err)
	}
	r.news.Send()
	return nil
}

func (b *rowBinary) place(p place) {
	b.text(p.person)
	b.int64(p.since)
	b.length(len(p.earlier))
	for _, e := range p.earlier {
		b.int64(e.since)
		b.text(e.person)
	}
}

func (b *rowBinary) conflict(p pair, c conflict, at int64, resolved uint8) {
	b.text(p.id)
	b.text(p.user)
	b.text(c.reason)
	b.int64(c.first)
	b.int64(at)
	b.uint8(resolved)
}
