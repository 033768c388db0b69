package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// step is one part of an erasure. It may run again after it was cut off, or done but not yet noted.
type step struct {
	name string
	run  func(context.Context, *work) error
}

// steps are in an order in which each finds what it needs: what is counted or told apart by events comes before these go, and
// the rollups are rebuilt when they are gone.
func (e *Eraser) steps(ctx context.Context) ([]step, error) {
	named, err := e.tables(ctx)
	if err != nil {
		return nil, err
	}
	list := []step{
		{"settle", e.settle},
		{"note copies", e.noteRepeats},
		{"count per day", e.countDays},
		{"count", func(ctx context.Context, w *work) error { return e.count(ctx, w, named) }},
		{"note months", e.countMonths},
	}
	for _, t := range named {
		list = append(list, step{"remove from " + t.name, func(ctx context.Context, w *work) error { return e.remove(ctx, w, t) }})
	}
	return append(list,
		step{"blank in events of others", e.blank},
		step{"recompute", e.recompute},
		step{"check", func(ctx context.Context, w *work) error { return e.check(ctx, w, named) }},
		step{"look at files", e.files},
	), nil
}

// run does all steps, and at last forgets the ids. Work that was cut off begins with the first step again: what a step finds done
// it does not do twice, and what was counted first stays.
func (e *Eraser) run(ctx context.Context, w *work) error {
	steps, err := e.steps(ctx)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if err := s.run(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		w.step++
		if err := e.note(ctx, w); err != nil {
			return err
		}
	}
	// The ids go before the certificate says done: a crash in between finds work without ids and only has to say so.
	if err := e.o.DB.Exec(ctx, "ALTER TABLE erased_ids DROP PARTITION '"+w.Request.String()+"'"); err != nil {
		return fmt.Errorf("forget the ids: %w", err)
	}
	w.state, w.step = stateDone, w.step+1
	if err := e.note(ctx, w); err != nil {
		return err
	}
	w.ids = nil
	if !e.o.Refuse {
		if err := e.guard.remove(w.hashes); err != nil {
			return err
		}
	}
	e.o.Logger.Info("person erased", "request", w.Request, "ids", w.IDs, "removed", w.Removed, "changed", w.Changed, "remaining_files", len(w.Remaining))
	return nil
}

// ofPerson is the set of ids in a statement. The id itself never stands there.
func (w *work) ofPerson() string {
	return "(SELECT id FROM erased_ids WHERE request = '" + w.Request.String() + "')"
}

// table is one that names people.
type table struct {
	name, where string // where has %s for the set of ids
}

func (t *table) condition(w *work) string { return strings.ReplaceAll(t.where, "%s", w.ofPerson()) }

// idColumns name a person wherever they stand.
var idColumns = []string{"distinct_id", "user_id", "anonymous_id", "previous_id", "person_id"}

// tables are all of the database that name people, whichever migration made them, and events last. A row of events belongs to
// whom its distinct_id names; other ids in it may be of another person (a device that two share), and are blanked.
func (e *Eraser) tables(ctx context.Context) ([]table, error) {
	// rebuild_* are shadows of a rebuild that goes on or was cut off.
	columns, err := texts(ctx, e.o.DB, `SELECT concat(c.table, '.', c.name)
FROM system.columns AS c
INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
WHERE c.database = currentDatabase() AND t.engine LIKE '%MergeTree' AND c.type = 'String'
  AND NOT startsWith(c.table, 'rebuild_') AND c.table NOT IN ('events', 'erased_ids')
  AND has({columns:Array(String)}, c.name)
ORDER BY c.table, c.position`, named("columns", idColumns))
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var all []table
	for _, column := range columns {
		name, id, _ := strings.Cut(column, ".")
		if n := len(all); n > 0 && all[n-1].name == name {
			all[n-1].where += " OR " + id + " IN %s"
		} else {
			all = append(all, table{name, id + " IN %s"})
		}
	}
	there, err := texts(ctx, e.o.DB, "SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'quarantine'")
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	if len(there) > 0 {
		// A record that could not be read may be theirs all the same: it is when their id stands in it as a JSON text.
		all = append(all, table{"quarantine",
			"hasAny(ids, (SELECT groupArray(id) FROM %s)) OR arrayExists(text -> position(payload, text) > 0 OR position(envelope, text) > 0, (SELECT groupArray(concat('\"', id, '\"')) FROM %s))"})
	}
	return append(all, table{"events", "distinct_id IN %s"}), nil
}

func (e *Eraser) settle(ctx context.Context, _ *work) error { return e.o.Settle(ctx) }

