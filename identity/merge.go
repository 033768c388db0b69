package identity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// Change is what a merge or split by hand did.
type Change struct {
	Decision uuid.UUID `json:"decision"`
	Action   string    `json:"action"`
	Moved    []Move    `json:"moved"` // ids that belong to another person than before, sorted
}

// Move is an id that changed hands.
type Move struct {
	ID   string `json:"id"`
	From string `json:"from"` // the person it belonged to
	To   string `json:"to"`
}

// Merge says that two ids are one person, named as the first one is. What was known of both stays; Split of either person takes it back.
// Reason and by are kept.
func (r *Resolver) Merge(ctx context.Context, keep, other, reason, by string) (Change, error) {
	r.one.Lock()
	defer r.one.Unlock()
	if err := needs(reason, keep, other); err != nil {
		return Change{}, err
	}
	var done Change
	err := r.deciding(ctx, []string{keep, other}, func(c *reader) (decision, []string, error) {
		a, b := c.personOf(keep), c.personOf(other)
		if a == b {
			return decision{}, nil, fmt.Errorf("%q and %q are one person already: %q", keep, other, a)
		}
		d := decision{action: actionMerge, id: b, user: a}
		// Tried first, so that nothing is written down that would not be followed.
		trial := *c.circle
		trial.links = append(slices.Clip(trial.links), edge{b, a, r.later(r.clock())})
		if _, refused := decide(&trial, &r.guards); refused[pair{b, a}].reason == TooLarge {
			return decision{}, nil, fmt.Errorf("together they would have more than %d ids, which no person has (identity_max_ids of the definitions)", r.guards.MaxIDs)
		}
		return d, []string{keep, other}, nil
	}, reason, by, &done)
	return done, err
}

// Split takes an id out of the person it belongs to, with the ids that belong to it. When the id was merged by hand, that is taken back; otherwise
// the evidence up to now that joined it to others no longer counts.
func (r *Resolver) Split(ctx context.Context, id, reason, by string) (Change, error) {
	r.one.Lock()
	defer r.one.Unlock()
	if err := needs(reason, id); err != nil {
		return Change{}, err
	}
	var done Change
	err := r.deciding(ctx, []string{id}, func(c *reader) (decision, []string, error) {
		joined := slices.ContainsFunc(c.links, func(l edge) bool { return l.id == id || l.user == id })
		if person := c.personOf(id); person == id && !joined {
			var others []string
			for other, p := range c.old {
				if p.person == id && other != id {
					others = append(others, other)
				}
			}
			if len(others) == 0 {
				return decision{}, nil, fmt.Errorf("%q belongs to nobody else: there is nothing to split", id)
			}
			slices.Sort(others)
			return decision{}, nil, fmt.Errorf("%q is what the person is named by; split the id that does not belong to it, such as %q", id, others[0])
		}
		return decision{action: actionSplit, id: id}, []string{id}, nil
	}, reason, by, &done)
	return done, err
}

func needs(reason string, ids ...string) error {
	for _, id := range ids {
		if id == "" {
			return errors.New("an id is empty")
		}
	}
	if reason == "" {
		return errors.New("say why (--reason): it is kept with the decision")
	}
	return nil
}

// deciding has a decision made from what is known of ids, writes it down and follows it.
func (r *Resolver) deciding(ctx context.Context, ids []string, make func(*reader) (decision, []string, error), reason, by string, done *Change) (err error) {
	defer func() {
		if err != nil {
			r.known = false
		}
	}()
	if _, err := r.tick(ctx); err != nil {
		return fmt.Errorf("resolve identities: %w", err)
	}
	about := map[string]bool{}
	for _, id := range ids {
		if err := r.exists(ctx, id); err != nil {
			return err
		}
		about[id] = true
	}
	c, err := r.readCircle(ctx, live, about)
	if c != nil {
		defer func() { err = errors.Join(err, c.done(ctx)) }()
	}
	if err != nil {
		return err
	}
	d, given, err := make(c)
	if err != nil {
		return err
	}
	d.at = r.later(r.clock())
	done.Decision, done.Action, done.Moved = uuid.New(), d.action, []Move{}
	var row rowBinary
	row.int64(d.at)
	row.uuid(done.Decision)
	row.text(d.action)
	row.text(d.id)
	row.text(d.user)
	row.length(len(given))
	for _, id := range given {
		row.text(id)
	}
	row.text(reason)
	row.text(by)
	if err := r.insert(ctx, "identity_decisions (at, decision, action, distinct_id, user_id, named, reason, decided_by)", &row); err != nil {
		return fmt.Errorf("write the decision down: %w", err)
	}
	if _, err := r.tick(ctx); err != nil {
		return fmt.Errorf("the decision is written down, and followed with the next events: %w", err)
	}
	return r.moved(ctx, c, done)
}

// moved compares where the ids of a circle stood with where they stand.
func (r *Resolver) moved(ctx context.Context, before *reader, done *Change) (err error) {
	ids := map[string]bool{}
	for id := range before.edges {
		ids[id] = true
	}
	after, err := r.readCircle(ctx, live, ids)
	if after != nil {
		defer func() { err = errors.Join(err, after.done(ctx)) }()
	}
	if err != nil {
		return fmt.Errorf("look what has changed: %w", err)
	}
	for _, id := range slices.Sorted(maps.Keys(after.edges)) {
		if from, to := before.personOf(id), after.personOf(id); from != to {
			done.Moved = append(done.Moved, Move{id, from, to})
		}
	}
	return nil
}
