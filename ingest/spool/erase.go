package spool

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/internal/durable"
)

// Erased is what Erase did.
type Erased struct {
	Removed int // events
	Blanked int // events of others that named one of the ids
	// Unread are files with bytes that are no events any more: an interrupted write, or damage of the disk.
	Unread []Unread
}

// Unread is a file of which Erase could not read all.
type Unread struct {
	Path  string
	Bytes int64
	Holds bool // one of the ids stands in them
	State State
}

// Erase takes the events of the person with these ids out of what nobody will load by itself: segments that ClickHouse refused, and what recovery
// cut off or out. Each file is written anew and put in place of the old one; one that holds nobody else goes. A refused segment keeps its id, so
// that what ClickHouse has of the others' events already is still recognized when it is put back.
func (s *Spool) Erase(ids []string) (done Erased, err error) {
	s.puttingBack.Lock()
	defer s.puttingBack.Unlock()
	person := map[string]bool{}
	for _, id := range ids {
		person[id] = true
	}
	if err := dropNotes(s.o.Dir); err != nil { // they may quote an id
		return done, err
	}
	s.mu.Lock()
	aside := slices.Clone(s.refused)
	s.mu.Unlock()
	for _, r := range aside {
		if err := s.eraseRefused(r, person, &done); err != nil {
			return done, fmt.Errorf("erase from segment %d: %w", r.Number, err)
		}
	}
	entries, err := List(s.o.Dir)
	if err != nil {
		return done, err
	}
	for _, e := range entries {
		if e.State != Torn && e.State != Damaged {
			continue
		}
		if err := s.erasePiece(e, person, &done); err != nil {
			return done, fmt.Errorf("erase from %s: %w", e.File, err)
		}
	}
	return done, nil
}

// eraseRefused writes the segment without the person's events. What follows its last whole frame goes into a file of its own first, as putting the
// segment back would have it: there it is looked at as every other piece, and there it can be deleted without the events of others.
func (s *Spool) eraseRefused(r refused, person map[string]bool, done *Erased) error {
	info, err := os.Stat(r.path)
	if err != nil {
		return err
	}
	content, err := s.readRefused(r)
	if err != nil {
		return err
	}
	var frames []byte
	var found Erased
	unread := Unread{Path: r.path, State: Refused}
	rows := 0
	id, end, err := readFrames(bytes.NewReader(content), int64(len(content)), nil, func(block []byte, n int) error {
		kept, keptRows, ok := without(block, n, person, &found)
		if !ok { // of another version
			unread.Bytes += int64(len(block))
			unread.Holds = unread.Holds || holds(block, person)
		}
		if keptRows > 0 {
			frames = appendFrame(frames, kept, keptRows)
			rows += keptRows
		}
		return nil
	})
	if err != io.EOF && !errors.Is(err, errTorn) {
		return err
	}
	// Without a header nothing in it is a frame, and putting it back would set it aside as a whole.
	if errors.Is(err, errTorn) && end >= int64(segmentHeader) {
		if err := s.cutTail(r.path, end, err); err != nil {
			return err
		}
		content = content[:end]
	} else if end < int64(segmentHeader) && len(content) > 0 {
		unread.Bytes, unread.Holds = int64(len(content)), holds(content, person)
	}
	switch {
	case found.Removed == 0 && found.Blanked == 0:
	case rows == 0:
		if err := s.drop(r.Number); err != nil {
			return err
		}
		done.Removed += found.Removed
		return nil
	default:
		content = append(appendHeader(nil, id), frames...)
		if err := durable.WriteFile(r.path, content); err != nil {
			return err
		}
		if err := os.Chtimes(r.path, info.ModTime(), info.ModTime()); err != nil { // says when its events were accepted
			return err
		}
	}
	done.Removed, done.Blanked = done.Removed+found.Removed, done.Blanked+found.Blanked
	if unread.Bytes > 0 {
		done.Unread = append(done.Unread, unread)
	}
	s.mu.Lock()
	s.bytes += int64(len(content)) - r.Bytes
	r.Rows, r.Bytes = rows, int64(len(content))
	s.mu.Unlock()
	return s.eraseReason(r, person)
}

