package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// State of a segment.
type State string

const (
	Active   State = "active"   // being written
	Waiting  State = "waiting"  // for the loader
	Sending  State = "sending"  // waiting, and an attempt to load it was begun
	Doubtful State = "doubtful" // in ClickHouse by its answer to a repeated attempt; being checked, see Spool.Doubt
	Loaded   State = "loaded"   // in ClickHouse, about to be deleted
	Refused  State = "refused"  // set aside, see Refusal
	Torn     State = "torn"     // what recovery cut off a segment's end: a write that a crash interrupted
	Damaged  State = "damaged"  // what recovery cut out or off that was answered for, and cannot be read
)

// states are what the names of segments' files say.
var states = []struct {
	State
	suffix string
}{{Waiting, waitingSuffix}, {Sending, sendingSuffix}, {Refused, refusedSuffix}, {Doubtful, doubtfulSuffix}, {Loaded, loadedSuffix}}

// Entry is one file of the spool.
type Entry struct {
	Number  uint64    `json:"number"`
	State   State     `json:"state"`
	Rows    int       `json:"rows"`               // of damaged ones what their frames' headers say; of torn ones 0
	AtLeast bool      `json:"at_least,omitempty"` // Rows is not all of them: the rest cannot be told
	Bytes   int64     `json:"bytes"`
	Changed time.Time `json:"changed"` // when the last of its events was accepted, by the file's time
	File    string    `json:"file"`    // its name in the folder
	Refusal *Refusal  `json:"refusal,omitempty"`
}

