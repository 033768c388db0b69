package spool

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/durable"
)

// mend leaves whole frames alone in a segment's file and answers where it is now and in what state; "" when nothing is left of it.
//
// A crash tears the segment that was being written, behind what was answered for, and nothing else. That goes aside as torn; everything else that is
// not whole was answered for, and goes aside as damaged. First the pieces are on disk, then it is written down that the segment may be
// shorter than it was, then the file is replaced in one step. So a start that was cut off anywhere is repeated by the next one with the same
// pieces under the same names.
func (s *Spool) mend(path string, number uint64, state State, known answered) (left string, now State, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", state, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", state, err
	}
	found := look(content)
	sealed := state != Waiting || number < s.newest || known.sealed
	damage := 0
	rows := 0 // that are accounted for, of those answered for
	for _, f := range found.frames {
		if int64(f.at) < known.length {
			rows += f.rows
		}
	}
	for _, g := range found.gaps {
		piece := content[g.from:g.to]
		if g.to == len(content) && !sealed && int64(g.from) >= known.length {
			aside, err := s.keepPiece(path, tornInfix, g.from, piece, false)
			if err != nil {
				return "", state, err
			}
			s.o.Logger.Warn("a write that a crash interrupted was cut off; nobody has an answer for it", "segment", path, "kept", g.from, "set_aside", aside, "bytes", len(piece))
			continue
		}
		stated, err := s.keepDamaged(path, g.from, piece, g.to == len(content) && known.length == 0)
		if err != nil {
			return "", state, err
		}
		damage++
		rows += stated
	}
	lack, missing := known.length-int64(len(content)), max(known.rows-rows, 0)
	if lack > 0 && damage == 0 || missing > 0 && (lack > 0 || damage > 0) {
		if _, err := s.keepDamaged(path, len(content), nothingLeft(lack, missing), false); err != nil {
			return "", state, err
		}
		damage++
	}
	if damage == 0 && len(content) == 0 && sealed {
		if _, err := s.keepDamaged(path, 0, nothingLeft(0, 0), false); err != nil {
			return "", state, err
		}
		damage++
	}
	if damage > 0 {
		s.answers.settle(number)
	}
	if len(found.frames) == 0 {
		return "", state, errors.Join(os.Remove(path), durable.SyncDir(s.o.Dir))
	}
	if found.inPlace(content) {
		return path, state, cutBack(path, found, info.ModTime())
	}
	id := found.id
	switch {
	case found.header:
	case known.id != uuid.Nil:
		id = known.id
		s.o.Logger.Error("the disk damaged a segment's header; its id is known and its events are kept", "segment", path, "header", hexOf(content))
	case state == Waiting: // nothing of it was sent, so ClickHouse knows no id of it
		id = uuid.New()
		s.o.Logger.Error("the disk damaged a segment's header; its events are kept, under a new id", "segment", path, "header", hexOf(content))
	default:
		id = uuid.New()
		if path, err = s.refuseWithoutID(path, number, content); err != nil {
			return "", state, err
		}
		state = Refused
	}
	if err := durable.WriteFile(path, found.file(id)); err != nil {
		return "", state, err
	}
	return path, state, os.Chtimes(path, info.ModTime(), info.ModTime()) // says when its events were accepted
}

// inPlace says that the whole frames lie in the file as they should, from its header on.
func (v *survey) inPlace(content []byte) bool {
	at := segmentHeader
	for _, f := range v.frames {
		if f.at != at || !bytes.HasPrefix(content[at:], f.frame) {
			return false
		}
		at += len(f.frame)
	}
	_, _, err := readHeader(bytes.NewReader(content))
	return err == nil
}

// cutBack cuts the file behind its last whole frame.
func cutBack(path string, found survey, changed time.Time) error {
	last := found.frames[len(found.frames)-1]
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Truncate(int64(last.at+len(last.frame))), os.Chtimes(path, changed, changed), file.Sync(), file.Close())
}

// keepPiece makes a file of what was at offset of a segment's file. One with these bytes is that of a recovery that was cut off.
func (s *Spool) keepPiece(path, infix string, offset int, piece []byte, more bool) (aside string, err error) {
	base := fmt.Sprintf("%s%s%d", strings.TrimSuffix(path, filepath.Ext(path)), infix, offset)
	there, err := filepath.Glob(base + "*")
	if err != nil {
		return "", err
	}
	for _, aside := range there {
		content, err := os.ReadFile(aside)
		if err != nil {
			return "", err
		}
		if bytes.Equal(content, piece) {
			return aside, durable.SyncDir(s.o.Dir) // its content was synced before it had the name
		}
	}
	if more {
		base += moreLost
	}
	aside = base
	for n := 1; slices.Contains(there, aside); n++ {
		aside = fmt.Sprintf("%s.%d", base, n)
	}
	return aside, durable.WriteFile(aside, piece)
}

