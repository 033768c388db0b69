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

// leaveOutLateRepeats takes the events out of a segment, before anything of it is sent, that events has already: those sent again after the
// window of the deduplication index, as when a history is imported once more a month later. Otherwise every rollup would count them twice.
//
// Such an event is of a day of which something was accepted before the window began, and receipts know for each day when that was first. So live
// events cost nothing, a first import one small question for a segment. Only where a day is old enough are the ids of its events looked up,
// by the person they are of: the first column of the key of events. The time need not be the same to the millisecond, because it is corrected by the difference of the
// clocks at each delivery.
//
// It answers the receipts of what is left.
func (l *Loader) leaveOutLateRepeats(ctx context.Context, seg *spool.Segment, receipts []spool.Receipt) ([]spool.Receipt, error) {
	days, err := l.acceptedBefore(ctx, receipts)
	if err != nil || len(days) == 0 {
		return receipts, err
	}
	repeated, err := l.lateRepeats(ctx, seg, days)
	if err != nil || len(repeated) == 0 {
		return receipts, err
	}
	left, err := l.o.Spool.Without(seg, repeated)
	if err != nil {
		return nil, &unmarkedError{err}
	}
	l.metrics.late.Add(float64(left))
	l.o.Logger.Info("events left out that were accepted before the deduplication window and are stored", "segment", seg.Number, "events", left, "events_left", seg.Rows)
	receipts, err = seg.Receipts()
	if err != nil {
		return nil, &unreadableError{err}
	}
	return receipts, nil
}

// acceptedBefore answers those days of a segment of which the table receipts knows an event so old that the index may have forgotten it. A quarter of
// the window is allowed for clocks that were set.
func (l *Loader) acceptedBefore(ctx context.Context, receipts []spool.Receipt) ([]time.Time, error) {
	before := map[string]spool.Receipt{}
	var asked []string
	for _, r := range receipts {
		if r.Day.Add(24 * time.Hour).Before(r.Last.Add(-l.o.Window * 3 / 4)) { // nothing of a later day can be that old
			day := r.Day.Format(time.DateOnly)
			before[day] = r
			asked = append(asked, "'"+day+"'")
		}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	rows, err := l.o.DB.Query(ctx, "SELECT toString(day), min(first_at) FROM receipts WHERE day IN ("+strings.Join(asked, ", ")+") GROUP BY day ORDER BY day")
	if err != nil {
		return nil, fmt.Errorf("look when the days of a segment were first accepted: %w", err)
	}
	defer rows.Close()
	var days []time.Time
	for rows.Next() {
		var day string
		var first time.Time
		if err := rows.Scan(&day, &first); err != nil {
			return nil, fmt.Errorf("look when the days of a segment were first accepted: %w", err)
		}
		if r := before[day]; first.Before(r.Last.Add(-l.o.Window * 3 / 4)) {
			days = append(days, r.Day)
		}
	}
	return days, rows.Err()
}

// lateRepeats answers the ids of the segment's events of these days, in order, that events has of the same person within a day of one of them.
func (l *Loader) lateRepeats(ctx context.Context, seg *spool.Segment, days []time.Time) (found map[uuid.UUID]bool, err error) {
	drop := func(ctx context.Context) error { return l.exec(ctx, "DROP TABLE IF EXISTS "+l.asked+" SYNC") }
	if err := drop(ctx); err != nil { // the process before may have left it
		return nil, err
	}
	defer func() {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, drop(cleaning))
	}()
	if err := l.exec(ctx, "CREATE TABLE "+l.asked+" (distinct_id String, ts DateTime64(3, 'UTC'), event_id UUID) ENGINE = Memory"); err != nil {
		return nil, err
	}
	if err := l.copyTo(ctx, seg, l.asked, "distinct_id, ts, event_id", "input_format_skip_unknown_fields = 1"); err != nil {
		return nil, err
	}
	var listed []string
	var months []string
	for _, d := range days {
		listed = append(listed, "'"+d.Format(time.DateOnly)+"'")
		for around := -1; around <= 1; around++ {
			month := "'" + d.AddDate(0, 0, around).Format("200601") + "'"
			if len(months) == 0 || months[len(months)-1] != month {
				months = append(months, month)
			}
		}
	}
	const ms = "2006-01-02 15:04:05.000"
	rows, err := l.o.DB.Query(ctx, "SELECT DISTINCT event_id FROM events"+
		" WHERE _partition_id IN ("+strings.Join(months, ", ")+")"+
		" AND ts >= toDateTime64('"+days[0].AddDate(0, 0, -1).Format(ms)+"', 3, 'UTC') AND ts < toDateTime64('"+days[len(days)-1].AddDate(0, 0, 2).Format(ms)+"', 3, 'UTC')"+
		" AND (distinct_id, event_id) IN (SELECT distinct_id, event_id FROM "+l.asked+" WHERE toDate(ts) IN ("+strings.Join(listed, ", ")+"))")
	if err != nil {
		return nil, fmt.Errorf("look for events of segment %d that are stored: %w", seg.Number, err)
	}
	defer rows.Close()
	found = map[uuid.UUID]bool{}
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("look for events of segment %d that are stored: %w", seg.Number, err)
		}
		found[id] = true
	}
	return found, rows.Err()
}