// cutTail moves what follows offset end of a refused segment to a file of its own.
func (s *Spool) cutTail(path string, end int64, why error) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return s.setAside(file, path, end, info, why)
}

// readRefused answers the content of a refused segment, in which nothing whole is behind what is not.
func (s *Spool) readRefused(r refused) ([]byte, error) {
	if err := s.cutOutOf(r); err != nil {
		return nil, err
	}
	return os.ReadFile(r.path)
}

// cutOutOf moves damaged frames of a refused segment that have whole ones behind them to files of their own, as putting it back would: so what
// is behind them is looked at, too.
func (s *Spool) cutOutOf(r refused) error {
	for {
		again, err := s.cutOutFirst(r.path)
		if err != nil {
			return err
		}
		if !again {
			return nil
		}
	}
}

func (s *Spool) cutOutFirst(path string) (found bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	_, end, err := readFrames(file, info.Size(), nil, func([]byte, int) error { return nil })
	if !errors.Is(err, errTorn) || wholeBehind(file, info.Size(), end) == 0 {
		return false, nil // whole, or torn at its end: whoever reads it next says so
	}
	return true, s.cutOut(file, path, info, end)
}

// without is a block without the person's events. ok is false of a block that cannot be read, which is given back as it is.
func without(block []byte, rows int, person map[string]bool, done *Erased) (kept []byte, keptRows int, ok bool) {
	all, rest := event.New(), event.New()
	if all.AppendBlock(block) != nil {
		return block, rows, false
	}
	removed, blanked := rest.AppendWithout(all, person)
	if removed == 0 && blanked == 0 {
		return block, rows, true
	}
	done.Removed, done.Blanked = done.Removed+removed, done.Blanked+blanked
	return rest.EncodeBlock(nil), rest.Rows(), true
}

// eraseReason takes a reason that quotes one of the ids away. The caller holds s.puttingBack.
func (s *Spool) eraseReason(r refused, person map[string]bool) error {
	quoted := false
	for id := range person {
		quoted = quoted || strings.Contains(r.why.Error, id)
	}
	if !quoted {
		return nil
	}
	why := r.why
	why.Error = fmt.Sprintf("ClickHouse's answer (code %d) named a person who was erased", why.Code)
	text, err := json.MarshalIndent(why, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(r.path+".json", append(text, '\n')); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.refused {
		if s.refused[i].Number == r.Number {
			s.refused[i].why = why
		}
	}
	return nil
}

// erasePiece writes what recovery set aside without the person's events, if it is one whole frame but for its sums.
func (s *Spool) erasePiece(e Entry, person map[string]bool, done *Erased) error {
	path := filepath.Join(s.o.Dir, e.File)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, headerLength := range []int{frameHeader, olderHeader} {
		if len(content) <= headerLength || int64(binary.LittleEndian.Uint32(content)) != int64(len(content)-headerLength) {
			continue
		}
		var found Erased
		kept, rows, ok := without(content[headerLength:], 0, person, &found)
		switch {
		case !ok:
			continue
		case found.Removed == 0 && found.Blanked == 0:
			return nil
		}
		if rows == 0 {
			err = errors.Join(os.Remove(path), durable.SyncDir(s.o.Dir))
		} else {
			err = durable.WriteFile(path, appendFrame(nil, kept, rows))
		}
		if err != nil {
			return err
		}
		done.Removed, done.Blanked = done.Removed+found.Removed, done.Blanked+found.Blanked
		return s.countPieces() // as the next start would
	}
	done.Unread = append(done.Unread, Unread{path, int64(len(content)), holds(content, person), e.State})
	return nil
}

// holds says whether one of the ids stands in bytes of blocks, where a text is behind its length.
func holds(content []byte, person map[string]bool) bool {
	for id := range person {
		if bytes.Contains(content, append(binary.AppendUvarint(nil, uint64(len(id))), id...)) {
			return true
		}
	}
	return false
}
