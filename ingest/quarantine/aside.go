package quarantine

import (
	"bytes"
	"context"
	"encoding/json"
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

	"github.com/livello/livello/internal/durable"
)

// Suffixes of a file that was set aside, and of the reason beside it.
const (
	refusedSuffix = ".ndjson.refused"
	refusalSuffix = ".ndjson.refused.json"
)

// A file is set aside after so many refusals over so long a time.
const (
	refusals     = 5
	refusedAfter = 10 * time.Second
)

// Aside is a file that ClickHouse refused. Its reason lies beside it, as <uuid>.ndjson.refused.json.
type Aside struct {
	ID      uuid.UUID `json:"id"`
	Records int       `json:"records"` // rows
	Bytes   int64     `json:"bytes"`
	Changed time.Time `json:"changed"` // when the last of them came, by the file's time, UTC
	Refusal Refusal   `json:"refusal"`
}

// Name is that of the file in the folder.
func (a Aside) Name() string { return a.ID.String() + refusedSuffix }

// Refusal is why a file was set aside.
type Refusal struct {
	Error    string    `json:"error"`
	Attempts int       `json:"attempts"`
	First    time.Time `json:"first_attempt"`
	At       time.Time `json:"set_aside"`
}

// ErrNotRefused says that no file of that id is set aside.
var ErrNotRefused = errors.New("no rejected records of that id are set aside")

// isHopeless says whether the fault lies in the file: ClickHouse refused it often and long enough, and takes an INSERT of the same columns without
// rows, so neither the table nor the way to it is at fault.
func (s *Store) isHopeless(ctx context.Context, f *file, err error) bool {
	if !s.o.Refused(err) {
		return false
	}
	now := s.o.Now()
	if f.refusals++; f.refusals == 1 {
		f.first = now
	}
	if f.refusals < refusals || now.Sub(f.first) < refusedAfter {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	return s.o.DB.InsertFormat(ctx, "JSONEachRow", insertStatement(uuid.New()), strings.NewReader("\n")) == nil
}

// setAside takes a file out of the line. The caller holds s.loading.
func (s *Store) setAside(f file, reason error) error {
	why := Refusal{Error: reason.Error(), Attempts: f.refusals, First: f.first.UTC(), At: s.o.Now().UTC()}
	text, err := json.MarshalIndent(why, "", "  ")
	aside := filepath.Join(s.o.Dir, f.id.String()+refusedSuffix)
	if err == nil {
		// The reason first: a crash in between leaves a file that waits, and a note that the next setting aside replaces.
		err = durable.WriteFile(aside+".json", append(text, '\n'))
	}
	if err == nil {
		err = os.Rename(s.path(f.id), aside)
	}
	if err != nil {
		return fmt.Errorf("set quarantine file %s aside: %w", f.id, err)
	}
	// From here on it is set aside, whatever fails.
	a, err := describe(s.o.Dir, f.id)
	if err != nil {
		a = Aside{ID: f.id, Bytes: f.size, Refusal: why}
	}
	s.mu.Lock()
	s.sealed = slices.DeleteFunc(s.sealed, f.is)
	s.aside = append(s.aside, a)
	s.mu.Unlock()
	if err := errors.Join(err, durable.SyncDir(s.o.Dir)); err != nil {
		return fmt.Errorf("set quarantine file %s aside: %w", f.id, err)
	}
	s.metrics.aside.Inc()
	s.o.Logger.Error("rejected records set aside: ClickHouse refuses them", "file", aside, "records", a.Records, "error", reason, "help", "livello spool list")
	return nil
}

// Refused are the files that are set aside, in the order of their coming.
func (s *Store) Refused() []Aside {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.aside)
}

// PutBack has files that were set aside inserted again, or all of them when no id is given, and answers how many.
func (s *Store) PutBack(ids ...uuid.UUID) (int, error) {
	return s.take(ids, func(a Aside) (forget func(), err error) {
		_, err = each(s.o.Dir, []uuid.UUID{a.ID}, s.syncDir, putBackFile)
		info, gone := os.Stat(s.path(a.ID))
		if gone != nil { // it is where it was
			return nil, errors.Join(err, gone)
		}
		return func() {
			// Whoever put it back may have mended it: it has the size it has now.
			s.sealed = append(s.sealed, file{id: a.ID, size: info.Size()})
			s.bytes += info.Size() - a.Bytes
		}, err
	})
}

// Drop deletes files that were set aside, and answers how many.
func (s *Store) Drop(ids ...uuid.UUID) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	return s.take(ids, func(a Aside) (forget func(), err error) {
		_, err = each(s.o.Dir, []uuid.UUID{a.ID}, s.syncDir, os.Remove)
		if _, gone := os.Stat(filepath.Join(s.o.Dir, a.Name())); !errors.Is(gone, fs.ErrNotExist) {
			return nil, errors.Join(err, gone)
		}
		return func() { s.bytes -= a.Bytes }, err
	})
}

