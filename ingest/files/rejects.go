package files

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// Rejected is a row, or a message made of it, that was left out, and why.
type Rejected struct {
	Line   int64  // where the row begins in the file, from 1; of Parquet the number of the row
	Field  string // of the message; "" when the row as a whole is meant
	Reason string
	Row    string // as it stands in the file
}

// rejectsFile is `<file>.rejected.ndjson`. It comes into being with the first reject.
type rejectsFile struct {
	path string
	mu   sync.Mutex
	file *os.File
	w    *bufio.Writer
	err  error
	line []byte
}

// newRejectsFile puts the file beside what is loaded, or into dir when that is not "".
func newRejectsFile(loaded, dir string) *rejectsFile {
	path := loaded + ".rejected.ndjson"
	if dir != "" {
		path = filepath.Join(dir, filepath.Base(path))
	}
	return &rejectsFile{path: path}
}

// write adds a reject. After an error it only returns that error.
func (f *rejectsFile) write(r *Rejected) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil && f.err == nil {
		if f.file, f.err = os.Create(f.path); f.err != nil {
			f.err = fmt.Errorf("write rejected rows: %w; name a folder for them that can be written", f.err)
		}
		f.w = bufio.NewWriter(f.file)
	}
	if f.err != nil {
		return f.err
	}
	b := strconv.AppendInt(append(f.line[:0], `{"line":`...), r.Line, 10)
	b = appendString(append(b, `,"field":`...), r.Field)
	b = appendString(append(b, `,"reason":`...), r.Reason)
	b = appendString(append(b, `,"row":`...), r.Row)
	f.line = append(b, '}', '\n')
	if _, err := f.w.Write(f.line); err != nil {
		f.err = fmt.Errorf("write rejected rows: %w", err)
	}
	return f.err
}

// close writes out what is buffered and returns the file's path, or "" when nothing was rejected. complete says that the
// whole file was loaded: then rejects that an earlier load left are gone too.
func (f *rejectsFile) close(complete bool) (string, error) {
	if f.file == nil {
		if complete {
			if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("remove the rejected rows of an earlier load: %w", err)
			}
		}
		return "", f.err
	}
	err := errors.Join(f.w.Flush(), f.file.Close())
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("write rejected rows: %w", err)
	}
	return f.path, f.err
}
