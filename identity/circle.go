package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// tables are where decided places are kept: live, or beside it while all is decided anew.
type tables struct{ places, pairs, conflicts string }

var live = tables{"person_map", "person_pairs", "identity_conflicts"}

// reader collects a circle from some ids: with everybody they can belong to, as far as joins lead.
type reader struct {
	*circle
	r      *Resolver
	in     tables
	batch  uuid.UUID
	round  uint16
	old    map[string]place    // where ids stand; only those that ever stood elsewhere than with themselves
	newest int64               // when the last of these was decided, Unix milliseconds
	linked map[string][]string // joins by hand, both ways
}

// readCircle reads everything that decides about ids. The caller drops its scope.
func (r *Resolver) readCircle(ctx context.Context, in tables, ids map[string]bool) (*reader, error) {
	decisions, err := r.readDecisions(ctx)
	if err != nil {
		return nil, err
	}
	links, split := standing(decisions)
	c := &reader{circle: &circle{edges: map[string][]edge{}, split: split}, r: r, in: in, batch: uuid.New(),
		old: map[string]place{}, linked: map[string][]string{}}
	for _, l := range links {
		c.linked[l.id] = append(c.linked[l.id], l.user)
		c.linked[l.user] = append(c.linked[l.user], l.id)
	}
	next := ids
	for len(next) > 0 {
		if next, err = c.step(ctx, next); err != nil {
			return c, err
		}
		if len(next) == 0 {
			if next, err = c.waiting(ctx); err != nil {
				return c, err
			}
		}
	}
	for _, l := range links {
		if _, ok := c.edges[l.id]; ok {
			c.links = append(c.links, l)
		}
	}
	return c, nil
}

// step reads what is known of ids and answers the ids that leads to.
func (c *reader) step(ctx context.Context, ids map[string]bool) (map[string]bool, error) {
	if err := c.scope(ctx, ids); err != nil {
		return nil, fmt.Errorf("note %d ids: %w", len(ids), err)
	}
	next := map[string]bool{}
	lead := func(id string) {
		if _, known := c.edges[id]; !known {
			next[id] = true
		}
	}
	for id := range ids {
		c.edges[id] = nil
	}
	if err := c.readEdges(ctx); err != nil {
		return nil, fmt.Errorf("read identity_edges: %w", err)
	}
	for id := range ids {
		if edges := c.edges[id]; len(edges) > 0 {
			if join, _ := candidate(id, edges, c.split, &c.r.guards, map[pair]conflict{}); join != nil {
				lead(join.user)
			}
		}
		for _, other := range c.linked[id] {
			lead(other)
		}
	}
	if err := c.readPlaces(ctx, ids, lead); err != nil {
		return nil, fmt.Errorf("read %s: %w", c.in.places, err)
	}
	return next, nil
}

// scope notes the ids of this round, for statements to refer to.
func (c *reader) scope(ctx context.Context, ids map[string]bool) error {
	c.round++
	var b rowBinary
	for id := range ids {
		b.uuid(c.batch)
		b.uint16(c.round)
		b.text(id)
	}
	return c.r.insert(ctx, "identity_scope (batch, round, distinct_id)", &b)
}

func (c *reader) ofRound() string {
	return fmt.Sprintf("(SELECT distinct_id FROM identity_scope WHERE batch = '%s' AND round = %d)", c.batch, c.round)
}

func (c *reader) ofBatch() string {
	return fmt.Sprintf("(SELECT distinct_id FROM identity_scope WHERE batch = '%s')", c.batch)
}

// readEdges reads the pairs of this round's ids, as many as decide.
func (c *reader) readEdges(ctx context.Context) error {
	rows, err := c.r.db.Query(ctx, `SELECT distinct_id, user_id, toUnixTimestamp64Milli(min(first_at)) AS first
FROM identity_edges
WHERE distinct_id IN `+c.ofRound()+`
GROUP BY distinct_id, user_id
ORDER BY distinct_id, first, user_id
LIMIT {users:UInt32} BY distinct_id`, named("users", c.r.guards.MaxUsers+1))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var e edge
		if err := rows.Scan(&e.id, &e.user, &e.first); err != nil {
			return err
		}
		c.edges[e.id] = append(c.edges[e.id], e)
	}
	return rows.Err()
}

// readPlaces reads where this round's ids stand, and who stands with them.
func (c *reader) readPlaces(ctx context.Context, ids map[string]bool, lead func(string)) error {
	rows, err := c.r.db.Query(ctx, fmt.Sprintf(`SELECT distinct_id, person_id, toUnixTimestamp64Milli(since), arrayMap(e -> toUnixTimestamp64Milli(e.since), earlier), arrayMap(e -> e.person_id, earlier), toUnixTimestamp64Milli(at)
FROM %[1]s FINAL
WHERE distinct_id IN %[3]s
   OR distinct_id IN (SELECT distinct_id FROM %[2]s WHERE person_id IN %[3]s)`, c.in.places, c.in.pairs, c.ofRound()))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, person string
		var since, at int64
		var times []int64
		var people []string
		if err := rows.Scan(&id, &person, &since, &times, &people, &at); err != nil {
			return err
		}
		c.newest = max(c.newest, at)
		p := place{person: person, since: since}
		for i := range times {
			p.earlier = append(p.earlier, prior{times[i], people[i]})
		}
		if ids[id] {
			c.old[id] = p
			lead(person)
			continue
		}
		if ids[person] { // else it once belonged to one of them
			lead(id)
		}
	}
	return rows.Err()
}

// waiting are ids that were refused because a person of the circle was full: if it no longer is, the first of them come in. Those behind
// them need not be known: they would be refused again.
func (c *reader) waiting(ctx context.Context) (map[string]bool, error) {
	rows, err := c.r.db.Query(ctx, fmt.Sprintf(`SELECT distinct_id
FROM %s FINAL
WHERE reason = '%s' AND user_id IN %s
ORDER BY first_at, distinct_id
LIMIT {ids:UInt32} BY user_id`, c.in.conflicts, TooLarge, c.ofBatch()), named("ids", c.r.guards.MaxIDs+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.in.conflicts, err)
	}
	defer rows.Close()
	next := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read %s: %w", c.in.conflicts, err)
		}
		if _, known := c.edges[id]; !known {
			next[id] = true
		}
	}
	return next, rows.Err()
}

// readConflicts reads what stands refused of the circle's ids.
func (c *reader) readConflicts(ctx context.Context) (map[pair]conflict, error) {
	rows, err := c.r.db.Query(ctx, fmt.Sprintf(`SELECT distinct_id, user_id, reason, toUnixTimestamp64Milli(first_at)
FROM %s FINAL
WHERE distinct_id IN %s`, c.in.conflicts, c.ofBatch()))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.in.conflicts, err)
	}
	defer rows.Close()
	all := map[pair]conflict{}
	for rows.Next() {
		var p pair
		var was conflict
		if err := rows.Scan(&p.id, &p.user, &was.reason, &was.first); err != nil {
			return nil, fmt.Errorf("read %s: %w", c.in.conflicts, err)
		}
		all[p] = was
	}
	return all, rows.Err()
}

// done forgets the scope. What is left of it goes by itself after an hour.
func (c *reader) done(ctx context.Context) error {
	if c.round == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return c.r.db.Exec(ctx, "ALTER TABLE identity_scope DROP PARTITION '"+c.batch.String()+"'")
}
