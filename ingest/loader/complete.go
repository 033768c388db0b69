package loader

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/spool"
)

// complete puts those events of a segment into events that are not there, and its receipts right. It answers the days of the segment's
// events, and how many events it put in.
//
// The segment is loaded into a table of its own, from which everything goes that events has, by its key. What is left is attached to
// events, a month in one step. No view sees that: a view's table has got the rows already, by an attempt of its own, or it is
// Mend's. Nothing lies in two places at once, whatever ends this.
func (l *Loader) complete(ctx context.Context, seg *spool.Segment) (days []time.Time, put int, err error) {
	receipts, err := seg.Receipts()
	if err != nil {
		return nil, 0, err
	}
	for _, r := range receipts {
		days = append(days, r.Day)
	}
	beside := "`doubt_" + seg.ID.String() + "`"
	drop := func(ctx context.Context) error { return l.exec(ctx, "DROP TABLE IF EXISTS "+beside+" SYNC") }
	if err := drop(ctx); err != nil { // a process before this one may have left it
		return nil, 0, err
	}
	defer func() {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, drop(cleaning))
	}()
	if err := l.exec(ctx, "CREATE TABLE "+beside+" AS events"); err != nil {
		return nil, 0, err
	}
	if err := l.copyTo(ctx, beside, seg); err != nil {
		return nil, 0, err
	}
	// The key decides, as it does when parts merge.
	const key = "(distinct_id, ts, event_id)"
	there := fmt.Sprintf("%s IN (SELECT distinct_id, ts, event_id FROM events WHERE ts >= toDateTime64('%s', 3, 'UTC') AND ts < toDateTime64('%s', 3, 'UTC') AND %s IN (SELECT distinct_id, ts, event_id FROM %s))",
		key, days[0].Format(time.DateTime), days[len(days)-1].AddDate(0, 0, 1).Format(time.DateTime), key, beside)
	missing, err := l.counts(ctx, "SELECT _partition_id, count() FROM "+beside+" WHERE NOT "+there+" GROUP BY _partition_id ORDER BY _partition_id")
	if err != nil {
		return nil, 0, err
	}
	if len(missing) > 0 {
		if err := l.exec(ctx, "ALTER TABLE "+beside+" DELETE WHERE "+there+" SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1"); err != nil {
			return nil, 0, err
		}
	}
	for _, m := range missing {
		if err := l.exec(ctx, "ALTER TABLE events ATTACH PARTITION ID '"+m.of+"' FROM "+beside); err != nil {
			return nil, put, err
		}
		put += int(m.n)
		l.metrics.completed.Add(float64(m.n))
		l.o.Logger.Warn("events put in that ClickHouse had confirmed and did not have", "segment", seg.Number, "month", m.of, "events", m.n)
	}
	return days, put, l.completeReceipts(ctx, seg, receipts)
}

// copyTo loads the segment into a table that no view reads.
func (l *Loader) copyTo(ctx context.Context, table string, seg *spool.Segment) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.AttemptTimeout)
	defer cancel()
	body := seg.Reader()
	defer body.Close()
	err := l.o.DB.InsertFormat(ctx, "Native", "INSERT INTO "+table+" ("+columns+") SETTINGS insert_deduplicate = 0, async_insert = 0, optimize_on_insert = 0, max_partitions_per_insert_block = 0", body)
	if err != nil {
		return fmt.Errorf("copy it beside events: %w", err)
	}
	return nil
}

// receiptsKept is how long the table receipts tells one segment's rows from another's (its TTL), less a day to be sure.
const receiptsKept = 6 * 24 * time.Hour

// completeReceipts writes the segment's receipts anew unless they are what they should be.
func (l *Loader) completeReceipts(ctx context.Context, seg *spool.Segment, receipts []spool.Receipt) error {
	if l.o.Now().Sub(seg.Last) > receiptsKept {
		return nil // if they are there, they may be added up with others already: writing them anew could count them twice
	}
	id := seg.ID.String()
	found, err := l.counts(ctx, "SELECT concat(toString(day), ' ', toString(sum(id_sum))), toUInt64(sum(rows)) FROM receipts WHERE segment_id = toUUID('"+id+"') GROUP BY day ORDER BY day")
	if err != nil {
		return err
	}
	right := len(found) == len(receipts)
	for i := 0; right && i < len(found); i++ {
		r := receipts[i]
		right = found[i] == count{fmt.Sprint(r.Day.Format(time.DateOnly), " ", r.IDSum), r.Rows}
	}
	if right {
		return nil
	}
	if len(found) > 0 {
		if err := l.exec(ctx, "ALTER TABLE receipts DELETE WHERE segment_id = toUUID('"+id+"') SETTINGS mutations_sync = 2"); err != nil {
			return err
		}
	}
	l.o.Logger.Warn("receipts written anew that ClickHouse had confirmed and did not have", "segment", seg.Number, "days", len(receipts))
	return l.insertReceipts(ctx, seg, receipts, uuid.New())
}

// count is a number of something.
type count struct {
	of string
	n  uint64
}

func (l *Loader) counts(ctx context.Context, query string) ([]count, error) {
	rows, err := l.o.DB.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("count: %w", err)
	}
	defer rows.Close()
	var all []count
	for rows.Next() {
		var c count
		if err := rows.Scan(&c.of, &c.n); err != nil {
			return nil, fmt.Errorf("count: %w", err)
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

func (l *Loader) exec(ctx context.Context, statement string) error {
	if err := l.o.DB.Exec(ctx, statement); err != nil {
		what, _, _ := strings.Cut(statement, " WHERE ")
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
