package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/livello/livello/internal/ask"
)

// Person is what is known of who somebody is.
type Person struct {
	Person    string     `json:"person_id"`
	IDs       []ID       `json:"ids"`       // all of them, the person's own first, then as they came
	Conflicts []Conflict `json:"conflicts"` // evidence about one of the ids that was not followed, the oldest first
	Decisions []Decision `json:"decisions"` // of people, about one of the ids, the oldest first
}

// ID is one id of a person.
type ID struct {
	ID       string     `json:"id"`
	Since    *time.Time `json:"since,omitempty"` // from when on it belongs to the person; nil: the person's own
	Earlier  []Earlier  `json:"earlier,omitempty"`
	Evidence []Evidence `json:"evidence,omitempty"`
}

// Earlier is whose an id was before.
type Earlier struct {
	Person string    `json:"person_id"`
	Since  time.Time `json:"since"`
}

// Evidence is what events said of two ids.
type Evidence struct {
	User   string    `json:"user_id"`
	Kind   string    `json:"kind"` // identify or alias
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	Events uint64    `json:"events"`
}

// Conflict is evidence that was not followed.
type Conflict struct {
	ID     string    `json:"distinct_id"`
	User   string    `json:"user_id,omitempty"` // empty: it is about all users of the id
	Reason string    `json:"reason"`
	First  time.Time `json:"first"`  // first evidence
	Events uint64    `json:"events"` // that say so
}

// Decision is what somebody decided by hand.
type Decision struct {
	At     time.Time `json:"at"`
	Action string    `json:"action"`
	ID     string    `json:"distinct_id"`
	User   string    `json:"user_id,omitempty"`
	Named  []string  `json:"named,omitempty"` // the ids as they were given
	Reason string    `json:"reason"`
	By     string    `json:"by"`
}

// ErrUnknown is about an id that nothing is known of.
var ErrUnknown = errors.New("nothing is known of it")

// Show answers who an id is and why, after following what is new. An id that nobody ever saw is ErrUnknown.
func (r *Resolver) Show(ctx context.Context, id string) (Person, error) {
	r.one.Lock()
	defer r.one.Unlock()
	if _, err := r.tick(ctx); err != nil {
		r.known = false
		return Person{}, fmt.Errorf("resolve identities: %w", err)
	}
	if err := r.exists(ctx, id); err != nil {
		return Person{}, err
	}
	p, err := r.show(ctx, id)
	if err != nil {
		return Person{}, fmt.Errorf("look up %q: %w", id, err)
	}
	return p, nil
}

// exists answers ErrUnknown for an id that is nowhere.
func (r *Resolver) exists(ctx context.Context, id string) error {
	n, err := ask.Number(ctx, r.db, `SELECT count()
FROM
(
    SELECT 1 FROM (SELECT 1 FROM events WHERE distinct_id = {id:String} LIMIT 1)
    UNION ALL
    SELECT 1 FROM (SELECT 1 FROM identity_edges WHERE distinct_id = {id:String} OR user_id = {id:String} LIMIT 1)
    UNION ALL
    SELECT 1 FROM (SELECT 1 FROM person_map WHERE distinct_id = {id:String} LIMIT 1)
)`, named("id", id))
	if err != nil {
		return fmt.Errorf("look up %q: %w", id, err)
	}
	if n == 0 {
		return fmt.Errorf("id %q: %w; ids are written as the events have them", id, ErrUnknown)
	}
	return nil
}

func (r *Resolver) show(ctx context.Context, id string) (_ Person, err error) {
	c, err := r.readCircle(ctx, live, map[string]bool{id: true})
	if c != nil {
		defer func() { err = errors.Join(err, c.done(ctx)) }()
	}
	if err != nil {
		return Person{}, err
	}
	p := Person{Person: c.personOf(id), IDs: []ID{}, Conflicts: []Conflict{}, Decisions: []Decision{}}
	of := map[string]*ID{p.Person: {ID: p.Person}}
	for id, at := range c.old {
		if at.person != p.Person {
			continue
		}
		one := &ID{ID: id}
		if id != p.Person {
			since := time.UnixMilli(at.since).UTC()
			one.Since = &since
		}
		for _, e := range at.earlier {
			one.Earlier = append(one.Earlier, Earlier{e.person, time.UnixMilli(e.since).UTC()})
		}
		of[id] = one
	}
	if err := c.showEvidence(ctx, of); err != nil {
		return Person{}, err
	}
	if p.Conflicts, err = c.showConflicts(ctx, of); err != nil {
		return Person{}, err
	}
	if p.Decisions, err = c.showDecisions(ctx, of); err != nil {
		return Person{}, err
	}
	for _, one := range of {
		p.IDs = append(p.IDs, *one)
	}
	slices.SortFunc(p.IDs, func(a, b ID) int {
		switch {
		case a.Since == nil:
			return -1
		case b.Since == nil:
			return 1
		}
		return cmp.Or(a.Since.Compare(*b.Since), strings.Compare(a.ID, b.ID))
	})
	return p, nil
}

