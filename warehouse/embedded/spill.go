package embedded

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// spill holds bytes in memory up to a limit and in an unlinked temporary file beyond it.
type spill struct {
	limit int
	mem   bytes.Buffer
	file  *os.File
}

func (s *spill) Write(p []byte) (int, error) {
	if s.file == nil && s.mem.Len()+len(p) <= s.limit {
		return s.mem.Write(p)
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "livello-result-")
		if err != nil {
			return 0, fmt.Errorf("hold back result: %w", err)
		}
		_ = os.Remove(f.Name()) // the open file is all that is needed, and goes away with it
		s.file = f
	}
	return s.file.Write(p)
}

func (s *spill) writeTo(w io.Writer) error {
	if _, err := w.Write(s.mem.Bytes()); err != nil {
		return err
	}
	if s.file == nil {
		return nil
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(w, s.file)
	return err
}

func (s *spill) close() {
	if s.file != nil {
		s.file.Close()
	}
}

func readAll(r io.Reader) ([]byte, error) {
	out, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read data of the insert: %w", err)
	}
	return out, nil
}
