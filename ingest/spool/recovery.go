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
// what follows the last whole frame of a segment is set aside.
func (s *Spool) recover() error {
	if err := os.MkdirAll(s.o.Dir, 0o700); err != nil {
		return err
	}
	if err := dropNotes(s.o.Dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.o.Dir) // sorted by name, which is by number
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(s.o.Dir, entry.Name())
		if strings.HasPrefix(entry.Name(), durable.Unfinished) {
			if err := os.Remove(path); err != nil {
				return err
			}
			continue
		}
		number, state := parseFile(entry.Name())
		s.number = max(s.number, number) // torn ones too: what was set aside keeps its number for itself
		if state == "" || state == Torn || state == Damaged {
			continue
		}
		seg, err := s.recoverSegment(path, number, state != Loaded && state != Refused)
		if err != nil {
			return fmt.Errorf("recover %s: %w", path, err)
		}
		if seg == nil {
			continue
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
			s.refused = append(s.refused, refused{seg, readRefusal(path)})
		}
	}
	if err := s.countPieces(); err != nil {
		return err
	}
	if len(s.sealed) > 0 {
		s.o.Logger.Info("spool recovered", "segments", len(s.sealed), "bytes", s.bytes)
	}
	if len(s.refused) > 0 {
		s.o.Logger.Error("segments are set aside that could not be loaded: see `livello spool list`", "segments", len(s.refused))
	}
	return nil
}

// recoverSegment answers nil for a segment without a whole frame; its file is then gone, or set aside as torn. needed says that its
// bytes will be read again: then only what is whole stays in the file.
func (s *Spool) recoverSegment(path string, number uint64, needed bool) (*Segment, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	healed := &healer{file: file, log: s.o.Logger}
	seg := &Segment{Number: number, First: info.ModTime(), Last: info.ModTime(), path: path}
	var ids []uuid.UUID
	seg.ID, seg.Bytes, err = readFrames(file, info.Size(), healed, func(block []byte, rows int) error {
		var err error
		if ids, err = event.BlockEventIDs(ids[:0], block); err != nil {
			return err
		}
		s.o.Index.Add(ids)
		seg.Rows += rows
		return nil
	})
	switch {
	case errors.Is(err, errTorn) && needed && wholeBehind(file, info.Size(), seg.Bytes) > 0:
		if err := s.cutOut(file, path, info, seg.Bytes); err != nil {
			return nil, err
		}
		return s.recoverSegment(path, number, needed)
	case errors.Is(err, errTorn):
		// A loaded segment is not needed again: its tail stays where it is and goes with the file. A refused one is cut when it is
		// put back.
		if needed {
			if err := s.setAside(file, path, seg.Bytes, info, err); err != nil {
				return nil, err
			}
		}
	case err != io.EOF:
		return nil, err
	}
	if err := healed.sync(info); err != nil {
		return nil, err
	}
	if seg.Rows == 0 && needed { // what there was of it is kept as torn
		return nil, os.Remove(path)
	}
	if !needed {
		seg.Bytes = info.Size()
	}
	return seg, nil
}

// setAside moves what follows offset to a file of its own. It was most likely never answered for: the write that a crash
// interrupted. If it is damage instead, this is what is left to look at.
func (s *Spool) setAside(file *os.File, path string, offset int64, info fs.FileInfo, why error) error {
	if size := info.Size(); size > offset {
		tail, err := io.ReadAll(io.NewSectionReader(file, offset, size-offset))
		if err != nil {
			return err
		}
		aside := fmt.Sprintf("%s%s%d", strings.TrimSuffix(path, filepath.Ext(path)), tornInfix, offset)
		if err := durable.WriteFile(aside, tail); err != nil {
			return err
		}
		s.o.Logger.Warn("segment cut at its last whole frame", "segment", path, "kept", offset, "set_aside", aside, "bytes", size-offset, "reason", why.Error())
	}
	if err := file.Truncate(offset); err != nil {
		return err
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil { // says when its events were accepted
		return err
	}
	return file.Sync()
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
