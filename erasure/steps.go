package erasure

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/livello/livello/internal/ask"
)

// step is one part of an erasure. It may run again after it was cut off, or done but not yet noted.
type step struct {
	name string
	run  func(context.Context, *work) error
	// alone: nobody may put rows of the person back meanwhile that were read before (Options.Pause).
	alone bool
}

// steps are in an order in which each finds what it needs: what is counted or told apart by events comes before these go, and
// the rollups are rebuilt when they are gone.
func (e *Eraser) steps() []step {
	return []step{
		{"settle", e.settle, false},
		{"note copies", e.noteRepeats, false},
		{"count per day", e.countDays, false},
		{"count", e.count, true},
		{"tell who is connected", e.tellNeighbours, true},
		{"remove", e.remove, true},
		{"blank in events of others", e.blank, true},
		{"recompute", e.recompute, false},
		{"check", e.check, true},
		{"remove from files", e.files, false},
	}
}

// run does all steps, and at last forgets the ids. Work that was cut off begins with the first step again: what a step finds done
// it does not do twice, and what was counted first stays.
func (e *Eraser) run(ctx context.Context, w *work) error {
	// The ids go before the certificate says done: a crash in between finds work without ids and only has to say so.
	if len(w.ids) > 0 {
		if err := e.runSteps(ctx, w); err != nil {
			return err
		}
	}
	if err := e.o.DB.Exec(ctx, "ALTER TABLE erased_ids DROP PARTITION '"+w.Request.String()+"'"); err != nil {
		return fmt.Errorf("forget the ids: %w", err)
	}
	w.state, w.step = stateDone, w.step+1
	if err := e.note(ctx, w); err != nil {
		return err
	}
	w.ids = nil
	if err := e.guard.done(w.held, e.o.Refuse); err != nil {
		return err
	}
	e.o.Logger.Info("person erased", "request", w.Request, "ids", w.IDs, "removed", w.Removed, "changed", w.Changed, "remaining_files", len(w.Remaining))
	return nil
}

