package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/internal/durable"
)

// recover reads the folder: every event id in it goes to the index, whole segments to the loader, loaded ones to the reaper, and
// what is not whole of a segment is set aside.
func (s *Spool) recover() (err error) {
	if err := os.MkdirAll(s.o.Dir, 0o700); err != nil {
		return err
	}
	if err := dropNotes(s.o.Dir); err != nil {
		return err
	}
	if s.answers, err = openAnswers(s.o.Dir, s.o.Logger); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.o.Dir) // sorted by name, which is by number
	if err != nil {
		return err
	}
	s.number = s.answers.newest
	for _, entry := range entries {
		number, _ := parseFile(entry.Name())
		s.number = max(s.number, number) // torn ones too: what was set aside keeps its number for itself
	}
	s.newest = s.number
	for _, entry := range entries {
		path := filepath.Join(s.o.Dir, entry.Name())
		if strings.HasPrefix(entry.Name(), durable.Unfinished) {
			if err := os.Remove(path); err != nil {
				return err
			}
			continue
		}
		if err := s.recoverFile(path); err != nil {
			return fmt.Errorf("recover %s: %w", path, err)
		}
	}
	if err := s.missLost(entries); err != nil {
		return err
	}
	if err := s.countPieces(); err != nil {
		return err
	}
	s.noteRecovered()
	if len(s.sealed) > 0 {
		s.o.Logger.Info("spool recovered", "segments", len(s.sealed), "bytes", s.bytes)
	}
	if len(s.refused) > 0 {
		s.o.Logger.Error("segments are set aside that could not be loaded: see `livello spool list`", "segments", len(s.refused))
	}
	if s.pieces.damaged > 0 {
		s.o.Logger.Error("accepted events were lost or damaged on the disk: see `livello spool list`", "files", s.pieces.damaged, "events", s.damaged, "files_that_do_not_say_how_many", s.pieces.unknown)
	}
	return nil
}

// recoverFile puts a file of the folder where it belongs.
func (s *Spool) recoverFile(path string) error {
	number, state := parseFile(filepath.Base(path))
	switch state {
	case "", Damaged:
		return nil
	case Torn:
		return s.recoverTorn(path)
	}
	seg, state, err := s.recoverSegment(path, number, state)
	if err != nil || seg == nil {
		return err
	}
	s.bytes += seg.Bytes
	switch state {
	case Waiting, Sending:
		seg.sent = state == Sending
		s.sealed = append(s.sealed, seg)
	case Doubtful:
		seg.sent, seg.repeated = true, true
		s.doubtful = append(s.doubtful, seg)
	case Loaded:
		s.loaded = append(s.loaded, seg)
	case Refused:
		s.refused = append(s.refused, refused{seg, readRefusal(seg.path)})
	}
	return nil
}

// missLost says which segments are gone with their files.
func (s *Spool) missLost(entries []os.DirEntry) error {
	there := map[uint64]bool{}
	for _, entry := range entries {
		if number, state := parseFile(entry.Name()); state != "" && state != Torn && state != Damaged {
			there[number] = true
		}
	}
	for _, one := range s.answers.gone(there) {
		path := filepath.Join(s.o.Dir, segmentName(one.number))
		if _, err := s.keepDamaged(path, 0, nothingLeft(one.length, one.rows), false); err != nil {
			return err
		}
		s.answers.settle(one.number)
	}
	return nil
}

// noteRecovered writes down that nothing is being written any more: whatever is torn from here on, a crash did not tear. It is synced before the
// spool accepts anything.
func (s *Spool) noteRecovered() {
	newest := answered{number: s.number, sealed: true}
	for _, seg := range slices.Concat(s.sealed, s.doubtful) {
		now := answered{number: seg.Number, sealed: true, id: seg.ID, length: seg.Bytes, rows: seg.Rows}
		if seg.Number == s.number {
			newest = now
			continue
		}
		s.answers.note(now, false)
	}
	if s.number > 0 {
		s.answers.note(newest, true)
	}
}

