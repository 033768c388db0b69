package spool

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/livello/livello/internal/durable"
)

// wholeBehind answers how long what is damaged at offset is, when a whole frame follows behind it; 0 when none does.
func wholeBehind(file io.ReaderAt, size, offset int64) int64 {
	found, err := surveyed(file, size)
	if err != nil || !found.header {
		return 0
	}
	for _, g := range found.gaps {
		if int64(g.from) == offset && int64(g.to) < size {
			return int64(g.to - g.from)
		}
	}
	return 0
}

// cutOut moves what is damaged at offset of a refused segment to a file of its own, and what is behind it to its place.
func (s *Spool) cutOut(file *os.File, path string, info fs.FileInfo, offset int64) error {
	content, err := io.ReadAll(io.NewSectionReader(file, 0, info.Size()))
	if err != nil {
		return err
	}
	end := offset + wholeBehind(file, info.Size(), offset)
	if _, err := s.keepDamaged(path, int(offset), content[offset:end], false); err != nil {
		return err
	}
	if err := durable.WriteFile(path, append(content[:offset], content[end:]...)); err != nil {
		return err
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil { // says when its events were accepted
		return err
	}
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
