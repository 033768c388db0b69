package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/livello/livello/internal/durable"
)

// wholeBehind answers how long the damaged frame at offset is, when its header is believed, because a whole frame follows behind it.
func wholeBehind(file io.ReaderAt, size, offset int64) int64 {
	id, headerLength, err := readHeader(io.NewSectionReader(file, 0, size))
	if err != nil || offset < int64(segmentHeader) {
		return 0
	}
	length := make([]byte, 4)
	if _, err := file.ReadAt(length, offset); err != nil {
		return 0
	}
	long := int64(headerLength) + int64(binary.LittleEndian.Uint32(length))
	if long > maxFrame || offset+long >= size {
		return 0
	}
	// As a file of its own: a header, and what is behind.
	magic := segmentMagic
	if headerLength == olderHeader {
		magic = olderMagic
	}
	whole := false
	_, _, err = readFrames(&behind{sealedHeader(magic, id), file, offset + long}, int64(segmentHeader)+size-offset-long, nil, func([]byte, int) error {
		whole = true
		return io.EOF // enough
	})
	if err != io.EOF || !whole {
		return 0
	}
	return long
}

// behind is a segment's header and what is in a file from an offset on.
type behind struct {
	header []byte
	file   io.ReaderAt
	from   int64
}

func (b *behind) ReadAt(p []byte, at int64) (n int, err error) {
	if at < int64(len(b.header)) {
		n = copy(p, b.header[at:])
		if n == len(p) {
			return n, nil
		}
		p, at = p[n:], int64(len(b.header))
	}
	more, err := b.file.ReadAt(p, b.from+at-int64(len(b.header)))
	return n + more, err
}

// cutOut moves the damaged frame at offset to a file of its own, and what is behind it to its place.
func (s *Spool) cutOut(file *os.File, path string, info fs.FileInfo, offset int64) error {
	content, err := io.ReadAll(io.NewSectionReader(file, 0, info.Size()))
	if err != nil {
		return err
	}
	end := offset + wholeBehind(file, info.Size(), offset)
	aside := fmt.Sprintf("%s%s%d", strings.TrimSuffix(path, filepath.Ext(path)), damagedInfix, offset)
	for n := 1; ; n++ { // the one before this was cut out from the same place
		if _, err := os.Stat(aside); err != nil {
			break
		}
		aside = fmt.Sprintf("%s%s%d.%d", strings.TrimSuffix(path, filepath.Ext(path)), damagedInfix, offset, n)
	}
	if err := durable.WriteFile(aside, content[offset:end]); err != nil {
		return err
	}
	rows, _ := statedRows(content[offset:end])
	if err := durable.WriteFile(path, append(content[:offset], content[end:]...)); err != nil {
		return err
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil { // says when its events were accepted
		return err
	}
	s.o.Logger.Error("the disk damaged accepted events: they are set aside and not loaded", "segment", path, "set_aside", aside, "events", rows, "bytes", end-offset)
	return s.countPieces()
}

// healer writes what was corrected back to the file, and nothing that is there already.
type healer struct {
	file   *os.File
	log    *slog.Logger
	healed bool
}

func (h *healer) WriteAt(right []byte, at int64) (int, error) {
	is := make([]byte, len(right))
	if _, err := h.file.ReadAt(is, at); err == nil && bytes.Equal(is, right) {
		return len(right), nil
	}
	h.healed = true
	h.log.Warn("a bit of the spool had flipped on the disk and was turned back", "segment", h.file.Name(), "offset", at)
	return h.file.WriteAt(right, at)
}

// sync makes what was written durable; the file's time says when its events were accepted, and stays.
func (h *healer) sync(info fs.FileInfo) error {
	if !h.healed {
		return nil
	}
	return errors.Join(os.Chtimes(h.file.Name(), info.ModTime(), info.ModTime()), h.file.Sync())
}
