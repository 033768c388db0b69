package loader

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/spool"
)

// writeReceipts writes what the segment holds of each day into the table receipts, once, whatever the number of attempts: the
// token is derived from the segment's. It is done after ClickHouse confirmed the events and before the spool forgets the
// segment, so a crash in between leaves a segment that is sent again, skipped as known, and then gets its receipts.
func (l *Loader) writeReceipts(ctx context.Context, seg *spool.Segment, receipts []spool.Receipt) error {
	return l.insertReceipts(ctx, seg, receipts, uuid.NewSHA1(seg.ID, []byte("receipts")))
}

func (l *Loader) insertReceipts(ctx context.Context, seg *spool.Segment, receipts []spool.Receipt, token uuid.UUID) error {
	const ms = "2006-01-02 15:04:05.000"
	var rows bytes.Buffer
	for _, r := range receipts {
		fmt.Fprintf(&rows, "%s\t%s\t%d\t%d\t%s\t%s\n", seg.ID, r.Day.Format("2006-01-02"), r.Rows, r.IDSum, r.First.Format(ms), r.Last.Format(ms))
	}
	if err := l.o.DB.InsertFormat(ctx, "TabSeparated", receiptStatement(token), &rows); err != nil {
		return fmt.Errorf("insert receipts of segment %d: %w", seg.Number, err)
	}
	return nil
}

func receiptStatement(token uuid.UUID) string {
	return "INSERT INTO receipts (segment_id, day, rows, id_sum, first_at, last_at) SETTINGS " +
		"insert_deduplicate = 1, insert_deduplication_token = '" + token.String() + "', async_insert = 0"
}
