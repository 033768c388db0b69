package spool

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/livello/livello/ingest/event"
)

// Receipt is what a segment holds of one day: what ClickHouse must have once it confirmed the segment. It is computed from the
// segment's bytes alone, so that it is the same at every attempt, in whatever process.
type Receipt struct {
	Day         time.Time // midnight UTC of the events' ts
	Rows        uint64
	IDSum       uint64    // sum of cityHash64(event_id), wrapping: another set of events has another sum
	First, Last time.Time // when the first and last of them were received
}

const dayMillis = 24 * 60 * 60 * 1000

// Receipts reads the whole segment as Verify does, and answers a receipt for each day it touches, in order.
func (s *Segment) Receipts() ([]Receipt, error) {
	type sum struct {
		rows, ids   uint64
		first, last int64
	}
	days := map[int64]*sum{}
	day, of := int64(-1), (*sum)(nil) // neighbours are mostly of one day
	rows := 0
	err := s.Blocks(func(block []byte, n int) error {
		head, err := event.ReadHead(block)
		if err != nil {
			return err
		}
		if head.Rows() != n {
			return fmt.Errorf("a frame of %d rows holds a block of %d", n, head.Rows())
		}
		rows += n
		for i := range n {
			if d := head.Time(i) / dayMillis; d != day || of == nil {
				if day, of = d, days[d]; of == nil {
					of = &sum{first: head.ReceivedAt(i), last: head.ReceivedAt(i)}
					days[d] = of
				}
			}
			of.rows++
			of.ids += head.EventHash(i)
			of.first, of.last = min(of.first, head.ReceivedAt(i)), max(of.last, head.ReceivedAt(i))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if rows != s.Rows {
		return nil, fmt.Errorf("segment %d holds %d rows, %d were written", s.Number, rows, s.Rows)
	}
	receipts := make([]Receipt, 0, len(days))
	for d, of := range days {
		receipts = append(receipts, Receipt{
			Day: time.UnixMilli(d * dayMillis).UTC(), Rows: of.rows, IDSum: of.ids,
			First: time.UnixMilli(of.first).UTC(), Last: time.UnixMilli(of.last).UTC(),
		})
	}
	slices.SortFunc(receipts, func(a, b Receipt) int { return cmp.Compare(a.Day.Unix(), b.Day.Unix()) })
	return receipts, nil
}
