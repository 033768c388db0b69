package loader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/spool"
)

// doubt is a doubtful segment, and what it holds.
type doubt struct {
	*spool.Segment
	receipts []spool.Receipt
}

// complete puts those events of the segments into events that are not there, and answers how many.
//
// The segments are loaded into a table of their own, from which everything goes that events has, by its key. What is left is attached to
// events, a month in one step. No view sees that: a view's table has got the rows already, by an attempt of its own, or it is
// Mend's. Nothing lies in two places at once, whatever ends this.
func (l *Loader) complete(ctx context.Context, segments []doubt) (put int, err error) {
	if len(segments) == 0 {
		return 0, nil
	}
	drop := func(ctx context.Context) error { return l.exec(ctx, "DROP TABLE IF EXISTS "+l.beside+" SYNC") }
	if err := drop(ctx); err != nil { // the process before may have left it
		return 0, err
	}
	defer func() {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, drop(cleaning))
	}()
	if err := l.exec(ctx, "CREATE TABLE "+l.beside+" AS events"); err != nil {
		return 0, err
	}
	var months []string
	for _, seg := range segments {
		if err := l.copyTo(ctx, seg.Segment, l.beside, columns, "optimize_on_insert = 0, max_partitions_per_insert_block = 0"); err != nil {
			return 0, err
		}
		for _, r := range seg.receipts {
			months = append(months, "'"+r.Day.Format("200601")+"'")
		}
	}
	slices.Sort(months)
	// The key decides, as it does when parts merge.
	const key = "(distinct_id, ts, event_id)"
	there := key + " IN (SELECT distinct_id, ts, event_id FROM events WHERE _partition_id IN (" + strings.Join(slices.Compact(months), ", ") + ") AND " +
		key + " IN (SELECT distinct_id, ts, event_id FROM " + l.beside + "))"
	missing, err := l.counts(ctx, "SELECT _partition_id, count() FROM "+l.beside+" WHERE NOT "+there+" GROUP BY _partition_id ORDER BY _partition_id")
	if err != nil {
		return 0, err
	}
	if len(missing) > 0 {
		if err := l.exec(ctx, "ALTER TABLE "+l.beside+" DELETE WHERE "+there+" SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1"); err != nil {
			return 0, err
		}
	}
	for _, m := range missing {
		if err := l.exec(ctx, "ALTER TABLE events ATTACH PARTITION ID '"+m.of+"' FROM "+l.beside); err != nil {
			return put, err
		}
		put += int(m.n)
		l.metrics.completed.Add(float64(m.n))
		l.o.Logger.Warn("events put in that ClickHouse had confirmed and did not have", "month", m.of, "events", m.n)
	}
	return put, nil
}

// copyTo loads columns of the segment into a table of its own, which no view reads.
func (l *Loader) copyTo(ctx context.Context, seg *spool.Segment, table, columns, settings string) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.AttemptTimeout)
	defer cancel()
	body := seg.Reader()
	defer body.Close()
	if err := l.o.DB.InsertFormat(ctx, "Native", "INSERT INTO "+table+" ("+columns+") SETTINGS insert_deduplicate = 0, async_insert = 0, "+settings, body); err != nil {
		return fmt.Errorf("copy segment %d beside events: %w", seg.Number, err)
	}
	return nil
}

// receiptsKept is how long the table receipts tells one segment's rows from another's (its TTL), less a day to be sure.
const receiptsKept = 6 * 24 * time.Hour

// completeReceipts writes receipts of segments anew that are not what they should be.
func (l *Loader) completeReceipts(ctx context.Context, segments []doubt) error {
	var ids []string
	for _, seg := range segments {
		ids = append(ids, "'"+seg.ID.String()+"'")
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := l.counts(ctx, "SELECT concat(toString(segment_id), ' ', toString(day), ' ', toString(sum(id_sum))), toUInt64(sum(rows)) FROM receipts WHERE segment_id IN ("+
		strings.Join(ids, ", ")+") GROUP BY segment_id, day")
	if err != nil {
		return err
	}
	for _, seg := range segments {
		if l.o.Now().Sub(seg.Last) > receiptsKept {
			continue // if they are there, they may be added up with others already: writing them anew could count them twice
		}
		right, wrong := 0, 0
		for _, f := range found {
			if !strings.HasPrefix(f.of, seg.ID.String()) {
				continue
			}
			if slices.ContainsFunc(seg.receipts, func(r spool.Receipt) bool {
				return f == count{fmt.Sprint(seg.ID, " ", r.Day.Format(time.DateOnly), " ", r.IDSum), r.Rows}
			}) {
				right++
			} else {
				wrong++
			}
		}
		if right == len(seg.receipts) && wrong == 0 {
			continue
		}
		if right+wrong > 0 {
			if err := l.exec(ctx, "ALTER TABLE receipts DELETE WHERE segment_id = toUUID('"+seg.ID.String()+"') SETTINGS mutations_sync = 2"); err != nil {
				return err
			}
		}
		l.o.Logger.Warn("receipts written anew that ClickHouse had confirmed and did not have", "segment", seg.Number, "days", len(seg.receipts))
		if err := l.insertReceipts(ctx, seg.Segment, seg.receipts, uuid.New()); err != nil {
			return err
		}
	}
	return nil
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