// List answers the files of the spool in dir, oldest first. It only reads: it may be called beside the process that has the spool
// open, and then says "waiting" of the segment that is being written, too. A folder that is not there is an empty spool.
func List(dir string) ([]Entry, error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list spool: %w", err)
	}
	var entries []Entry
	for _, file := range files {
		number, state := parseFile(file.Name())
		if state == "" {
			continue
		}
		e, err := describe(dir, file.Name(), number, state)
		if errors.Is(err, fs.ErrNotExist) {
			continue // loaded and deleted, or renamed, meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("list spool: %w", err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// List answers the files of the open spool, oldest first.
func (s *Spool) List() ([]Entry, error) {
	entries, err := List(s.o.Dir)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range entries {
		e := &entries[i]
		if e.State == Waiting && e.Number == s.number && s.open.rows > 0 {
			e.State = Active
		}
	}
	return entries, nil
}

// parseFile answers the number and state that a file's name says; the state is "" for what is not a segment.
func parseFile(name string) (uint64, State) {
	for _, state := range states {
		if number, ok := parseName(name, state.suffix); ok {
			return number, state.State
		}
	}
	for infix, state := range map[string]State{tornInfix: Torn, damagedInfix: Damaged} {
		if head, _, found := strings.Cut(name, infix); found {
			if number, ok := parseName(head+waitingSuffix, waitingSuffix); ok {
				return number, state
			}
		}
	}
	return 0, ""
}

func describe(dir, name string, number uint64, state State) (Entry, error) {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return Entry{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Number: number, State: state, Bytes: info.Size(), Changed: info.ModTime().UTC(), File: name}
	switch state {
	case Torn:
	case Damaged:
		known := false
		if e.Rows, known, err = damagedRows(filepath.Join(dir, name)); err != nil {
			return Entry{}, err
		}
		e.AtLeast = !known
	default:
		if e.Rows, err = countRows(file, info.Size()); err != nil {
			return Entry{}, err
		}
	}
	if state == Refused {
		why := readRefusal(filepath.Join(dir, name))
		e.Refusal = &why
	}
	return e, nil
}

// countRows adds up what the frames' headers say, without reading what is between them.
func countRows(file io.ReaderAt, size int64) (rows int, err error) {
	_, headerLength, err := readHeader(io.NewSectionReader(file, 0, size))
	if err != nil { // nothing, or a damaged header
		found, err := surveyed(file, size)
		for _, f := range found.frames {
			rows += f.rows
		}
		return rows, err
	}
	header := make([]byte, headerLength)
	for at := int64(segmentHeader); at+int64(headerLength) <= size; {
		if _, err := file.ReadAt(header, at); err != nil {
			return 0, err
		}
		length := int64(binary.LittleEndian.Uint32(header))
		if at += int64(headerLength) + length; length == 0 || at > size {
			break // what follows is torn
		}
		rows += int(binary.LittleEndian.Uint32(header[4:]))
	}
	return rows, nil
}

// File is a segment opened for reading alone, in whatever state it is, or a piece of one that recovery set aside.
type File struct {
	Entry
	Unread int64 // bytes that Blocks found to be no whole frame
	file   *os.File
}

// OpenFile opens segment number of the spool in dir. Errors: fs.ErrNotExist (wrapped) when there is none.
func OpenFile(dir string, number uint64) (*File, error) {
	// It may be renamed between two looks: look again.
	for range 2 {
		for _, state := range states {
			file, err := openAs(dir, fmt.Sprintf("%016d%s", number, state.suffix), number, state.State)
			if !errors.Is(err, fs.ErrNotExist) {
				return file, err
			}
		}
	}
	return nil, fmt.Errorf("open segment %d: %w", number, fs.ErrNotExist)
}

// OpenPiece opens what recovery set aside, by what Entry.Name says of it. Errors: fs.ErrNotExist (wrapped) when there is none.
func OpenPiece(dir, name string) (*File, error) {
	file, number, state, ok := pieceFile(name)
	if !ok {
		return nil, fmt.Errorf("open %q: %w", name, fs.ErrNotExist)
	}
	return openAs(dir, file, number, state)
}

func openAs(dir, name string, number uint64, state State) (*File, error) {
	e, err := describe(dir, name, number, state)
	if err != nil {
		return nil, fmt.Errorf("open segment %d: %w", number, err)
	}
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("open segment %d: %w", number, err)
	}
	return &File{Entry: e, file: file}, nil
}

// Name is what a person calls the file: the number of a segment, and for pieces that recovery set aside, which may be several of one segment,
// the name of the file without the zeros, as in 17.damaged-2048.
func (e *Entry) Name() string {
	if e.State == Torn || e.State == Damaged {
		return strings.TrimLeft(e.File[:16], "0") + e.File[16:]
	}
	return strconv.FormatUint(e.Number, 10)
}

// IsPiece says whether a text is the name of a piece, which need not be there.
func IsPiece(name string) bool {
	_, _, _, ok := pieceFile(name)
	return ok
}

// pieceFile is the file of a piece, whose name is given with or without zeros.
func pieceFile(name string) (file string, number uint64, state State, ok bool) {
	digits, rest, _ := strings.Cut(name, ".")
	if number, err := strconv.ParseUint(digits, 10, 64); err == nil && filepath.Base(name) == name {
		file = fmt.Sprintf("%016d.%s", number, rest)
	}
	number, state = parseFile(file)
	return file, number, state, state == Torn || state == Damaged
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Blocks calls each with every whole block of Native format, also behind what is damaged. Damage in a segment is errTorn wrapped, once all
// of them were given, with where it begins. A piece is damaged as such; the error is errTorn when nothing in it is whole.
func (f *File) Blocks(each func(block []byte, rows int) error) error {
	piece := f.State == Torn || f.State == Damaged
	given, end := 0, int64(0)
	err := errTorn
	if !piece {
		_, end, err = readFrames(f.file, f.Bytes, nil, func(block []byte, rows int) error {
			given++
			return each(block, rows)
		})
		if err == io.EOF {
			return nil
		}
		if !errors.Is(err, errTorn) {
			return err
		}
	}
	found, cannot := surveyed(f.file, f.Bytes)
	if cannot != nil {
		return cannot
	}
	f.Unread = f.Bytes
	if found.header || len(found.frames) > 0 && found.frames[0].at >= segmentHeader && !piece {
		f.Unread -= int64(segmentHeader)
	}
	for i, w := range found.frames {
		f.Unread -= int64(len(w.frame))
		if i < given {
			continue
		}
		if err := each(w.block, w.rows); err != nil {
			return err
		}
	}
	switch {
	case piece && len(found.frames) > 0:
		return nil
	case piece:
		return fmt.Errorf("%s: none of its %d bytes are a whole frame of events: %w", f.File, f.Bytes, errTorn)
	case f.Unread <= 0: // of the header alone
		return nil
	}
	return fmt.Errorf("segment %d is not whole after byte %d of %d: %w", f.Number, end, f.Bytes, err)
}

// WriteNative writes the blocks one after another, the body of an INSERT ... FORMAT Native, and answers how many events that was.
func (f *File) WriteNative(w io.Writer) (rows int, err error) {
	err = f.Blocks(func(block []byte, n int) error {
		rows += n
		_, err := w.Write(block)
		return err
	})
	return rows, err
}
