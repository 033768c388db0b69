package trust

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/livello/livello/internal/ask"
)

// Accepted is a difference between what was accepted and what is stored that a person took as it is.
type Accepted struct {
	Day     string    `json:"day"`
	Missing int64     `json:"missing"` // events fewer than were accepted; negative: more
	By      string    `json:"by"`
	Because string    `json:"because"`
	At      time.Time `json:"at"`
}

// off is by how much the events of a day are not what was accepted.
type off struct {
	day     time.Time
	missing int64  // events
	ids     uint64 // hashes of accepted ids less those of stored ones, modulo 2^64
}

// offDays are the days of sums whose events are not what was accepted. Numbers wrap: less may be expected than nothing.
func offDays(sums []sum) (days []off) {
	for _, s := range sums {
		if s.table != "events" {
			continue
		}
		if len(days) == 0 || !days[len(days)-1].day.Equal(s.day) {
			days = append(days, off{day: s.day})
		}
		expected, _ := strconv.ParseUint(s.expected, 10, 64) // what the check itself printed
		found, _ := strconv.ParseUint(s.found, 10, 64)
		if d := &days[len(days)-1]; s.measure == "events" {
			d.missing = int64(expected - found)
		} else {
			d.ids = expected - found
		}
	}
	some := days[:0]
	for _, d := range days {
		if d.missing != 0 || d.ids != 0 {
			some = append(some, d)
		}
	}
	return some
}

// noteMergedCopies notes, of days that lack exactly one event, that it is stored all the same: an event that was accepted twice, and whose copies merged before anybody saw
// them. Which one it is is known by the hash that is missing: that another event has it by chance is one in 2^64 for each event of the day. The caller holds the loader.
func (v *Verifier) noteMergedCopies(ctx context.Context, sums []sum) (found bool, err error) {
	for _, d := range offDays(sums) {
		if d.missing != 1 {
			continue
		}
		day := d.day.Format(time.DateOnly)
		stored, err := ask.Number(ctx, v.DB, `SELECT count()
FROM events
WHERE ts >= toDateTime64({day:Date}, 3, 'UTC') AND ts < toDateTime64({day:Date} + 1, 3, 'UTC') AND cityHash64(event_id) = {hash:UInt64}`,
			named("day", day), named("hash", strconv.FormatUint(d.ids, 10)))
		if err != nil {
			return found, fmt.Errorf("look for the event that %s lacks: %w", day, err)
		}
		if stored == 0 {
			continue
		}
		if err := v.explain(ctx, d, "copy", "", ""); err != nil {
			return found, err
		}
		found = true
	}
	return found, nil
}

func (v *Verifier) explain(ctx context.Context, d off, reason, by, because string) error {
	day := d.day.Format(time.DateOnly)
	err := v.DB.Exec(ctx, `INSERT INTO explained_days (day, reason, rows, id_sum, said_by, because, at)
SELECT {day:Date}, {reason:String}, {rows:Int64}, {ids:UInt64}, {by:String}, {because:String}, now64(3, 'UTC')
SETTINGS async_insert = 0, insert_deduplicate = 0`,
		named("day", day), named("reason", reason), named("rows", strconv.FormatInt(d.missing, 10)), named("ids", strconv.FormatUint(d.ids, 10)),
		named("by", by), named("because", because))
	if err != nil {
		return fmt.Errorf("write explained_days of %s: %w", day, err)
	}
	return nil
}

// Accept writes down that the events of these days are not what was accepted, and that a person, by, knows and takes it as it is: from then on a verification expects what
// is stored now. Errors: a day whose events are what was accepted; a day with more than that while the spool holds refused segments, parts of which may be stored.
func (v *Verifier) Accept(ctx context.Context, days []time.Time, by, because string) error {
	for _, day := range days {
		if err := v.acceptDay(ctx, midnight(day), by, because); err != nil {
			return err
		}
	}
	return nil
}

func (v *Verifier) acceptDay(ctx context.Context, day time.Time, by, because string) error {
	release, err := v.Hold.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	sums, err := v.settled(ctx, span{day, day.AddDate(0, 0, 1)}, []string{"events"})
	if err != nil {
		return err
	}
	days := offDays(sums)
	if len(days) == 0 {
		return fmt.Errorf("nothing to accept: the events of %s are what was accepted", day.Format(time.DateOnly))
	}
	if days[0].missing < 0 && v.Spool != nil {
		held, err := v.Spool()
		if err != nil {
			return fmt.Errorf("look into the spool: %w", err)
		}
		for _, u := range held.Aside {
			if u.State == "refused" {
				return fmt.Errorf("not accepted: %d events of %s are stored that no receipt knows, and segment %d is refused, which may be stored in part: %s",
					-days[0].missing, day.Format(time.DateOnly), u.Segment, u.Help)
			}
		}
	}
	v.logger().Warn("events that are not what was accepted are taken as they are", "day", day.Format(time.DateOnly), "missing", days[0].missing, "by", by, "because", because)
	return v.explain(ctx, days[0], "accepted", by, because)
}

// accepted is what people took as it is within a span, in order.
func (v *Verifier) accepted(ctx context.Context, s span) ([]Accepted, error) {
	rows, err := v.DB.Query(ctx, `SELECT toString(day), rows, said_by, because, at
FROM explained_days
WHERE reason = 'accepted' AND day >= {from:Date} AND day < {to:Date}
ORDER BY day, at`, s.args()...)
	if err != nil {
		return nil, fmt.Errorf("read explained_days: %w", err)
	}
	defer rows.Close()
	var all []Accepted
	for rows.Next() {
		var a Accepted
		if err := rows.Scan(&a.Day, &a.Missing, &a.By, &a.Because, &a.At); err != nil {
			return nil, fmt.Errorf("read explained_days: %w", err)
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// copies are how many events of each day were accepted again and are stored once, as far as that is known.
func (v *Verifier) copies(ctx context.Context, s span) (map[time.Time]uint64, error) {
	rows, err := v.DB.Query(ctx, `SELECT day, toUInt64(sum(n))
FROM
(
    SELECT day, toInt64(count() - uniqExact(event_id)) AS n
    FROM repeats FINAL
    WHERE day >= {from:Date} AND day < {to:Date}
    GROUP BY day
    UNION ALL
    SELECT day, sum(rows) AS n
    FROM explained_days
    WHERE reason = 'copy' AND day >= {from:Date} AND day < {to:Date}
    GROUP BY day
)
GROUP BY day`, s.args()...)
	if err != nil {
		return nil, fmt.Errorf("count repeated events: %w", err)
	}
	defer rows.Close()
	copies := map[time.Time]uint64{}
	for rows.Next() {
		var day time.Time
		var n uint64
		if err := rows.Scan(&day, &n); err != nil {
			return nil, fmt.Errorf("count repeated events: %w", err)
		}
		copies[midnight(day)] = n
	}
	return copies, rows.Err()
}