// take does something with files that are set aside, or with all of them, and forgets that they are as soon as do says how, with an error or without.
// s.loading alone keeps others from these files; the lock that requests with rejects need is taken for what is remembered only, not while do waits for
// the disk.
func (s *Store) take(ids []uuid.UUID, do func(Aside) (forget func(), err error)) (n int, err error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	aside := s.Refused()
	for _, id := range ids {
		if !slices.ContainsFunc(aside, func(a Aside) bool { return a.ID == id }) {
			return 0, fmt.Errorf("%s: %w", id, ErrNotRefused)
		}
	}
	for _, a := range aside {
		if len(ids) > 0 && !slices.Contains(ids, a.ID) {
			continue
		}
		forget, err := do(a)
		if forget != nil {
			s.mu.Lock()
			s.aside = slices.DeleteFunc(s.aside, func(o Aside) bool { return o.ID == a.ID })
			forget()
			s.mu.Unlock()
			n++
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// dropNotes deletes reasons without their files: a crash left them while a file was set aside, put back or dropped, and they may quote what was in it. The
// caller holds s.loading, or is Open.
func (s *Store) dropNotes() error {
	notes, err := filepath.Glob(filepath.Join(s.o.Dir, "*"+refusalSuffix))
	if err != nil {
		return err
	}
	for _, note := range notes {
		if _, err := os.Stat(strings.TrimSuffix(note, ".json")); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.Remove(note); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete a reason without its file: %w", err)
		}
		if err := s.syncDir(s.o.Dir); err != nil {
			return err
		}
	}
	return nil
}

// List answers the files in dir that are set aside, in the order of their coming. It only reads, so it may be called beside the process that has the
// store open. A folder that is not there has none.
func List(dir string) ([]Aside, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+refusedSuffix)) // in the order of their names, which begin with a time
	if err != nil {
		return nil, fmt.Errorf("list rejected records: %w", err)
	}
	var all []Aside
	for _, path := range paths {
		id, err := uuid.Parse(strings.TrimSuffix(filepath.Base(path), refusedSuffix))
		if err != nil {
			continue // not ours
		}
		a, err := describe(dir, id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // put back meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

func describe(dir string, id uuid.UUID) (Aside, error) {
	a := Aside{ID: id}
	text, err := os.ReadFile(filepath.Join(dir, id.String()+refusedSuffix))
	if err != nil {
		return a, fmt.Errorf("read rejected records that are set aside: %w", err)
	}
	info, err := os.Stat(filepath.Join(dir, id.String()+refusedSuffix))
	if err != nil {
		return a, fmt.Errorf("read rejected records that are set aside: %w", err)
	}
	a.Records, a.Bytes, a.Changed = bytes.Count(text, []byte("\n")), int64(len(text)), info.ModTime().UTC()
	why, err := os.ReadFile(filepath.Join(dir, id.String()+refusalSuffix))
	if err == nil {
		err = json.Unmarshal(why, &a.Refusal)
	}
	if err != nil { // somebody moved the file here, or the note is gone: the records count
		a.Refusal.Error = "nobody knows why: " + err.Error()
	}
	return a, nil
}

// OpenFile opens a file that is set aside: NDJSON, the rows of the table quarantine. The error is fs.ErrNotExist when there is none.
func OpenFile(dir string, id uuid.UUID) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(dir, id.String()+refusedSuffix))
	if err != nil {
		return nil, fmt.Errorf("rejected records %s: %w", id, err)
	}
	return f, nil
}

// PutBackFiles is PutBack on a folder that no process has open.
func PutBackFiles(dir string, ids ...uuid.UUID) (int, error) {
	return each(dir, ids, durable.SyncDir, putBackFile)
}

func putBackFile(path string) error { return os.Rename(path, strings.TrimSuffix(path, ".refused")) }

// DropFiles is Drop on a folder that no process has open.
func DropFiles(dir string, ids ...uuid.UUID) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	return each(dir, ids, durable.SyncDir, os.Remove)
}

// each does something with the files of these ids, or with all, and removes their reasons.
func each(dir string, ids []uuid.UUID, syncDir, do func(path string) error) (n int, err error) {
	if len(ids) == 0 {
		all, err := List(dir)
		if err != nil {
			return 0, err
		}
		for _, a := range all {
			ids = append(ids, a.ID)
		}
	}
	for _, id := range ids {
		err := do(filepath.Join(dir, id.String()+refusedSuffix))
		if errors.Is(err, fs.ErrNotExist) {
			return n, fmt.Errorf("%s: %w", id, ErrNotRefused)
		}
		if err == nil {
			if err = os.Remove(filepath.Join(dir, id.String()+refusalSuffix)); errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
		if err = errors.Join(err, syncDir(dir)); err != nil {
			return n, fmt.Errorf("rejected records %s: %w", id, err)
		}
		n++
	}
	return n, nil
}