// recoverSegment answers nil for a segment without a whole frame; its file is then gone, and what there was of it set aside. What will be
// read again is left with whole frames only; the state is another one than before when it cannot be loaded.
func (s *Spool) recoverSegment(path string, number uint64, state State) (*Segment, State, error) {
	if state == Refused {
		if mended, err := newHeader(path); err != nil {
			return nil, state, err
		} else if mended {
			s.o.Logger.Error("the disk damaged the header of a segment that is set aside: it has a new id, see `livello spool list`", "segment", path)
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, state, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, state, err
	}
	healed := &healer{file: file, log: s.o.Logger}
	seg := &Segment{Number: number, First: info.ModTime(), Last: info.ModTime(), path: path}
	var ids []uuid.UUID
	add := func(block []byte, rows int) error {
		var err error
		if ids, err = event.BlockEventIDs(ids[:0], block); err != nil {
			return err
		}
		s.o.Index.Add(ids)
		seg.Rows += rows
		return nil
	}
	seg.ID, seg.Bytes, err = readFrames(file, info.Size(), healed, add)
	if err != io.EOF && !errors.Is(err, errTorn) {
		return nil, state, err
	}
	if err := healed.sync(info); err != nil {
		return nil, state, err
	}
	if state == Loaded || state == Refused {
		// A loaded segment is not needed again: it stays as it is and goes. A refused one is mended when it is put back. The ids behind
		// what is damaged are known all the same.
		if errors.Is(err, errTorn) {
			found, err := surveyed(file, info.Size())
			if err != nil {
				return nil, state, err
			}
			seg.Rows = 0
			for _, f := range found.frames {
				if err := add(f.block, f.rows); err != nil {
					return nil, state, err
				}
			}
		}
		seg.Bytes = info.Size()
		return seg, state, nil
	}
	known := s.answers.of(number, seg.ID)
	missing := known.length > info.Size() || info.Size() == 0 && (state != Waiting || number < s.newest || known.sealed)
	if errors.Is(err, errTorn) || missing {
		path, state, err := s.mend(path, number, state, known)
		if err != nil || path == "" {
			return nil, state, err
		}
		return s.recoverSegment(path, number, state)
	}
	if seg.Rows == 0 {
		return nil, state, errors.Join(os.Remove(path), durable.SyncDir(s.o.Dir))
	}
	return seg, state, nil
}

// recoverTorn has a torn file that holds whole frames pass for what it is. Versions that could not read a segment behind its damaged header
// left such files.
func (s *Spool) recoverTorn(path string) error {
	content, err := os.ReadFile(path)
	if err != nil || len(look(content).frames) == 0 {
		return err
	}
	name := strings.Replace(filepath.Base(path), tornInfix, damagedInfix, 1)
	aside := filepath.Join(s.o.Dir, name)
	for n := 1; ; n++ {
		if _, err := os.Stat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
		aside = filepath.Join(s.o.Dir, fmt.Sprintf("%s.%d", name, n))
	}
	s.o.Logger.Error("what passed for an interrupted write holds whole events, which were not loaded: see `livello spool list`", "file", path, "is_now", aside)
	return errors.Join(os.Rename(path, aside), durable.SyncDir(s.o.Dir))
}

// setAside moves what follows offset of a refused segment to a file of its own. It was answered for: no crash tears what is not being written.
func (s *Spool) setAside(file *os.File, path string, offset int64, info fs.FileInfo, why error) error {
	if size := info.Size(); size > offset {
		tail, err := io.ReadAll(io.NewSectionReader(file, offset, size-offset))
		if err != nil {
			return err
		}
		if _, err := s.keepDamaged(path, int(offset), tail, true); err != nil {
			return err
		}
	}
	if err := file.Truncate(offset); err != nil {
		return err
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil { // says when its events were accepted
		return err
	}
	return errors.Join(file.Sync(), s.countPieces())
}

const (
	reapEvery = 10 * time.Second
	reapBytes = 256 << 20 // or when confirmed segments take this much, or a quarter of the limit
)

// reap deletes confirmed segments, after a flush of the index that began when they were confirmed.
func (s *Spool) reap() {
	tick := time.NewTicker(reapEvery / 10)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-s.stop:
			if err := s.Reap(context.Background()); err != nil {
				s.o.Logger.Error("delete loaded segments", "error", err)
			}
			return
		case <-tick.C:
			if time.Since(last) < reapEvery && s.loadedBytes() < min(reapBytes, s.o.MaxBytes/4) {
				continue
			}
			last = time.Now()
			if err := s.Reap(context.Background()); err != nil {
				s.o.Logger.Error("delete loaded segments", "error", err)
			}
		}
	}
}

func (s *Spool) loadedBytes() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range s.loaded {
		n += seg.Bytes
	}
	return n
}

// Reap flushes the index and deletes the segments that were confirmed before the call. The spool does it by itself every few
// seconds and when it closes.
func (s *Spool) Reap(ctx context.Context) error {
	s.mu.Lock()
	due := slices.Clone(s.loaded)
	s.mu.Unlock()
	if len(due) == 0 {
		return nil
	}
	if err := s.o.Index.Flush(ctx); err != nil {
		return err
	}
	numbers := make([]uint64, len(due))
	for i, seg := range due {
		numbers[i] = seg.Number
	}
	s.answers.settle(numbers...) // or the next start would miss them
	for _, seg := range due {
		if err := os.Remove(seg.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		s.mu.Lock()
		s.bytes -= seg.Bytes
		s.loaded = slices.DeleteFunc(s.loaded, func(o *Segment) bool { return o == seg })
		s.mu.Unlock()
	}
	return nil
}
