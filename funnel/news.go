package funnel

import (
	"context"
	"fmt"
	"time"
)

// dueDay is a day that is to be computed, with the receipts it will then have been computed from.
type dueDay struct {
	day   time.Time
	rows  uint64
	idSum uint64
	at    time.Time // when it was computed or became due, 1970 when neither
}

// news notes what came since the last time, and answers the days up to now that are due.
func (k *Keeper) news(ctx context.Context, now time.Time) (p progress, due []dueDay, err error) {
	was, is, err := k.readProgress(ctx)
	if err != nil {
		return p, nil, err
	}
	today := now.Truncate(day)
	p = is
	p.until, p.customersDue = was.until, was.customersDue
	if p.until.Before(today) {
		p.until = today
	}
	everything := !was.there || was.definitions != is.definitions
	identities := !was.identitiesAt.Equal(is.identitiesAt) || was.identities != is.identities
	switch {
	case everything:
		err = k.recount(ctx, time.Time{}, time.Time{})
	case identities:
		err = k.recountMoved(ctx, was.identitiesAt)
	}
	if err != nil {
		return p, nil, err
	}
	if was.until.Before(today) && !everything { // past the reach of the last day nothing changes by itself
		if err := k.recount(ctx, was.until, earlier(today, was.until.Add(reach))); err != nil {
			return p, nil, err
		}
	}
	if due, err = k.readDue(ctx, today); err != nil {
		return p, nil, err
	}
	if everything || identities || was.rates != is.rates || len(due) > 0 {
		p.customersDue = true
	}
	if p.differs(was) {
		if err := k.note(ctx, p); err != nil {
			return p, nil, err
		}
	}
	return p, due, nil
}

// readDue are the days up to today whose receipts are not those they were computed from, or that were noted as due.
func (k *Keeper) readDue(ctx context.Context, today time.Time) ([]dueDay, error) {
	rows, err := k.o.DB.Query(ctx, `SELECT day, sum(came), sum(came_sum), max(last_at)
FROM
(
    SELECT day, rows AS came, id_sum AS came_sum, toUInt64(0) AS known, toUInt64(0) AS known_sum, 0 AS noted, toDateTime64(0, 3, 'UTC') AS last_at
    FROM receipts
    UNION ALL
    SELECT day, 0 AS came, 0 AS came_sum, rows AS known, id_sum AS known_sum, due AS noted, at AS last_at
    FROM funnel_days FINAL
)
WHERE day <= toDate({today:String}) AND day > toDate(0)
GROUP BY day
HAVING max(noted) > 0 OR sum(came) != sum(known) OR sum(came_sum) != sum(known_sum)
ORDER BY day`, named("today", today.Format(time.DateOnly)))
	if err != nil {
		return nil, fmt.Errorf("look for days with news: %w", err)
	}
	defer rows.Close()
	var due []dueDay
	for rows.Next() {
		var d dueDay
		if err := rows.Scan(&d.day, &d.rows, &d.idSum, &d.at); err != nil {
			return nil, fmt.Errorf("look for days with news: %w", err)
		}
		d.day = d.day.UTC()
		due = append(due, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look for days with news: %w", err)
	}
	return due, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
