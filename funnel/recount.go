package funnel

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Recount asks for the days from first to last, both inclusive, to be computed again, because rollups were written by something else
// than new events; zero times: from the first, up to the last there is. When it returns, that is kept until it is done, by whichever keeper.
func (k *Keeper) Recount(ctx context.Context, first, last time.Time) error {
	if last.IsZero() {
		last = time.Date(2149, 6, 6, 0, 0, 0, 0, time.UTC) // the last Date there is
	}
	if first.Before(time.Unix(0, 0)) {
		first = time.Unix(0, 0)
	}
	// Also days on which nobody is any more: what is kept of them has to go.
	err := k.request(ctx, `
    SELECT DISTINCT day
    FROM
    (
        SELECT day FROM person_day
        UNION ALL
        SELECT day FROM funnel_days
        UNION ALL
        SELECT day FROM person_term_days
    )
    WHERE day BETWEEN toDate({first:String}) AND toDate({last:String})`, named("first", first.UTC().Format(time.DateOnly)), named("last", last.UTC().Format(time.DateOnly)))
	if err != nil {
		return fmt.Errorf("ask for days of metrics to be computed: %w", err)
	}
	return nil
}

// Anew is Recount of all days.
func (k *Keeper) Anew(ctx context.Context) error { return k.Recount(ctx, time.Time{}, time.Time{}) }

// recountMoved asks for the days on which ids were there whose person was decided at a moment or later.
func (k *Keeper) recountMoved(ctx context.Context, since time.Time) error {
	err := k.request(ctx, `
    SELECT DISTINCT day
    FROM person_day
    WHERE distinct_id IN (SELECT distinct_id FROM person_map WHERE at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC'))`,
		named("since", fmt.Sprint(since.Add(-identitySlack).UnixMilli())))
	if err != nil {
		return fmt.Errorf("ask for the days of ids that belong to others now: %w", err)
	}
	return nil
}

// request asks for the days that a query finds, and for the terms of customers. What is asked for already is asked for again: somebody may be
// computing it from what was there before.
func (k *Keeper) request(ctx context.Context, days string, args ...any) error {
	return k.o.DB.Exec(ctx, `INSERT INTO recomputations (what, day, request, at, sign)
SELECT 'metrics', day, {request:UUID}, fromUnixTimestamp64Milli({now:Int64}, 'UTC'), 1
FROM
(`+days+`
    UNION DISTINCT
    SELECT toDate(0)
)
SETTINGS async_insert = 0, insert_deduplicate = 0`, append(args, k.now(), named("request", uuid.NewString()))...)
}
