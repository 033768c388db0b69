package tiers

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

const (
	// renewAfter is how old a list may be before it is written again: evaluation_scope forgets its rows after an hour, whole parts at a time.
	renewAfter = 20 * time.Minute
	// partRuns is for how many runs of ids at once it is asked whose they are: memory is a matter of this number, not of how long the list is.
	partRuns = 10
)

// list is ids in evaluation_scope that are evaluated a run at a time.
type list struct {
	id   uuid.UUID
	made time.Time
	rows uint64 // of the list
	runs []run
	done int // runs that next has told
}

// run is the ids of a list from first to before end; an empty end is that of the list.
type run struct {
	first, end string
	before     uint64 // rows of the list before first
}

// next is the next run, if there is one.
func (l *list) next() (r run, more bool) {
	if l.done == len(l.runs) {
		return r, false
	}
	l.done++
	return l.runs[l.done-1], true
}

// cut makes runs of the ids that are listed under an id. Of a long list the people behind the ids are cut, as of the moment at.
func (e *Evaluator) cut(ctx context.Context, id uuid.UUID, at time.Time) (*list, error) {
	size := uint64(batchSize)
	if e.Batch > 0 {
		size = uint64(e.Batch)
	}
	listed, err := e.listed(ctx, id, "")
	l := &list{id: id, made: time.Now(), rows: listed}
	if err != nil || listed == 0 {
		return l, err
	}
	if listed <= size {
		l.runs = []run{{}}
		return l, nil
	}
	parts, err := e.runs(ctx, id, partRuns*size)
	if err != nil {
		return l, err
	}
	l.id = uuid.New()
	for _, part := range parts {
		if err := e.do(ctx, "people", moment("at", at), named("list", id.String()), named("people", l.id.String()), named("first", part.first), named("end", part.end)); err != nil {
			return l, err
		}
	}
	if err := e.check(ctx, id, run{}, listed); err != nil {
		return l, err
	}
	if l.rows, err = e.listed(ctx, l.id, ""); err != nil {
		return l, err
	}
	l.runs, err = e.runs(ctx, l.id, size)
	return l, err
}

// runs cuts what is listed under an id into runs of so many ids, however often each is listed.
func (e *Evaluator) runs(ctx context.Context, id uuid.UUID, size uint64) (all []run, err error) {
	text, err := statement("cuts")
	if err != nil {
		return nil, err
	}
	rows, err := e.DB.Query(e.gently(ctx), text, named("list", id.String()), named("size", size))
	if err != nil {
		return nil, fmt.Errorf("cut a list: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r run
		if err := rows.Scan(&r.first, &r.before); err != nil {
			return nil, fmt.Errorf("cut a list: %w", err)
		}
		if len(all) > 0 {
			all[len(all)-1].end = r.first
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("cut a list: %w", err)
	}
	return all, nil
}

// listed counts the rows of a list from an id on.
func (e *Evaluator) listed(ctx context.Context, id uuid.UUID, first string) (n uint64, err error) {
	err = e.DB.QueryRow(ctx, "SELECT count() FROM evaluation_scope WHERE batch = {list:UUID} AND distinct_id >= {first:String}", named("list", id.String()), named("first", first)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count a list: %w", err)
	}
	return n, nil
}

// check sees to it that a run and all after it are still listed, of so many rows that the list had. An error says that some are gone, which takes a clock
// that stepped: the people it was about stay in the queue or due.
func (e *Evaluator) check(ctx context.Context, id uuid.UUID, r run, rows uint64) error {
	n, err := e.listed(ctx, id, r.first)
	if err != nil {
		return err
	}
	if n != rows-r.before {
		return fmt.Errorf("a list of people to evaluate has %d rows left of %d: the table evaluation_scope has forgotten them before their time; they are listed again", n, rows-r.before)
	}
	return nil
}

// keep sees to it that a run and all after it are still listed, and writes them again before the table forgets them.
func (e *Evaluator) keep(ctx context.Context, l *list, r run) error {
	if len(l.runs) < 2 {
		return nil
	}
	after := e.renewAfter
	if after == 0 {
		after = renewAfter
	}
	if time.Since(l.made) >= after {
		again := uuid.New()
		if err := e.do(ctx, "list_again", named("list", l.id.String()), named("first", r.first), named("again", again.String())); err != nil {
			return err
		}
		l.id, l.made = again, time.Now()
	}
	return e.check(ctx, l.id, r, l.rows)
}
