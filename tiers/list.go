package tiers

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/ask"
)

// renewAfter is how old a list may be before it is written again: evaluation_scope forgets its rows after an hour, whole parts at a time.
const renewAfter = 20 * time.Minute

// list is ids in evaluation_scope that are evaluated a run at a time.
type list struct {
	id     uuid.UUID
	made   time.Time
	ids    uint64   // in it
	size   uint64   // of a run; the last one may be smaller
	firsts []string // where each run begins; the first one with whatever comes first
	done   int      // runs that next has told
}

// run is the ids of a list from first to before end; an empty end is that of the list.
type run struct{ first, end string }

// next is the next run, if there is one.
func (l *list) next() (r run, more bool) {
	if l.done == len(l.firsts) {
		return r, false
	}
	r.first = l.firsts[l.done]
	if l.done++; l.done < len(l.firsts) {
		r.end = l.firsts[l.done]
	}
	return r, true
}

// cut makes runs of the ids that are listed under an id. Of a long list the people behind the ids are cut, as of the moment at.
func (e *Evaluator) cut(ctx context.Context, id uuid.UUID, at time.Time) (*list, error) {
	l := &list{id: id, made: time.Now(), size: batchSize}
	if e.Batch > 0 {
		l.size = uint64(e.Batch)
	}
	var err error
	if l.ids, err = e.listed(ctx, id, ""); err != nil || l.ids == 0 {
		return l, err
	}
	if l.ids <= l.size {
		l.firsts = []string{""}
		return l, nil
	}
	l.id = uuid.New()
	if err := e.do(ctx, "people", moment("at", at), named("list", id.String()), named("people", l.id.String())); err != nil {
		return l, err
	}
	if l.ids, err = e.listed(ctx, l.id, ""); err != nil {
		return l, err
	}
	text, err := statement("cuts")
	if err != nil {
		return l, err
	}
	if l.firsts, err = ask.Texts(ctx, e.DB, text, named("list", l.id.String()), named("size", l.size)); err != nil {
		return l, fmt.Errorf("cut a list: %w", err)
	}
	return l, nil
}

// listed counts the ids of a list from one on.
func (e *Evaluator) listed(ctx context.Context, id uuid.UUID, first string) (uint64, error) {
	n, err := ask.Number(ctx, e.DB, "SELECT count() FROM evaluation_scope WHERE batch = {list:UUID} AND distinct_id >= {first:String}", named("list", id.String()), named("first", first))
	if err != nil {
		return 0, fmt.Errorf("count a list: %w", err)
	}
	return n, nil
}

// keep sees to it that the run told last and all after it are still listed, and writes them again before the table forgets them. An error says that some are
// gone, which takes a clock that stepped: the people it was about stay in the queue or due.
func (e *Evaluator) keep(ctx context.Context, l *list) error {
	if len(l.firsts) < 2 {
		return nil
	}
	first, before := l.firsts[l.done-1], uint64(l.done-1)*l.size
	if time.Since(l.made) >= e.renew() {
		again := uuid.New()
		if err := e.do(ctx, "list_again", named("list", l.id.String()), named("first", first), named("again", again.String())); err != nil {
			return err
		}
		l.id, l.made = again, time.Now()
	}
	n, err := e.listed(ctx, l.id, first)
	if err != nil {
		return err
	}
	if n != l.ids-before {
		return fmt.Errorf("a list of people to evaluate has %d ids left of %d: the table evaluation_scope has forgotten them before their time; they are listed again", n, l.ids-before)
	}
	return nil
}

// renew is renewAfter, or what a test says.
func (e *Evaluator) renew() time.Duration {
	if e.renewAfter != 0 {
		return e.renewAfter
	}
	return renewAfter
}
