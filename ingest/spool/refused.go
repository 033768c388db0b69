package spool

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/livello/livello/internal/durable"
)

const (
	refusedSuffix = ".refused" // set aside: it could not be loaded and would hold up the others
	refusalSuffix = ".refused.json"
)

// Refusal says why a segment was set aside. It lies beside it, as NNN.refused.json.
type Refusal struct {
	Error    string    `json:"error"`
	Code     int       `json:"code,omitempty"` // ClickHouse's; 0 when the segment did not get that far
	Attempts int       `json:"attempts"`
	First    time.Time `json:"first_attempt"`
	At       time.Time `json:"set_aside"`
}

// refused is a segment that was set aside.
type refused struct {
	*Segment
	why Refusal
}

// ErrNotRefused says that there is no refused segment of that number.
var ErrNotRefused = errors.New("no segment of that number is set aside")

// errLostID says that a segment was given a new id just now. Whoever puts it back should have read first what that means.
var errLostID = errors.New(lostID)

// SetAside takes a segment that waits out of the loader's way. Its events stay: on disk, counted in the spool's bytes, and known to
// the index, so that a sender's repetition is still a duplicate. PutBack undoes it.
func (s *Spool) SetAside(seg *Segment, why Refusal) error {
	s.puttingBack.Lock() // or its note passes for one without a segment
	defer s.puttingBack.Unlock()
	s.answers.settle(seg.Number) // an erasure may make it shorter
	aside := filepath.Join(s.o.Dir, fmt.Sprintf("%016d%s", seg.Number, refusedSuffix))
	text, err := json.MarshalIndent(why, "", "  ")
	if err == nil {
		// The reason first: a crash in between leaves a segment that waits, and a note that the next setting aside replaces.
		err = durable.WriteFile(aside+".json", append(text, '\n'))
	}
	if err == nil {
		err = os.Rename(seg.path, aside)
	}
	if err == nil {
		err = durable.SyncDir(s.o.Dir)
	}
	if err != nil {
		return fmt.Errorf("set segment %d aside: %w", seg.Number, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.path = aside
	s.sealed = slices.DeleteFunc(s.sealed, func(o *Segment) bool { return o == seg })
	s.refused = append(s.refused, refused{seg, why})
	s.notify()
	return nil
}

// PutBack gives refused segments to the loader again, at their places, or all of them when no number is given, and answers how
// many. Of a damaged one what is whole is put back; the rest is kept as .damaged. What ClickHouse refused may
// be there in part, so it comes back as one that was sent before.
func (s *Spool) PutBack(numbers ...uint64) (int, error) {
	// One at a time: the lock is not held while the file is read.
	s.puttingBack.Lock()
	defer s.puttingBack.Unlock()
	s.mu.Lock()
	var chosen []refused
	for _, r := range s.refused {
		if len(numbers) == 0 || slices.Contains(numbers, r.Number) {
			chosen = append(chosen, r)
		}
	}
	s.mu.Unlock()
	if len(chosen) < len(numbers) {
		return 0, fmt.Errorf("put segments %v back: %w", numbers, ErrNotRefused)
	}
	for i, r := range chosen {
		path, err := putBackFile(s.o.Dir, r.Number)
		if errors.Is(err, errLostID) {
			s.mu.Lock()
			for j := range s.refused {
				if s.refused[j].Number == r.Number {
					s.refused[j].why = readRefusal(r.path)
				}
			}
			s.mu.Unlock()
		}
		if err != nil {
			return i, err
		}
		seg, _, err := s.recoverSegment(path, r.Number, Sending)
		if err == nil {
			err = s.countPieces()
		}
		if err != nil {
			return i, fmt.Errorf("put segment %d back: %w", r.Number, err)
		}
		if seg != nil {
			seg.sent = true
		}
		s.mu.Lock()
		s.refused = slices.DeleteFunc(s.refused, func(o refused) bool { return o.Number == r.Number })
		s.bytes -= r.Bytes
		if seg != nil { // otherwise not one frame of it was whole
			s.bytes += seg.Bytes
			at, _ := slices.BinarySearchFunc(s.sealed, seg.Number, func(o *Segment, n uint64) int { return cmp.Compare(o.Number, n) })
			s.sealed = slices.Insert(s.sealed, at, seg)
		}
		s.notify()
		s.mu.Unlock()
	}
	return len(chosen), nil
}

// Drop deletes a refused segment and its reason for good: its events will never be loaded.
func (s *Spool) Drop(number uint64) error {
	s.puttingBack.Lock()
	defer s.puttingBack.Unlock()
	return s.drop(number)
}

// drop is Drop; the caller holds s.puttingBack.
func (s *Spool) drop(number uint64) error {
	if err := DropFile(s.o.Dir, number); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = slices.DeleteFunc(s.refused, func(o refused) bool {
		if o.Number == number {
			s.bytes -= o.Bytes
		}
		return o.Number == number
	})
	return nil
}

// PutBackFiles is PutBack on a folder that no process has open; the next Open finds the segments waiting.
func PutBackFiles(dir string, numbers ...uint64) (int, error) {
	if len(numbers) == 0 {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, fmt.Errorf("read spool: %w", err)
		}
		for _, entry := range entries {
			if number, ok := parseName(entry.Name(), refusedSuffix); ok {
				numbers = append(numbers, number)
			}
		}
	}
	for i, number := range numbers {
		if _, err := putBackFile(dir, number); err != nil {
			return i, err
		}
	}
	return len(numbers), nil
}

// putBackFile renames the segment and then removes the reason, which without its segment says nothing.
func putBackFile(dir string, number uint64) (path string, err error) {
	aside := filepath.Join(dir, fmt.Sprintf("%016d%s", number, refusedSuffix))
	path = filepath.Join(dir, fmt.Sprintf("%016d%s", number, sendingSuffix))
	if mended, err := newHeader(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("put segment %d back: %w", number, err)
	} else if mended {
		return "", fmt.Errorf("put segment %d back: %w", number, errLostID)
	}
	if err := os.Rename(aside, path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("put segment %d back: %w", number, ErrNotRefused)
	} else if err != nil {
		return "", fmt.Errorf("put segment %d back: %w", number, err)
	}
	if err := durable.SyncDir(dir); err != nil {
		return "", fmt.Errorf("put segment %d back: %w", number, err)
	}
	if err := os.Remove(aside + ".json"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("put segment %d back: %w", number, err)
	}
	return path, nil
}

// DropFile is Drop on a folder that no process has open.
func DropFile(dir string, number uint64) error {
	aside := filepath.Join(dir, fmt.Sprintf("%016d%s", number, refusedSuffix))
	err := os.Remove(aside)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop segment %d: %w", number, ErrNotRefused)
	}
	if err == nil {
		if err = os.Remove(aside + ".json"); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err = errors.Join(err, durable.SyncDir(dir)); err != nil { // or a power cut brings it back, with somebody who was erased
		return fmt.Errorf("drop segment %d: %w", number, err)
	}
	return nil
}

// dropNotes deletes reasons without their segments: a crash left them while a segment was set aside, put back or dropped, and they may quote what was in
// it. Nobody may set a segment aside meanwhile.
func dropNotes(dir string) error {
	notes, err := filepath.Glob(filepath.Join(dir, "*"+refusalSuffix))
	if err != nil {
		return err
	}
	dropped := false
	for _, note := range notes {
		if _, ours := parseName(note, refusalSuffix); !ours {
			continue
		}
		if _, err := os.Stat(strings.TrimSuffix(note, ".json")); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.Remove(note); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete a reason without its segment: %w", err)
		}
		dropped = true
	}
	if !dropped {
		return nil
	}
	return durable.SyncDir(dir)
}

// readRefusal answers the reason beside a refused segment; one that was lost leaves the segment and says so.
func readRefusal(path string) Refusal {
	var why Refusal
	text, err := os.ReadFile(strings.TrimSuffix(path, refusedSuffix) + refusalSuffix)
	if err == nil {
		err = json.Unmarshal(text, &why)
	}
	if err != nil {
		why.Error = fmt.Sprintf("why it was set aside cannot be read: %v", err)
	}
	return why
}

// Behind answers the segments that wait behind seg: the next one and the newest, which may be the same, or none. What is still
// being written is sealed when nothing else is there.
func (s *Spool) Behind(ctx context.Context, seg *Segment) ([]*Segment, error) {
	for sealed := false; ; sealed = true {
		s.mu.Lock()
		behind := slices.Clone(s.sealed[slices.Index(s.sealed, seg)+1:])
		writing := s.open.rows > 0
		s.mu.Unlock()
		switch {
		case len(behind) > 1:
			return []*Segment{behind[0], behind[len(behind)-1]}, nil
		case len(behind) == 1 || !writing || sealed:
			return behind, nil
		}
		if err := s.Seal(ctx); err != nil {
			return nil, err
		}
	}
}
