package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/livello/livello/internal/durable"
)

// pieces are the files of what recovery cut off or out of segments.
type pieces struct {
	torn, damaged, unknown  int
	tornBytes, damagedBytes int64
}

// countPieces looks at what is set aside as torn or damaged, for the status.
func (s *Spool) countPieces() error {
	files, err := os.ReadDir(s.o.Dir)
	if err != nil {
		return err
	}
	var p pieces
	rows := 0
	for _, file := range files {
		number, state := parseFile(file.Name())
		if state != Torn && state != Damaged {
			continue
		}
		e, err := describe(s.o.Dir, file.Name(), number, state)
		switch {
		case os.IsNotExist(err): // dropped meanwhile
		case err != nil:
			return err
		case state == Torn:
			p.torn, p.tornBytes = p.torn+1, p.tornBytes+e.Bytes
		default:
			p.damaged, p.damagedBytes, rows = p.damaged+1, p.damagedBytes+e.Bytes, rows+e.Rows
			if e.AtLeast {
				p.unknown++
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pieces, s.damaged = p, rows
	return nil
}

// DropPiece deletes what recovery set aside, by the name that Entry.Name has for it: what could be read of it never will be again.
func (s *Spool) DropPiece(name string) error {
	s.puttingBack.Lock()
	defer s.puttingBack.Unlock()
	if err := DropPieceFile(s.o.Dir, name); err != nil {
		return err
	}
	return s.countPieces()
}

// DropPieceFile is DropPiece on a folder that no process has open. Errors: ErrNotRefused (wrapped) when there is no such piece.
func DropPieceFile(dir, name string) error {
	file, _, _, ok := pieceFile(name)
	err := fs.ErrNotExist
	if ok {
		err = os.Remove(filepath.Join(dir, file))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop %s: %w", name, ErrNotRefused)
	}
	if err = errors.Join(err, durable.SyncDir(dir)); err != nil {
		return fmt.Errorf("drop %s: %w", name, err)
	}
	return nil
}

// statedRows is how many events the frames in a damaged piece had by what is left of their headers; known is false when some of it does not say, and
// cut says that the last of them ends somewhere behind the piece.
func statedRows(piece []byte) (rows int, known, cut bool) {
	known = len(piece) > 0
	for at := 0; at < len(piece); {
		n, long, ok := statedFrame(piece[at:], at == 0)
		if ok {
			rows, at = rows+n, at+long
			cut = at > len(piece)
			continue
		}
		known = false
		next := nextBlock(piece, at, func(start int) bool {
			_, _, ok := statedFrame(piece[start:], false)
			return ok
		})
		if next < 0 {
			break
		}
		at = next
	}
	return rows, known, cut
}

// statedFrame is what the header of a frame says, when there is a second witness to it: the block's own number of rows, or, for a piece that
// is one frame, its length.
func statedFrame(piece []byte, first bool) (rows, long int, ok bool) {
	if len(piece) < 8 {
		return 0, 0, false
	}
	length, stated := int64(binary.LittleEndian.Uint32(piece)), binary.LittleEndian.Uint32(piece[4:])
	if length > maxFrame || int64(stated) > length {
		return 0, 0, false
	}
	for _, header := range []int{frameHeader, olderHeader} {
		if first && length > 0 && int64(len(piece)) == int64(header)+length || first && len(piece) == frameHeader && stated > 0 { // the second: nothing but the header is left
			return int(stated), header + int(length), true
		}
		if len(piece) <= header {
			continue
		}
		block := piece[header:]
		columns, n := binary.Uvarint(block)
		if n <= 0 || columns == 0 || columns > maxColumns {
			continue
		}
		if own, m := binary.Uvarint(block[n:]); m > 0 && own == uint64(stated) && bytes.HasPrefix(block[n+m:], blockBegins[:min(len(blockBegins), len(block)-n-m)]) {
			return int(stated), header + int(length), true
		}
	}
	return 0, 0, false
}

const maxColumns = 1 << 10 // of a block

// blockBegins is what every block has behind its numbers of columns and rows: the name and type of its first column.
var blockBegins = []byte("\x08event_id\x04UUID")

// nextBlock answers where behind at the next frame begins that is one by what accept says of its offset; -1 when there is none. Frames are
// found by how their blocks begin.
func nextBlock(content []byte, at int, accept func(start int) bool) int {
	for from := at; ; {
		hit := bytes.Index(content[from:], blockBegins)
		if hit < 0 {
			return -1
		}
		begins := from + hit
		from = begins + 1
		for _, header := range []int{frameHeader, olderHeader} {
			for numbers := 2; numbers <= 7; numbers++ { // bytes of both
				start := begins - numbers - header
				if start < at {
					break
				}
				columns, n := binary.Uvarint(content[begins-numbers : begins])
				if n <= 0 || columns == 0 || columns > maxColumns {
					continue
				}
				if _, m := binary.Uvarint(content[begins-numbers+n : begins]); n+m == numbers && accept(start) {
					return start
				}
			}
		}
	}
}

// moreLost in the name of a damaged file says that the segment ended with it, and that nobody knows whether it was longer once.
const moreLost = "+"

// damagedRows is statedRows of a file.
func damagedRows(path string) (rows int, known bool, err error) {
	content, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return 0, false, err
	}
	rows, known, _ = statedRows(content)
	return rows, known && !strings.Contains(filepath.Base(path), moreLost), nil
}
