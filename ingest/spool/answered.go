package spool

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/google/uuid"
)

// answeredFile lies in the folder and says of each segment how far it was answered for. Without it nobody could tell a write that a crash cut
// off from events that the disk lost, nor which id a segment has whose header is damaged.
const answeredFile = "answered"

// answered is what the file says of a segment. Each of its states stays true for good, so the file need not be synced with every group: it is
// written after the group's sync, so that it never says too much, and after a power cut an older state only says less.
type answered struct {
	number uint64 // of the segment; all before the highest one are sealed
	sealed bool   // and so is it
	id     uuid.UUID
	length int64 // bytes of it that were answered for; 0 when nothing is known
	rows   int   // events in them
}

const (
	answeredMagic = "LVLANS1\n"
	answeredSize  = len(answeredMagic) + 8 + 8 + 16 + 8 + 8 + 4 // magic, number, sealed, id, length, rows, CRC-32C of all
	answeredSlots = 4096                                        // a segment's place in the file is its number modulo this
)

func (a answered) encode(dst []byte) []byte {
	from := len(dst)
	dst = append(dst, answeredMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, a.number)
	sealed := uint64(0)
	if a.sealed {
		sealed = 1
	}
	dst = binary.LittleEndian.AppendUint64(dst, sealed)
	dst = append(dst, a.id[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(a.length))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(a.rows))
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[from:], castagnoli))
}

func decodeAnswered(text []byte) (a answered, ok bool) {
	if len(text) != answeredSize || string(text[:len(answeredMagic)]) != answeredMagic ||
		crc32.Checksum(text[:answeredSize-4], castagnoli) != binary.LittleEndian.Uint32(text[answeredSize-4:]) {
		return a, false
	}
	text = text[len(answeredMagic):]
	a.number, a.sealed = binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[8:]) == 1
	copy(a.id[:], text[16:])
	a.length, a.rows = int64(binary.LittleEndian.Uint64(text[32:])), int(binary.LittleEndian.Uint64(text[40:]))
	return a, true
}

// answers keeps the file. A file that cannot be written costs no event: less is known then.
type answers struct {
	mu     sync.Mutex
	known  map[uint64]answered // by place
	newest uint64              // the highest number in it
	file   *os.File            // nil when it could not be opened
	text   []byte
	failed bool
	log    *slog.Logger
}

// readAnswers reads the file in dir; a folder without one knows nothing. damaged says that some of it cannot be read.
func readAnswers(dir string) (of map[uint64]answered, damaged bool, err error) {
	text, err := os.ReadFile(filepath.Join(dir, answeredFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	of = map[uint64]answered{}
	nothing := make([]byte, answeredSize)
	for at := 0; at < len(text); at += answeredSize {
		one := text[at:min(at+answeredSize, len(text))]
		place := uint64(at / answeredSize)
		if a, ok := decodeAnswered(one); ok && a.number%answeredSlots == place {
			of[place] = a
		} else if !bytes.HasPrefix(nothing, one) {
			damaged = true
		}
	}
	return of, damaged, nil
}

// openAnswers reads the file in dir, or makes it.
func openAnswers(dir string, log *slog.Logger) (*answers, error) {
	of, damaged, err := readAnswers(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, answeredFile)
	if damaged {
		log.Warn("how far segments were answered for cannot be read of all: a torn end of the newest one may pass for an interrupted write", "file", path)
	}
	a := &answers{known: of, log: log}
	for _, one := range of {
		a.newest = max(a.newest, one.number)
	}
	if a.file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		a.fails(err)
	}
	return a, nil
}

func (a *answers) fails(err error) {
	if !a.failed {
		a.log.Warn("how far segments were answered for cannot be written: after a crash, damage at the end of the newest one could pass for an interrupted write", "error", err)
	}
	a.failed = true
}

// note writes down what is so now. It is only synced when that is asked for.
func (a *answers) note(now answered, sync bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.write(now, sync)
}

func (a *answers) write(now answered, sync bool) {
	place := now.number % answeredSlots
	a.known[place], a.newest = now, max(a.newest, now.number)
	if a.file == nil {
		return
	}
	a.text = now.encode(a.text[:0])
	_, err := a.file.WriteAt(a.text, int64(place)*int64(answeredSize))
	if err == nil && sync {
		err = a.file.Sync()
	}
	if err != nil {
		a.fails(err)
	} else {
		a.failed = false
	}
}

// of answers what is known of segment number, which has this id by its header, or uuid.Nil when that cannot be read.
func (a *answers) of(number uint64, id uuid.UUID) answered {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.known[number%answeredSlots]
	if known.number != number || id != uuid.Nil && known.id != uuid.Nil && id != known.id {
		known = answered{number: number}
	}
	known.sealed = known.sealed || number < a.newest
	return known
}

// settle says that these segments are sealed and may be shorter from now on than when they were answered for, or not there, because what they lack is set
// aside, erased or loaded. That is on disk before the segment is touched, or the next start would miss the same once more.
func (a *answers) settle(numbers ...uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wrote := false
	for _, number := range numbers {
		settled := answered{number: number, sealed: true}
		if known := a.known[number%answeredSlots]; known.number == number {
			if settled.id = known.id; known == settled {
				continue
			}
		} else if number < a.newest {
			continue // nothing is known of it but that
		}
		a.write(settled, false)
		wrote = true
	}
	if wrote && a.file != nil {
		if err := a.file.Sync(); err != nil {
			a.fails(err)
		}
	}
}

// gone answers the segments of which something was answered for that are not among those that are there, oldest first. Such a one was lost with its
// file: what is confirmed and deleted is settled before.
func (a *answers) gone(there map[uint64]bool) (gone []answered) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.known {
		if one.length > 0 && !there[one.number] {
			gone = append(gone, one)
		}
	}
	slices.SortFunc(gone, func(x, y answered) int { return cmp.Compare(x.number, y.number) })
	return gone
}

func (a *answers) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return nil
	}
	err := errors.Join(a.file.Sync(), a.file.Close())
	a.file = nil
	return err
}
