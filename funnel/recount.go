package funnel

import (
	"context"
	"fmt"
	"time"
)

// Recount notes that the days from first to last, both inclusive, are to be computed again, because rollups were written by something else
// than new events; zero times: from the first, up to the last there is. When it returns, that is kept until it is done.
func (k *Keeper) Recount(ctx context.Context, first, last time.Time) error {
	k.mu.Lock() // a computation that has seen what was there would note that it knows everything
	defer k.mu.Unlock()
	return k.recount(ctx, first, last)
}

// Anew is Recount of all days.
func (k *Keeper) Anew(ctx context.Context) error { return k.Recount(ctx, time.Time{}, time.Time{}) }

const mark = `INSERT INTO funnel_days (day, rows, id_sum, due, at)
SELECT found.day, known.rows, known.id_sum, 1, fromUnixTimestamp64Milli({at:Int64}, 'UTC')
FROM (%s) AS found
LEFT JOIN (SELECT day, rows, id_sum, due FROM funnel_days FINAL) AS known ON known.day = found.day
WHERE NOT known.due -- what is due already keeps the time since when it is, or a day that is marked again and again would never have its turn
SETTINGS async_insert = 0, insert_deduplicate = 0, join_use_nulls = 0`

func (k *Keeper) recount(ctx context.Context, first, last time.Time) error {
	if err := k.readVersion(ctx); err != nil {
		return err
	}
	if last.IsZero() {
		last = time.Date(2149, 6, 6, 0, 0, 0, 0, time.UTC) // the last Date there is
	}
	if first.Before(time.Unix(0, 0)) {
		first = time.Unix(0, 0)
	}
	// Also days on which nobody is any more: what is kept of them has to go.
	err := k.o.DB.Exec(ctx, fmt.Sprintf(mark, `
    SELECT DISTINCT day
    FROM
    (
        SELECT day FROM person_day
        UNION ALL
        SELECT day FROM funnel_days
        UNION ALL
        SELECT day FROM person_term_days
    )
    WHERE day BETWEEN toDate({first:String}) AND toDate({last:String}) AND day > toDate(0)
`), k.stamp(), named("first", first.UTC().Format(time.DateOnly)), named("last", last.UTC().Format(time.DateOnly)))
	if err != nil {
		return fmt.Errorf("note that days of metrics are to be computed: %w", err)
	}
	return nil
}

// recountMoved notes the days on which ids were there whose person was decided at a moment or later.
func (k *Keeper) recountMoved(ctx context.Context, since time.Time) error {
	if err := k.readVersion(ctx); err != nil {
		return err
	}
	err := k.o.DB.Exec(ctx, fmt.Sprintf(mark, `
    SELECT DISTINCT day
    FROM person_day
    WHERE distinct_id IN (SELECT distinct_id FROM person_map WHERE at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC'))
`), k.stamp(), named("since", fmt.Sprint(since.UnixMilli())))
	if err != nil {
		return fmt.Errorf("note the days of ids that belong to others now: %w", err)
	}
	return nil
}

// readVersion reads the time of what was written last, if this process has not yet.
func (k *Keeper) readVersion(ctx context.Context) error {
	if k.version != 0 {
		return nil
	}
	_, _, err := k.readProgress(ctx)
	return err
}