func (c *reader) personOf(id string) string {
	if p, ok := c.old[id]; ok {
		return p.person
	}
	return id
}

func (c *reader) showEvidence(ctx context.Context, of map[string]*ID) error {
	rows, err := c.r.db.Query(ctx, `SELECT distinct_id, user_id, toString(kind) AS how, min(first_at) AS first, max(last_at) AS last, sum(evidence)
FROM identity_edges
WHERE distinct_id IN `+c.ofBatch()+`
GROUP BY distinct_id, user_id, how
ORDER BY distinct_id, first, user_id, how`)
	if err != nil {
		return fmt.Errorf("read identity_edges: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var e Evidence
		if err := rows.Scan(&id, &e.User, &e.Kind, &e.First, &e.Last, &e.Events); err != nil {
			return fmt.Errorf("read identity_edges: %w", err)
		}
		if one := of[id]; one != nil {
			e.First, e.Last = e.First.UTC(), e.Last.UTC()
			one.Evidence = append(one.Evidence, e)
		}
	}
	return rows.Err()
}

func (c *reader) showConflicts(ctx context.Context, of map[string]*ID) ([]Conflict, error) {
	rows, err := c.r.db.Query(ctx, fmt.Sprintf(`SELECT x.distinct_id, x.user_id, toString(x.reason), x.first_at, e.events
FROM
(
    SELECT distinct_id, user_id, reason, first_at
    FROM identity_conflicts FINAL
    WHERE distinct_id IN %[1]s OR user_id IN %[1]s
    ORDER BY first_at, distinct_id, user_id
    LIMIT 1000
) AS x
LEFT JOIN
(
    SELECT distinct_id, user_id, sum(evidence) AS events
    FROM identity_edges
    WHERE distinct_id IN %[1]s OR user_id IN %[1]s
    GROUP BY distinct_id, user_id
) AS e ON e.distinct_id = x.distinct_id AND e.user_id = x.user_id
ORDER BY x.first_at, x.distinct_id, x.user_id
SETTINGS join_use_nulls = 0`, c.ofBatch()))
	if err != nil {
		return nil, fmt.Errorf("read identity_conflicts: %w", err)
	}
	defer rows.Close()
	all := []Conflict{}
	for rows.Next() {
		var x Conflict
		if err := rows.Scan(&x.ID, &x.User, &x.Reason, &x.First, &x.Events); err != nil {
			return nil, fmt.Errorf("read identity_conflicts: %w", err)
		}
		if x.First = x.First.UTC(); of[x.ID] != nil || of[x.User] != nil {
			all = append(all, x)
		}
	}
	return all, rows.Err()
}

func (c *reader) showDecisions(ctx context.Context, of map[string]*ID) ([]Decision, error) {
	rows, err := c.r.db.Query(ctx, "SELECT at, toString(action), distinct_id, user_id, named, reason, decided_by FROM identity_decisions ORDER BY at, decision")
	if err != nil {
		return nil, fmt.Errorf("read identity_decisions: %w", err)
	}
	defer rows.Close()
	all := []Decision{}
	for rows.Next() {
		var d Decision
		if err := rows.Scan(&d.At, &d.Action, &d.ID, &d.User, &d.Named, &d.Reason, &d.By); err != nil {
			return nil, fmt.Errorf("read identity_decisions: %w", err)
		}
		if d.At = d.At.UTC(); of[d.ID] != nil || d.User != "" && of[d.User] != nil {
			all = append(all, d)
		}
	}
	return all, rows.Err()
}
