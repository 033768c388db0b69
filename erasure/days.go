package erasure

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/ask"
)

// What verify expects in events is what receipts say, less copies (repeats), less what was erased (erased_days). So two of the steps write down what goes
// before it does: copies that still lie side by side, and the events per day.
//
// Receipts are of segments that were confirmed. A segment that ClickHouse refused may be in events in part, because a view failed after the table had its
// rows, and has no receipt; when it is put back, its receipt says what is in it then, which is nothing of the person any more. So what came with
// such a segment is neither counted as erased nor as a copy.

const (
	intoRepeats    = "INSERT INTO repeats (day, event_id, received_at) SETTINGS async_insert = 0, insert_deduplicate = 0"
	intoErasedDays = "INSERT INTO erased_days (request, day, rows, id_sum, at) SETTINGS async_insert = 0, insert_deduplication_token = 'days of "
)

// refused are the person's events in refused segments, with their times cut to milliseconds, as events has them.
func (e *Eraser) refused(w *work) (map[Event]bool, error) {
	if e.o.Refused == nil {
		return nil, nil
	}
	all, err := e.o.Refused(w.ids)
	if err != nil {
		return nil, err
	}
	refused := map[Event]bool{}
	for _, one := range all {
		refused[one.cut()] = true
	}
	return refused, nil
}

func (e Event) cut() Event {
	return Event{e.ID, e.Time.UTC().Truncate(time.Millisecond), e.ReceivedAt.UTC().Truncate(time.Millisecond)}
}

// noteRepeats notes copies of their events that still lie side by side: receipts count every copy, and once they are gone nobody
// else can tell.
func (e *Eraser) noteRepeats(ctx context.Context, w *work) error {
	if all, apart, err := e.confirmed(ctx, w); err != nil {
		return err
	} else if apart {
		return e.insert(ctx, intoRepeats, all.repeats())
	}
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
	done, err := ask.Number(ctx, e.o.DB, "SELECT count() FROM erased_days WHERE request = {request:UUID}", named("request", w.Request.String()))
	if err != nil || done > 0 { // it was cut off before it was noted
		return err
	}
	if all, apart, err := e.confirmed(ctx, w); err != nil {
		return err
	} else if apart {
		return e.insert(ctx, intoErasedDays+w.Request.String()+"'", all.days(w))
	}
	answer, err := e.o.DB.QueryFormat(ctx, "TabSeparated", `SELECT '`+w.Request.String()+`', toDate(ts) AS day, count(), sum(cityHash64(event_id)), '`+w.BegunAt.Format(milliseconds)+`'
FROM events FINAL
WHERE distinct_id IN `+w.ofPerson()+`
GROUP BY day
ORDER BY day`)
	if err != nil {
		return err
	}
	days, err := io.ReadAll(answer)
	if err = errors.Join(err, answer.Close()); err != nil {
		return err
	}
	return e.insert(ctx, intoErasedDays+w.Request.String()+"'", days)
}

// insert inserts rows of TabSeparated, if there are any.
func (e *Eraser) insert(ctx context.Context, statement string, rows []byte) error {
	if len(rows) == 0 {
		return nil
	}
	return e.o.DB.InsertFormat(ctx, "TabSeparated", statement, bytes.NewReader(rows))
}

// key is what makes a row of events an event: its order, with the id that an event came with as a hash.
type key struct {
	of   uint64
	at   time.Time
	id   uuid.UUID
	hash uint64 // cityHash64(id)
}

// copies are the person's rows in events that receipts count, by event: when each of them was received.
type copies struct {
	of map[key][]time.Time
	// also are days of which only others have rows that are counted: they are recomputed, too.
	also map[time.Time]bool
}

// confirmed reads the person's rows but for those that refused segments have brought. apart is false, and nothing is read, when there are no such segments: then
// the database can count by itself.
func (e *Eraser) confirmed(ctx context.Context, w *work) (all copies, apart bool, err error) {
	refused, err := e.refused(w)
	if err != nil || len(refused) == 0 {
		return all, false, err
	}
	rows, err := e.o.DB.Query(ctx, "SELECT cityHash64(distinct_id), ts, event_id, cityHash64(event_id), received_at FROM events WHERE distinct_id IN "+w.ofPerson())
	if err != nil {
		return all, false, fmt.Errorf("read the person's events: %w", err)
	}
	defer rows.Close()
	all = copies{map[key][]time.Time{}, map[time.Time]bool{}}
	for rows.Next() {
		var k key
		var received time.Time
		if err := rows.Scan(&k.of, &k.at, &k.id, &k.hash, &received); err != nil {
			return all, false, fmt.Errorf("read the person's events: %w", err)
		}
		if k.at = k.at.UTC(); refused[Event{k.id, k.at, received}.cut()] {
			all.also[k.day()] = true
			continue
		}
		all.of[k] = append(all.of[k], received.UTC())
	}
	return all, true, rows.Err()
}

func (k key) day() time.Time { return k.at.Truncate(24 * time.Hour) }

// repeats are the rows of what lies there more than once.
func (c copies) repeats() []byte {
	var rows bytes.Buffer
	for k, received := range c.of {
		for _, at := range received {
			if len(received) > 1 {
				fmt.Fprintf(&rows, "%s\t%s\t%s\n", k.at.Format(time.DateOnly), k.id, at.Format(milliseconds))
			}
		}
	}
	return rows.Bytes()
}

// days are the rows of erased_days.
func (c copies) days(w *work) []byte {
	type sum struct{ rows, ids uint64 }
	sums := map[time.Time]sum{}
	for day := range c.also {
		sums[day] = sum{}
	}
	for k := range c.of {
		of := sums[k.day()]
		sums[k.day()] = sum{of.rows + 1, of.ids + k.hash}
	}
	var rows bytes.Buffer
	for _, day := range slices.SortedFunc(maps.Keys(sums), func(a, b time.Time) int { return cmp.Compare(a.Unix(), b.Unix()) }) {
		fmt.Fprintf(&rows, "%s\t%s\t%d\t%d\t%s\n", w.Request, day.Format(time.DateOnly), sums[day].rows, sums[day].ids, w.BegunAt.Format(milliseconds))
	}
	return rows.Bytes()
}