// noteRepeats notes copies of their events that still lie side by side: receipts count every copy, and once they are gone nobody
// else can tell.
func (e *Eraser) noteRepeats(ctx context.Context, w *work) error {
	return e.o.DB.Exec(ctx, `INSERT INTO repeats (day, event_id, received_at)
SELECT toDate(ts), event_id, received_at
FROM events
WHERE distinct_id IN `+w.ofPerson()+` AND (distinct_id, ts, event_id) IN
(
    SELECT distinct_id, ts, event_id FROM events WHERE distinct_id IN `+w.ofPerson()+` GROUP BY distinct_id, ts, event_id HAVING count() > 1
)
SETTINGS async_insert = 0, insert_deduplicate = 0`)
}

// countDays writes into erased_days what verify must not miss.
func (e *Eraser) countDays(ctx context.Context, w *work) error {
	done, err := number(ctx, e.o.DB, "SELECT count() FROM erased_days WHERE request = {request:UUID}", named("request", w.Request.String()))
	if err != nil || done > 0 { // it was cut off before it was noted
		return err
	}
	answer, err := e.o.DB.QueryFormat(ctx, "TabSeparated", `SELECT '`+w.Request.String()+`', toDate(ts) AS day, count(), sum(cityHash64(event_id)), '`+w.BegunAt.Format("2006-01-02 15:04:05.000")+`'
FROM events FINAL
WHERE distinct_id IN `+w.ofPerson()+`
GROUP BY day
ORDER BY day`)
	if err != nil {
		return err
	}
	days, err := io.ReadAll(answer)
	if err = errors.Join(err, answer.Close()); err != nil || len(days) == 0 {
		return err
	}
	return e.o.DB.InsertFormat(ctx, "TabSeparated", "INSERT INTO erased_days (request, day, rows, id_sum, at) SETTINGS async_insert = 0", bytes.NewReader(days))
}

// count notes how many rows of each table go.
func (e *Eraser) count(ctx context.Context, w *work, tables []table) error {
	if len(w.Removed) > 0 { // before it was cut off
		return nil
	}
	for _, t := range tables {
		n, err := number(ctx, e.o.DB, "SELECT count() FROM "+t.name+" WHERE "+t.condition(w))
		if err != nil {
			return fmt.Errorf("count in %s: %w", t.name, err)
		}
		w.Removed[t.name] = n
	}
	n, err := number(ctx, e.o.DB, "SELECT count() FROM events WHERE "+ofOthers(w))
	if err != nil {
		return err
	}
	w.Changed["events"] = n
	return nil
}

// countMonths notes how many months of channel_hour have to be recomputed.
func (e *Eraser) countMonths(ctx context.Context, w *work) error {
	months, err := texts(ctx, e.o.DB, "SELECT DISTINCT formatDateTime(day, '%Y-%m') AS month FROM erased_days WHERE request = {request:UUID} ORDER BY month", named("request", w.Request.String()))
	if err != nil {
		return err
	}
	w.Changed["channel_hour_months"] = uint64(len(months))
	return nil
}

// remove deletes the rows of a table and waits until the parts without them are written. ALTER DELETE, not DELETE FROM: that would
// only mask the rows and leave them on the disk until the next merge.
func (e *Eraser) remove(ctx context.Context, w *work, t table) error {
	if w.Removed[t.name] == 0 {
		return nil
	}
	return e.o.DB.Exec(ctx, "ALTER TABLE "+t.name+" DELETE WHERE "+t.condition(w)+mutation)
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

// recompute makes channel_hour of the months without the person: it names nobody, but holds hashes of ids to count people by.
func (e *Eraser) recompute(ctx context.Context, w *work) error {
	months, err := texts(ctx, e.o.DB, "SELECT DISTINCT toString(toStartOfMonth(day)) AS month FROM erased_days WHERE request = {request:UUID} ORDER BY month", named("request", w.Request.String()))
	if err != nil {
		return err
	}
	for _, text := range months {
		month, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return err
		}
		if err := e.o.Rebuild(ctx, month); err != nil {
			return fmt.Errorf("channel_hour of %s: %w", month.Format("2006-01"), err)
		}
	}
	return nil
}

// check looks whether anything is left, and removes it again: a rebuild that was on its way may have brought rows back.
func (e *Eraser) check(ctx context.Context, w *work, tables []table) error {
	for try := 0; ; try++ {
		left := []string{}
		for _, t := range tables {
			n, err := number(ctx, e.o.DB, "SELECT count() FROM "+t.name+" WHERE "+t.condition(w))
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			if n == 0 {
				continue
			}
			if left = append(left, fmt.Sprintf("%d in %s", n, t.name)); try < 3 {
				if err := e.o.DB.Exec(ctx, "ALTER TABLE "+t.name+" DELETE WHERE "+t.condition(w)+mutation); err != nil {
					return fmt.Errorf("%s: %w", t.name, err)
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

func (e *Eraser) files(_ context.Context, w *work) (err error) {
	if e.o.Remaining != nil {
		w.Remaining, err = e.o.Remaining(w.ids)
	}
	if w.Remaining == nil {
		w.Remaining = []string{}
	}
	return err
}
