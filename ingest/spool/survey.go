package spool

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/google/uuid"
)

// survey is what a file that is not whole holds: its header, the whole frames, and what is between and behind them.
type survey struct {
	id     uuid.UUID
	header bool   // it could be read, also with a bit turned back
	magic  string // of the frames' version
	frames []whole
	gaps   []gap
}

// whole is a frame that is as it was written, also with a bit turned back.
type whole struct {
	at    int    // where it begins
	frame []byte // as it was written
	block []byte
	rows  int
}

// gap is bytes that are no whole frame.
type gap struct{ from, to int }

// look surveys the content of a segment's file, or of a piece that recovery set aside, which has no header.
func look(content []byte) survey {
	var v survey
	at := segmentHeader
	id, headerLength, err := readHeader(bytes.NewReader(content))
	if err == nil {
		v.id, v.header = id, true
	} else if id, headerLength, v.header = headerBySum(content); v.header {
		v.id = id
	} else {
		for _, headerLength = range []int{frameHeader, olderHeader} {
			if at = firstWhole(content, 0, headerLength); at >= 0 {
				break
			}
		}
		switch {
		case at < 0 && len(content) > 0:
			v.gaps = []gap{{0, len(content)}}
			return v
		case at < 0:
			return v
		case at > segmentHeader: // up to there it was the header
			v.gaps = []gap{{segmentHeader, at}}
		}
	}
	v.magic = segmentMagic
	if headerLength == olderHeader {
		v.magic = olderMagic
	}
	for at < len(content) {
		if f, long, ok := frameAt(content, at, headerLength); ok {
			v.frames = append(v.frames, f)
			at += long
			continue
		}
		next := nextWhole(content, at, headerLength)
		if next < 0 {
			next = len(content)
		}
		v.gaps = append(v.gaps, gap{at, next})
		at = next
	}
	return v
}

// file is a segment of the whole frames with this id.
func (v *survey) file(id uuid.UUID) []byte {
	content := sealedHeader(v.magic, id)
	for _, f := range v.frames {
		content = append(content, f.frame...)
	}
	return content
}

// headerBySum reads a header of which only the magic is damaged: the sum tells whether the id is.
func headerBySum(content []byte) (id uuid.UUID, ofFrames int, ok bool) {
	if len(content) < segmentHeader {
		return id, 0, false
	}
	copy(id[:], content[len(segmentMagic):])
	for magic, ofFrames := range map[string]int{segmentMagic: frameHeader, olderMagic: olderHeader} {
		if bytes.Equal(content[len(magic):segmentHeader], sealedHeader(magic, id)[len(magic):]) {
			return id, ofFrames, true
		}
	}
	return uuid.UUID{}, 0, false
}

// frameAt answers the frame that begins at offset at and how long it is, if it is whole.
func frameAt(content []byte, at, headerLength int) (f whole, long int, ok bool) {
	if at+headerLength >= len(content) {
		return f, 0, false
	}
	header := content[at : at+headerLength]
	length, rows := int64(binary.LittleEndian.Uint32(header)), binary.LittleEndian.Uint32(header[4:])
	if length > 0 && length <= maxFrame && int64(at+headerLength)+length <= int64(len(content)) {
		long = headerLength + int(length)
		block := content[at+headerLength : at+long]
		if crc32.Update(crc32.Checksum(header[:8], castagnoli), castagnoli, block) == binary.LittleEndian.Uint32(header[8:]) {
			return whole{at, content[at : at+long], block, int(rows)}, long, true
		}
	}
	corrected, ok := correct(bytes.NewReader(content), int64(len(content)), int64(at), header)
	if !ok {
		return f, 0, false
	}
	frame := appendFrame(nil, corrected.block, int(corrected.rows))
	return whole{at, frame, frame[frameHeader:], int(corrected.rows)}, len(frame), true
}

// nextWhole answers where the first whole frame behind the damaged one at offset at begins; -1 when there is none. The damaged one's own length
// goes first: what its events hold may look like anything.
func nextWhole(content []byte, at, headerLength int) int {
	if at+headerLength < len(content) {
		next := int64(at+headerLength) + int64(binary.LittleEndian.Uint32(content[at:]))
		if next < int64(len(content)) {
			if _, _, ok := frameAt(content, int(next), headerLength); ok {
				return int(next)
			}
		}
	}
	return firstWhole(content, at+1, headerLength)
}

// firstWhole answers where the first whole frame from offset at on begins, by how blocks begin; -1 when there is none.
func firstWhole(content []byte, at, headerLength int) int {
	return nextBlock(content, at, func(start int) bool {
		_, _, ok := frameAt(content, start, headerLength)
		return ok
	})
}

// surveyed reads what is there of a file up to size.
func surveyed(file io.ReaderAt, size int64) (survey, error) {
	content, err := io.ReadAll(io.NewSectionReader(file, 0, size))
	if err != nil {
		return survey{}, err
	}
	return look(content), nil
}
