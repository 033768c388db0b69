package funnel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// atMost is how many days or requests one statement names, so that it stays far below the longest that ClickHouse reads.
const atMost = 1000

// done notes what days were computed from, and that what was asked for of them is done: what was known when the computation began, and nothing that
// came since. When it is cut off, days are computed once more.
func (k *Keeper) done(ctx context.Context, computed []dueDay) error {
	for some := range slices.Chunk(computed, atMost) {
		if err := k.overtaken(ctx, some); err != nil {
			return fmt.Errorf("look which days of metrics others computed: %w", err)
		}
		if err := k.known(ctx, some); err != nil {
			return fmt.Errorf("note what days of metrics are computed from: %w", err)
		}
		if err := k.answered(ctx, some); err != nil {
			return fmt.Errorf("note which days of metrics are computed: %w", err)
		}
	}
	return nil
}

// listed is a query of days as they were read: day, rows, id_sum, at.
func listed(days []dueDay) string {
	texts := make([]string, len(days))
	for i, d := range days {
		texts[i] = fmt.Sprintf("(%d, %d, %d, %d)", number(d.day), d.rows, d.idSum, d.at.UnixMilli())
	}
	return `(
    SELECT toDate(tupleElement(one, 1)) AS day, tupleElement(one, 2) AS rows, tupleElement(one, 3) AS id_sum, fromUnixTimestamp64Milli(tupleElement(one, 4), 'UTC') AS at
    FROM (SELECT arrayJoin(CAST([` + strings.Join(texts, ", ") + `], 'Array(Tuple(UInt16, UInt64, UInt64, Int64))')) AS one)
)`
}

// number is a day as ClickHouse counts them.
func number(d time.Time) int64 { return d.Unix() / int64(day/time.Second) }

// overtaken asks once more for days that somebody else computed meanwhile. Each of the two wrote what differed from what was kept when it began to look,
// without knowing of the other.
func (k *Keeper) overtaken(ctx context.Context, days []dueDay) error {
	return k.o.DB.Exec(ctx, `INSERT INTO recomputations (what, day, request, at, sign)
SELECT 'metrics', seen.day, {request:UUID}, fromUnixTimestamp64Milli({now:Int64}, 'UTC'), 1
FROM `+listed(days)+` AS seen
INNER JOIN (SELECT day, at FROM funnel_days FINAL) AS stands ON stands.day = seen.day
WHERE stands.at != seen.at
SETTINGS async_insert = 0, insert_deduplicate = 0`, k.now(), named("request", uuid.NewString()))
}

// known notes the receipts that days were computed from. If two do so at once, the row of either is right: receipts it does not know make the day due.
func (k *Keeper) known(ctx context.Context, days []dueDay) error {
	return k.o.DB.Exec(ctx, `INSERT INTO funnel_days (day, rows, id_sum, at)
SELECT seen.day, seen.rows, seen.id_sum, greatest(fromUnixTimestamp64Milli({now:Int64}, 'UTC'), stands.at + toIntervalMillisecond(1))
FROM `+listed(days)+` AS seen
LEFT JOIN (SELECT day, at FROM funnel_days FINAL) AS stands ON stands.day = seen.day
SETTINGS async_insert = 0, insert_deduplicate = 0, join_use_nulls = 0`, k.now())
}

// answered takes back the requests that were read, of the days that were computed.
func (k *Keeper) answered(ctx context.Context, days []dueDay) error {
	numbers := make([]string, len(days))
	requests := map[string]bool{}
	for i, d := range days {
		numbers[i] = fmt.Sprint(number(d.day))
		for _, r := range d.requests {
			requests["'"+r.String()+"'"] = true
		}
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(requests)), atMost) {
		err := k.o.DB.Exec(ctx, `INSERT INTO recomputations (what, day, request, at, sign)
SELECT what, day, request, at, -1
FROM recomputations FINAL
WHERE what = 'metrics'
  AND sign > 0
  AND toUInt16(day) IN (`+strings.Join(numbers, ", ")+`)
  AND request IN (`+strings.Join(some, ", ")+`)
SETTINGS async_insert = 0, insert_deduplicate = 0`)
		if err != nil {
			return err
		}
	}
	return nil
}