// keepDamaged sets bytes aside that were answered for and answers how many events they were, as far as they say. last says that the segment ends
// with them and that it is not known where it ended before.
func (s *Spool) keepDamaged(path string, offset int, piece []byte, last bool) (rows int, err error) {
	rows, all, cut := statedRows(piece)
	aside, err := s.keepPiece(path, damagedInfix, offset, piece, last && cut)
	if err != nil {
		return 0, err
	}
	s.o.Logger.Error("the disk lost or damaged accepted events: what is left of them is set aside and not loaded; see `livello spool list`, and docs/reliability.md for the way out",
		"segment", path, "set_aside", aside, "bytes", len(piece), "events", rows, "events_known", all && !(last && cut))
	return rows, nil
}

// nothingLeft stands for events of which there are no bytes to set aside: the header of a frame alone, which says how many they were; 0 when nobody knows.
func nothingLeft(bytes int64, rows int) []byte {
	header := binary.LittleEndian.AppendUint32(nil, uint32(min(max(bytes, int64(rows)), maxFrame)))
	return append(binary.LittleEndian.AppendUint32(header, uint32(rows)), make([]byte, frameHeader-8)...)
}

func hexOf(content []byte) string {
	return hex.EncodeToString(content[:min(len(content), segmentHeader)])
}

// lostID is why a segment is set aside that ClickHouse may have, under an id that nobody knows any more.
const lostID = "the disk damaged the header of its file and with it the id by which ClickHouse recognizes what it has of it: some or all of these events may be loaded. " +
	"Compare them with the table events (livello spool export); retry loads all of them under a new id, so that verify shows what is there twice and rebuild mends it; drop if all are there"

// refuseWithoutID sets a segment aside of which ClickHouse may have something. The caller writes it anew then.
func (s *Spool) refuseWithoutID(path string, number uint64, content []byte) (aside string, err error) {
	aside = filepath.Join(s.o.Dir, fmt.Sprintf("%016d%s", number, refusedSuffix))
	if err := noteLostID(aside, Refusal{}); err != nil {
		return "", err
	}
	s.o.Logger.Error("the disk damaged the header of a segment that was being sent: it is set aside; see `livello spool list`", "segment", path, "set_aside", aside, "header", hexOf(content))
	return aside, errors.Join(os.Rename(path, aside), durable.SyncDir(s.o.Dir))
}

func noteLostID(aside string, before Refusal) error {
	now := time.Now().UTC().Truncate(time.Millisecond)
	why := before
	why.Error = lostID
	if before.Error != "" {
		why.Error += ". Before that it was refused: " + before.Error
	}
	if why.At.IsZero() {
		why.First, why.At = now, now
	}
	text, err := json.MarshalIndent(why, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(aside+".json", append(text, '\n'))
}

// newHeader gives a refused segment whose header cannot be read another one, with its id when that is known. Otherwise the id is new, the reason says
// so, and renamed is true.
func newHeader(aside string) (renamed bool, err error) {
	info, err := os.Stat(aside)
	if err != nil {
		return false, err
	}
	content, err := os.ReadFile(aside)
	if err != nil {
		return false, err
	}
	if _, _, err := readHeader(bytes.NewReader(content)); err == nil {
		return false, nil
	}
	found := look(content)
	if len(found.frames) == 0 {
		return false, nil
	}
	id := found.id
	if !found.header {
		if id, err = knownID(aside); err != nil {
			return false, err
		}
	}
	lost := id == uuid.Nil
	if lost {
		id = uuid.New()
		if before := readRefusal(aside); !strings.HasPrefix(before.Error, lostID) { // or it was cut off here
			if err := noteLostID(aside, before); err != nil {
				return false, err
			}
		}
	}
	rest := content[min(segmentHeader, found.frames[0].at):] // what is damaged in it is cut out when it is put back
	if err := durable.WriteFile(aside, append(sealedHeader(found.magic, id), rest...)); err != nil {
		return false, err
	}
	return lost, os.Chtimes(aside, info.ModTime(), info.ModTime())
}

// knownID is the id that was written down of a refused segment; uuid.Nil when none was.
func knownID(aside string) (uuid.UUID, error) {
	of, _, err := readAnswers(filepath.Dir(aside))
	number, ok := parseName(aside, refusedSuffix)
	if a := of[number%answeredSlots]; ok && a.number == number {
		return a.id, err
	}
	return uuid.UUID{}, err
}
