package funnel

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// due is what is to be computed.
type due struct {
	days      []dueDay // up to today, the earliest first
	customers *dueDay  // the terms of customers, which are of all days; nil: they know everything
}

// dueDay is a day that is to be computed, with what it will then have been computed from.
type dueDay struct {
	day      time.Time // the first day of 1970: all of history, for customers
	rows     uint64    // receipts of the day
	idSum    uint64
	at       time.Time   // when it was computed, 1970 when never
	requests []uuid.UUID // what was asked for
}

// news asks for what follows from what came since the last time, and answers what is due.
func (k *Keeper) news(ctx context.Context, now time.Time) (due, error) {
	was, is, err := k.readProgress(ctx)
	if err != nil {
		return due{}, err
	}
	today := now.Truncate(day)
	p := is
	if p.until = was.until; p.until.Before(today) {
		p.until = today
	}
	everything := !was.there || was.definitions != is.definitions
	switch {
	case everything:
		err = k.Recount(ctx, time.Time{}, time.Time{})
	case !was.identitiesAt.Equal(is.identitiesAt) || was.identities != is.identities:
		err = k.recountMoved(ctx, earlier(was.identitiesAt, is.identitiesAt))
	case was.rates != is.rates:
		err = k.request(ctx, "SELECT toDate(0) AS day")
	}
	if err != nil {
		return due{}, err
	}
	if was.until.Before(today) && !everything { // past the reach of the last day nothing changes by itself
		if err := k.Recount(ctx, was.until, earlier(today, was.until.Add(reach))); err != nil {
			return due{}, err
		}
	}
	if p.differs(was) { // before anything is computed, and after it is asked for
		if err := k.note(ctx, p); err != nil {
			return due{}, err
		}
	}
	return k.readDue(ctx, today)
}

// readDue are the days up to today whose receipts are not those they were computed from, or that were asked for; the same of all history.
func (k *Keeper) readDue(ctx context.Context, today time.Time) (found due, err error) {
	rows, err := k.o.DB.Query(ctx, `SELECT day, sum(came), sum(came_sum), max(computed_at), groupUniqArrayArray(asked) AS requests
FROM
(
    SELECT arrayJoin([day, toDate(0)]) AS day, rows AS came, id_sum AS came_sum, toUInt64(0) AS known, toUInt64(0) AS known_sum, toDateTime64(0, 3, 'UTC') AS computed_at, CAST([], 'Array(UUID)') AS asked
    FROM receipts
    WHERE receipts.day > toDate(0)
    UNION ALL
    SELECT day, 0 AS came, 0 AS came_sum, rows AS known, id_sum AS known_sum, at AS computed_at, [] AS asked
    FROM funnel_days FINAL
    UNION ALL
    SELECT day, 0 AS came, 0 AS came_sum, 0 AS known, 0 AS known_sum, toDateTime64(0, 3, 'UTC') AS computed_at, [request] AS asked
    FROM recomputations FINAL
    WHERE what = 'metrics' AND sign > 0
)
WHERE day <= toDate({today:String})
GROUP BY day
HAVING notEmpty(requests) OR sum(came) != sum(known) OR sum(came_sum) != sum(known_sum)
ORDER BY day`, named("today", today.Format(time.DateOnly)))
	if err != nil {
		return found, fmt.Errorf("look for days with news: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d dueDay
		if err := rows.Scan(&d.day, &d.rows, &d.idSum, &d.at, &d.requests); err != nil {
			return found, fmt.Errorf("look for days with news: %w", err)
		}
		if d.day = d.day.UTC(); d.day.Unix() == 0 {
			found.customers = &d
			continue
		}
		found.days = append(found.days, d)
	}
	if err := rows.Err(); err != nil {
		return found, fmt.Errorf("look for days with news: %w", err)
	}
	return found, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
