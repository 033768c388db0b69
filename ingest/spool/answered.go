package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/google/uuid"
)

// answeredFile lies in the folder and says how far the newest segment was answered for. Without it nobody could tell a write that a crash cut
// off from events that the disk lost.
const answeredFile = "answered"

// answered is what the file says. Each of its states stays true for good, so the file need not be synced with every group: it is written
// after the group's sync, so that it never says too much, and after a power cut an older state only says less.
type answered struct {
	number uint64 // of the newest segment that something was answered for; all before it are sealed
	sealed bool   // and it is
	id     uuid.UUID
	length int64 // bytes of it that were answered for; 0 when nothing is known
	rows   int   // events in them
}

const (
	answeredMagic = "LVLANS1\n"
	answeredSize  = len(answeredMagic) + 8 + 8 + 16 + 8 + 8 + 4 // magic, number, sealed, id, length, rows, CRC-32C of all
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
	now    answered
	file   *os.File // nil when it could not be opened
	text   []byte
	failed bool
	log    *slog.Logger
}

// openAnswers reads the file in dir, or makes it. What is no such file counts as one that says nothing.
func openAnswers(dir string, log *slog.Logger) (*answers, error) {
	path := filepath.Join(dir, answeredFile)
	a := &answers{log: log}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	now, ok := decodeAnswered(text)
	if !ok && len(text) > 0 {
		log.Warn("how far the spool was answered for cannot be read: a torn end of its newest segment passes for an interrupted write", "file", path)
	}
	a.now = now
	if a.file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		a.fails(err)
	}
	return a, nil
}

func (a *answers) fails(err error) {
	if !a.failed {
		a.log.Warn("how far the spool was answered for cannot be written: after a crash, damage at its end could pass for an interrupted write", "error", err)
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
	a.now = now
	if a.file == nil {
		return
	}
	a.text = now.encode(a.text[:0])
	_, err := a.file.WriteAt(a.text, 0)
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
	switch {
	case number < a.now.number:
		return answered{number: number, sealed: true}
	case number > a.now.number || id != uuid.Nil && a.now.id != uuid.Nil && id != a.now.id:
		return answered{number: number}
	}
	return a.now
}

// settle says that segment number is sealed and may be shorter from now on than it was when it was answered for, because what it lacks is set
// aside or erased. That is on disk before the segment is touched, or the next start would miss the same once more.
func (a *answers) settle(number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if number < a.now.number || number == a.now.number && a.now.sealed && a.now.length == 0 {
		return
	}
	settled := answered{number: number, sealed: true}
	if number == a.now.number {
		settled.id = a.now.id
	}
	a.write(settled, true)
}

// newest is the highest number that was written down.
func (a *answers) newest() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now.number
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
