package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/durable"
)

// active is the segment that is being written.
type active struct {
	file  *os.File
	seg   *Segment
	dirty bool // the file may hold more than seg.Bytes, and cutting it back failed
}

// maxGroupRows bounds what one frame gathers, so that the first caller of a group does not wait for ever more of them.
const maxGroupRows = 20_000

// maxYields is how often the committer lets requests run that are under way before it syncs without them: each of them has
// the cost of a sync to share. On an idle machine nobody is under way and a yield takes less than a microsecond.
const maxYields = 2

// commit is the committer: it ends when the spool is closed and nobody waits.
func (s *Spool) commit() {
	defer s.endActive()
	for {
		select {
		case w := <-s.queue:
			s.commitGroup(w)
		case sealed := <-s.seals:
			s.seal()
			close(sealed)
		case <-s.stop:
			for {
				select {
				case w := <-s.queue:
					s.commitGroup(w)
				default:
					s.seal()
					return
				}
			}
		}
	}
}

// commitGroup keeps the events of first and of everyone else in line, and answers them.
func (s *Spool) commitGroup(first *waiting) {
	s.group = append(s.group[:0], first)
	rows := first.columns.Rows()
	for yields := 0; rows < maxGroupRows; {
		select {
		case w := <-s.queue:
			s.group = append(s.group, w)
			rows += w.columns.Rows()
			continue
		default:
		}
		if yields == maxYields {
			break
		}
		yields++
		runtime.Gosched()
	}
	err := s.keepGroup()
	s.mu.Lock()
	s.lastErr = err
	s.crowd.note(len(s.group), s.o.Now())
	s.mu.Unlock()
	for _, w := range s.group {
		if err != nil {
			w.accepted, w.duplicates, w.err = 0, 0, err
		}
		w.done <- struct{}{}
	}
}

// keepGroup makes the new events of the group durable, all or none.
func (s *Spool) keepGroup() error {
	if err := s.room(); err != nil {
		return err
	}
	s.merged.Reset()
	claim := s.o.Index.Claim()
	for _, w := range s.group {
		ids := w.columns.EventIDs()
		s.keep = append(s.keep[:0], make([]bool, len(ids))...)
		fresh, err := claim.Take(ids, s.keep)
		if err != nil {
			claim.Release()
			return err
		}
		w.accepted, w.duplicates = fresh, len(ids)-fresh
		if fresh == len(ids) {
			s.merged.AppendAll(w.columns)
		} else {
			s.merged.AppendWhere(w.columns, s.keep)
		}
	}
	if s.merged.Rows() == 0 {
		claim.Confirm()
		return nil
	}
	if err := s.write(); err != nil {
		claim.Release()
		return err
	}
	claim.Confirm()
	return nil
}

// write appends the merged block to the active segment and syncs it.
func (s *Spool) write() error {
	if err := s.ready(); err != nil {
		return err
	}
	a, rows, now := s.active, s.merged.Rows(), s.o.Now()
	s.block = s.merged.EncodeBlock(s.block[:0])
	s.frame = appendFrame(s.frame[:0], s.block, rows)
	_, err := a.file.WriteAt(s.frame, a.seg.Bytes)
	if err == nil {
		err = datasync(a.file)
	}
	if err != nil {
		// Nobody was answered for these bytes. Cut them off; if even that fails, nothing more goes into this segment and
		// the loader does not get it before a restart has read what is really in the file.
		cut := a.file.Truncate(a.seg.Bytes)
		if cut == nil {
			cut = a.file.Sync()
		}
		a.dirty = cut != nil
		s.o.Logger.Error("spool write", "segment", a.seg.Number, "error", err, "cut_error", cut)
		return &UnavailableError{fmt.Sprintf("the spool cannot write: %v", err), 5 * time.Second, false}
	}
	if a.seg.Rows == 0 {
		a.seg.First = now
	}
	a.seg.Last = now
	a.seg.Rows += rows
	a.seg.Bytes += int64(len(s.frame))
	s.answers.note(answered{number: a.seg.Number, id: a.seg.ID, length: a.seg.Bytes, rows: a.seg.Rows}, false)

	s.mu.Lock()
	wasEmpty := s.open.rows == 0
	s.bytes += int64(len(s.frame))
	s.open = openSegment{rows: a.seg.Rows, first: a.seg.First}
	if wasEmpty {
		s.notify()
	}
	s.mu.Unlock()
	if a.seg.Bytes >= s.o.SegmentBytes || a.seg.Rows >= s.o.SegmentRows {
		s.seal()
	}
	return nil
}

// ready makes sure that there is an active segment with room for the merged block.
func (s *Spool) ready() error {
	if a := s.active; a != nil {
		if a.dirty {
			return &UnavailableError{"the spool's disk failed and the last segment could not be mended; restart the service once the disk is well", 30 * time.Second, false}
		}
		// A segment is one block of an INSERT: past the limit of rows it would be two.
		if a.seg.Rows == 0 || a.seg.Rows+s.merged.Rows() <= s.o.SegmentRows {
			return nil
		}
		s.seal()
	}
	s.mu.Lock()
	number := s.number + 1
	s.mu.Unlock()
	id, path := uuid.New(), filepath.Join(s.o.Dir, segmentName(number))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		if _, err = file.WriteAt(appendHeader(nil, id), 0); err == nil {
			// The name must be durable before anything in the file is answered for; the content is synced with the first frame.
			err = durable.SyncDir(s.o.Dir)
		}
		if err != nil {
			err = errors.Join(err, file.Close(), os.Remove(path))
		}
	}
	if err != nil {
		return &UnavailableError{fmt.Sprintf("the spool cannot begin a segment: %v", err), 5 * time.Second, false}
	}
	s.mu.Lock()
	s.number = number
	s.bytes += int64(segmentHeader)
	s.mu.Unlock()
	s.active = &active{file: file, seg: &Segment{Number: number, ID: id, Bytes: int64(segmentHeader), path: path}}
	return nil
}

// seal hands the active segment to the loader. An empty or damaged one stays active.
func (s *Spool) seal() {
	a := s.active
	if a == nil || a.seg.Rows == 0 || a.dirty {
		return
	}
	s.active = nil
	s.answers.note(answered{number: a.seg.Number, sealed: true, id: a.seg.ID, length: a.seg.Bytes, rows: a.seg.Rows}, false)
	if err := a.file.Close(); err != nil {
		s.o.Logger.Warn("close sealed segment", "segment", a.seg.Number, "error", err) // its content was synced
	}
	s.mu.Lock()
	s.open = openSegment{}
	s.sealed = append(s.sealed, a.seg)
	s.notify()
	s.mu.Unlock()
}

// endActive closes what seal left: a segment without events, whose file goes, or a damaged one, which recovery reads.
func (s *Spool) endActive() {
	a := s.active
	if a == nil {
		return
	}
	s.active = nil
	_ = a.file.Close()
	if a.seg.Rows == 0 && !a.dirty {
		_ = os.Remove(a.seg.path)
	}
}