func (e *Eraser) runSteps(ctx context.Context, w *work) (err error) {
	var resume func()
	defer func() {
		if resume != nil {
			resume()
		}
	}()
	for _, s := range e.steps() {
		switch {
		case s.alone && resume == nil && e.o.Pause != nil:
			if resume, err = e.o.Pause(ctx); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		case !s.alone && resume != nil:
			resume()
			resume = nil
		}
		if err := s.run(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		w.step++
		if err := e.note(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// ofPerson is the set of ids in a statement. The id itself never stands there.
func (w *work) ofPerson() string {
	return "(SELECT id FROM erased_ids WHERE request = '" + w.Request.String() + "')"
}

// settle has everything of the person in the database. Between the moment their ids were looked up and the one from which on their events are kept
// out, an event may have told of a further id: then that one is kept out, too. Work that goes on keeps to the ids it has: what was counted and
// removed before it was cut off is theirs, and whoever was joined to them since then was not asked for.
func (e *Eraser) settle(ctx context.Context, w *work) error {
	for {
		if err := e.o.Settle(ctx); err != nil || w.step > 0 {
			return err
		}
		ids, err := resolve(ctx, e.o.DB, w.ids)
		if err != nil || len(ids) == len(w.ids) {
			return err
		}
		if err := e.takeIn(ctx, w, ids); err != nil {
			return err
		}
	}
}

// count notes how many rows of each table go, and how many months of which rollups have to be recomputed.
func (e *Eraser) count(ctx context.Context, w *work) error {
	if len(w.Removed) > 0 { // before it was cut off
		return nil
	}
	tables, found, err := e.found(ctx, w)
	if err != nil {
		return err
	}
	for _, t := range tables {
		w.Removed[t.name] = found[t.name]
	}
	if w.Changed["events"], err = ask.Number(ctx, e.o.DB, "SELECT count() FROM events WHERE "+ofOthers(w)); err != nil {
		return err
	}
	for _, name := range counting {
		if w.Changed[name+monthsOf], err = e.monthsOf(ctx, w, name); err != nil {
			return fmt.Errorf("months of %s: %w", name, err)
		}
	}
	return nil
}

// found says how many rows of the person each table holds.
func (e *Eraser) found(ctx context.Context, w *work) (tables []table, found map[string]uint64, err error) {
	for try := 0; ; try++ {
		if tables, err = e.tables(ctx); err != nil {
			return nil, nil, err
		}
		// Others make tables and drop them: the loader, for segments that are doubtful.
		if found, err = e.foundIn(ctx, w, tables); !ask.NoTable(err) || try == 3 {
			return tables, found, err
		}
	}
}

func (e *Eraser) foundIn(ctx context.Context, w *work, tables []table) (map[string]uint64, error) {
	var each []string
	for _, t := range tables {
		each = append(each, "SELECT '"+t.name+"' AS name, count() AS n FROM "+t.name+" WHERE "+t.condition(w))
	}
	rows, err := e.o.DB.Query(ctx, strings.Join(each, "\nUNION ALL\n"))
	if err != nil {
		return nil, fmt.Errorf("count rows: %w", err)
	}
	defer rows.Close()
	found := map[string]uint64{}
	for rows.Next() {
		var name string
		var n uint64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, fmt.Errorf("count rows: %w", err)
		}
		found[name] = n
	}
	return found, rows.Err()
}

// tellNeighbours has the resolver look again at ids of others that were seen with the person: an id that too many users were seen with may be
// somebody's when there is one less.
func (e *Eraser) tellNeighbours(ctx context.Context, w *work) error {
	return e.o.DB.Exec(ctx, fmt.Sprintf(`INSERT INTO touched_edges (at, distinct_id, user_id, first_at)
SELECT now64(3, 'UTC'), id, '', now64(3, 'UTC')
FROM
(
    SELECT arrayJoin([distinct_id, user_id]) AS id FROM identity_edges WHERE distinct_id IN %[1]s OR user_id IN %[1]s
    UNION DISTINCT
    SELECT arrayJoin([distinct_id, user_id]) AS id FROM identity_conflicts WHERE distinct_id IN %[1]s OR user_id IN %[1]s
    UNION DISTINCT
    SELECT arrayJoin([distinct_id, user_id]) AS id FROM identity_decisions WHERE distinct_id IN %[1]s OR user_id IN %[1]s
)
WHERE id != '' AND id NOT IN %[1]s
SETTINGS async_insert = 0, insert_deduplicate = 0`, w.ofPerson()))
}

// remove deletes the rows of every table and waits until the parts without them are written. ALTER DELETE, not DELETE FROM: that would
// only mask the rows and leave them on the disk until the next merge.
func (e *Eraser) remove(ctx context.Context, w *work) error {
	tables, err := e.tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if n, counted := w.Removed[t.name]; counted && n == 0 {
			continue
		}
		if err := e.removeFrom(ctx, w, t); err != nil {
			return err
		}
	}
	return nil
}

func (e *Eraser) removeFrom(ctx context.Context, w *work, t table) error {
	condition := t.condition(w)
	if t.name == "identity_decisions" {
		splits, err := e.takenBack(ctx, w)
		if err != nil {
			return err
		}
		condition += splits
	}
	if err := e.o.DB.Exec(ctx, "ALTER TABLE "+t.name+" DELETE WHERE "+condition+mutation); err != nil && !ask.NoTable(err) {
		return fmt.Errorf("remove from %s: %w", t.name, err)
	}
	return nil
}

// mutation waits for every replica, and lets the condition look up the ids.
const mutation = " SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1"

// ofOthers are events of others that name one of the ids.
func ofOthers(w *work) string {
	return fmt.Sprintf("(anonymous_id IN %[1]s OR previous_id IN %[1]s) AND distinct_id NOT IN %[1]s", w.ofPerson())
}

// blank takes the ids out of events that are somebody else's.
func (e *Eraser) blank(ctx context.Context, w *work) error {
	if w.Changed["events"] == 0 {
		return nil
	}
	return e.o.DB.Exec(ctx, fmt.Sprintf(`ALTER TABLE events UPDATE
    anonymous_id = if(anonymous_id IN %[1]s, '', anonymous_id),
    previous_id = if(previous_id IN %[1]s, '', previous_id)
WHERE %[2]s`, w.ofPerson(), ofOthers(w))+mutation)
}

// recompute makes the rollups that count people without the person: they name nobody, but a count is one less (channel_hour holds hashes of ids to
// count people by).
func (e *Eraser) recompute(ctx context.Context, w *work) error {
	var tables []string
	for _, name := range counting {
		if w.Changed[name+monthsOf] > 0 {
			tables = append(tables, name)
		}
	}
	if e.o.Rebuilt != nil {
		if err := e.o.Rebuilt(ctx); err != nil {
			return fmt.Errorf("wait for a rebuild that is on its way: %w", err)
		}
	}
	if len(tables) > 0 {
		months, err := ask.Texts(ctx, e.o.DB, "SELECT DISTINCT toString(toStartOfMonth(day)) AS month FROM erased_days WHERE request = {request:UUID} ORDER BY month", named("request", w.Request.String()))
		if err != nil {
			return err
		}
		for _, text := range months {
			month, err := time.Parse(time.DateOnly, text)
			if err != nil {
				return err
			}
			if err := e.o.Rebuild(ctx, month, tables); err != nil {
				return fmt.Errorf("%s of %s: %w", strings.Join(tables, ", "), month.Format("2006-01"), err)
			}
		}
	}
	if e.o.Recount == nil || w.Removed["events"] == 0 {
		return nil
	}
	return e.o.Recount(ctx)
}

// check looks whether anything is left, and removes it again: a rebuild that was on its way may have brought rows back.
func (e *Eraser) check(ctx context.Context, w *work) error {
	for try := 0; ; try++ {
		tables, found, err := e.found(ctx, w)
		if err != nil {
			return err
		}
		var left []string
		for _, t := range tables {
			if found[t.name] == 0 {
				continue
			}
			if left = append(left, fmt.Sprintf("%d in %s", found[t.name], t.name)); try < 3 {
				if err := e.removeFrom(ctx, w, t); err != nil {
					return err
				}
			}
		}
		if len(left) == 0 {
			return nil
		}
		if try == 3 {
			return fmt.Errorf("rows of the person come back: %s", strings.Join(left, ", "))
		}
	}
}

// files comes last: what was removed from them before it was cut off is not counted again, so it is the one number that may be too small.
func (e *Eraser) files(_ context.Context, w *work) error {
	w.Remaining = []string{}
	if w.others {
		w.Remaining = append(w.Remaining, "files of another service on this database, in whose data folder this was begun: erase the person again through that service when it runs")
	}
	if e.o.Files == nil {
		return nil
	}
	removed, remaining, err := e.o.Files(w.ids)
	if err != nil {
		return err
	}
	for kind, n := range removed {
		w.Removed[kind] += n // with what was removed before it was cut off, as far as that was noted
	}
	w.Remaining = append(w.Remaining, remaining...)
	return nil
}
