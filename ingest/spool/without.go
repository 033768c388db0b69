package spool

import (
	"fmt"
	"os"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/internal/durable"
)

// Without takes the events with these ids out of a segment of which nothing was sent yet, and answers how many there were. The file is written anew
// and put in place of the old one: after a crash it is one or the other, both with the segment's id. That the ids were accepted stays known to the index.
func (s *Spool) Without(seg *Segment, ids map[uuid.UUID]bool) (removed int, err error) {
	if seg.sent {
		return 0, fmt.Errorf("take events out of segment %d: an attempt to load it has begun", seg.Number)
	}
	info, err := os.Stat(seg.path)
	if err != nil {
		return 0, fmt.Errorf("take events out of segment %d: %w", seg.Number, err)
	}
	content := appendHeader(make([]byte, 0, seg.Bytes), seg.ID)
	left := 0
	all, rest := event.New(), event.New()
	var keep []bool
	err = seg.Blocks(func(block []byte, rows int) error {
		head, err := event.ReadHead(block)
		if err != nil {
			return err
		}
		keep = keep[:0]
		gone := 0
		for i := range head.Rows() {
			keep = append(keep, !ids[head.EventID(i)])
			if !keep[i] {
				gone++
			}
		}
		if removed += gone; gone == 0 {
			content, left = appendFrame(content, block, rows), left+rows
			return nil
		}
		all.Reset()
		if err := all.AppendBlock(block); err != nil {
			return err
		}
		rest.Reset()
		rest.AppendWhere(all, keep)
		if rest.Rows() > 0 {
			content, left = appendFrame(content, rest.EncodeBlock(nil), rest.Rows()), left+rest.Rows()
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if removed == 0 {
		return 0, nil
	}
	s.answers.settle(seg.Number) // or the next start would miss them
	if err := durable.WriteFile(seg.path, content); err != nil {
		return 0, fmt.Errorf("take events out of segment %d: %w", seg.Number, err)
	}
	s.mu.Lock()
	s.bytes += int64(len(content)) - seg.Bytes
	seg.Rows, seg.Bytes = left, int64(len(content))
	s.notify() // of fewer events that wait
	s.mu.Unlock()
	if err := os.Chtimes(seg.path, info.ModTime(), info.ModTime()); err != nil { // says when its events were accepted
		return removed, fmt.Errorf("take events out of segment %d: %w", seg.Number, err)
	}
	return removed, nil
}
