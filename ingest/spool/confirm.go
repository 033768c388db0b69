package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/livello/livello/internal/durable"
)

// Sending says that an attempt to load seg begins. It is on disk before anything of seg goes out, so that after a crash a segment of
// which something may have arrived is told from one that nobody sent. It needs no room on the disk.
func (s *Spool) Sending(seg *Segment) error {
	if seg.sent {
		seg.repeated = true
		return nil
	}
	if err := s.rename(seg, sendingSuffix); err != nil {
		return fmt.Errorf("mark segment %d as being sent: %w", seg.Number, err)
	}
	// Also when the name may not last yet: another attempt is then one too many.
	seg.sent = true
	if err := durable.SyncDir(s.o.Dir); err != nil {
		return fmt.Errorf("mark segment %d as being sent: %w", seg.Number, err)
	}
	return nil
}

// Loaded says that all of seg is in ClickHouse. The file is deleted once its ids are durable elsewhere.
func (s *Spool) Loaded(seg *Segment) error {
	// Not synced: if the rename is lost with the machine, the segment is sent or checked again, which changes nothing.
	if err := s.rename(seg, loadedSuffix); err != nil {
		return fmt.Errorf("mark segment %d as loaded: %w", seg.Number, err)
	}
	s.move(seg, &s.loaded)
	return nil
}

// Doubt says that ClickHouse has answered that seg is there, but to a repeated attempt. It keeps a table's tokens apart from its rows and
// writes the token first: an attempt that ended between the two makes the next one pass for a repetition, and one table lacks the
// segment's rows of one month. After a power cut it may be the other way round, and a table has them twice. So somebody has to look
// (loader.Settle) and then say Loaded. The loader goes on with others meanwhile.
func (s *Spool) Doubt(seg *Segment) error {
	if err := s.rename(seg, doubtfulSuffix); err != nil { // as above: lost with the machine, it is sent again and doubtful again
		return fmt.Errorf("mark segment %d as doubtful: %w", seg.Number, err)
	}
	s.move(seg, &s.doubtful)
	return nil
}

// Doubtful answers the segments that are to be checked, in the order they were loaded.
func (s *Spool) Doubtful() []*Segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.doubtful)
}

func (s *Spool) rename(seg *Segment, suffix string) error {
	path := filepath.Join(s.o.Dir, fmt.Sprintf("%016d%s", seg.Number, suffix))
	if err := os.Rename(seg.path, path); err != nil {
		return err
	}
	seg.path = path
	return nil
}

// move takes a segment from where it was to one of the lists.
func (s *Spool) move(seg *Segment, to *[]*Segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	same := func(o *Segment) bool { return o == seg }
	s.sealed, s.doubtful = slices.DeleteFunc(s.sealed, same), slices.DeleteFunc(s.doubtful, same)
	*to = append(*to, seg)
	s.notify()
}
