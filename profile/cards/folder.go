package cards

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble"
	"github.com/cockroachdb/pebble/bloom"

	"github.com/livello/livello/internal/durable"
)

// format of keys and cards. A folder of another one is made again.
const format = 3

// labelName is a file in the folder that is written when the rest is there. A folder without it is made again.
const labelName = "cards.json"

type label struct {
	Format int    `json:"format"`
	Salt   []byte `json:"salt"` // of the hashes in keys
}

// placeKey sorts before all others.
var placeKey = []byte("!place")

// place is how far the table has been followed.
type place struct {
	Table   string `json:"table"`   // its uuid; "" before anything was read
	Version uint64 `json:"version"` // the greatest version that was seen
	Full    bool   `json:"full"`    // what came before is here, too
}

// sizes of what a store takes. What is left of the memory beside two tables has to hold indexes and filters, some 5 bytes a person, or a read takes a
// third of a millisecond instead of a few microseconds.
const (
	memTable = 16 << 20
	memory   = 64 << 20 // tables in memory, and the cache of what is read
	fileSize = 8 << 20
)

func (s *Store) options(blocks *pebble.Cache) *pebble.Options {
	o := &pebble.Options{
		Cache: blocks, MemTableSize: memTable, MemTableStopWritesThreshold: 3, MaxOpenFiles: 256,
		DisableWAL:               true, // what is lost is read again
		L0CompactionThreshold:    16,   // a read asks the filter of each layer; a write is rewritten for each time it is merged
		L0StopWritesThreshold:    64,
		MaxConcurrentCompactions: func() int { return 1 },
		FormatMajorVersion:       pebble.FormatNewest,
		Merger:                   merger,
		Logger:                   engineLog{s},
		EventListener:            &pebble.EventListener{BackgroundError: s.backgroundError},
	}
	o.Levels = make([]pebble.LevelOptions, 7)
	for i := range o.Levels {
		// An index of one level up to 256 KiB, so that a read is one block of it and one of cards.
		o.Levels[i] = pebble.LevelOptions{BlockSize: 4 << 10, IndexBlockSize: 256 << 10, TargetFileSize: fileSize, FilterPolicy: bloom.FilterPolicy(10), FilterType: pebble.TableFilter}
	}
	o.Levels[0].Compression = pebble.NoCompression // it is written again in a minute
	return o
}

// reopen opens what is in the folder. following is held.
func (s *Store) reopen() error {
	text, err := os.ReadFile(filepath.Join(s.o.Dir, labelName))
	if err != nil {
		return err
	}
	var l label
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("%s: %w", labelName, err)
	}
	if l.Format != format || len(l.Salt) == 0 {
		return fmt.Errorf("its format is %d, this program's is %d", l.Format, format)
	}
	return s.openWith(l.Salt)
}

// openWith opens the store, whatever is there, and reads its place.
func (s *Store) openWith(salt []byte) error {
	blocks := pebble.NewCache(memory)
	defer blocks.Unref()
	db, err := pebble.Open(s.o.Dir, s.options(blocks))
	if err != nil {
		return err
	}
	var kept place
	var told telling
	if err := errors.Join(readNote(db, placeKey, &kept), readNote(db, toldKey, &told)); err != nil {
		return errors.Join(err, db.Close())
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	s.using.Lock()
	defer s.using.Unlock()
	s.db, s.salt, s.kept = db, salt, kept
	s.checked, s.followed = false, 0
	s.telling, s.unread = told, told.Until
	s.gaps++
	return nil
}

// readNote reads what stands under a key of its own, if anything does.
func readNote(db *pebble.DB, key []byte, into any) error {
	text, done, err := db.Get(key)
	if err == pebble.ErrNotFound {
		return nil
	}
	if err == nil {
		err = errors.Join(json.Unmarshal(text, into), done.Close())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// writeNote has a batch write what readNote reads.
func writeNote(batch *pebble.Batch, key []byte, note any) error {
	text, err := json.Marshal(note)
	if err != nil {
		return err
	}
	return batch.Set(key, text, nil)
}

// usable says whether anything can be written to the store. following or keeping is held.
func (s *Store) usable() bool { return s.db != nil && !s.dead.Load() && !s.damaged.Load() }

// again deletes the folder and makes it anew; a store that cannot be made is none. following is held.
func (s *Store) again(why string) {
	s.complete.Store(false)
	s.damaged.Store(false)
	if err := s.makeAgain(why); err != nil {
		s.o.Logger.Warn("there is no copy of profiles, they are read from ClickHouse", "folder", s.o.Dir, "error", err)
	}
}

func (s *Store) makeAgain(why string) error {
	if s.dead.Load() {
		return errors.New("it failed in a way that only a restart mends")
	}
	if err := s.close(false); err != nil {
		s.o.Logger.Debug("copy of profiles not closed in order", "error", err)
	}
	if _, err := os.Stat(s.o.Dir); err == nil {
		s.o.Logger.Warn("the copy of profiles is made again", "folder", s.o.Dir, "reason", why)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.RemoveAll(s.o.Dir); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if err := os.MkdirAll(s.o.Dir, 0o700); err != nil {
		return err
	}
	l := label{Format: format, Salt: make([]byte, 16)}
	_, _ = rand.Read(l.Salt) // never fails, see crypto/rand
	if err := s.openWith(l.Salt); err != nil {
		return err
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(s.o.Dir, labelName), append(bytes.TrimSpace(text), '\n'))
}

// close leaves no store open, and loses what is only in memory unless it is kept. following is held.
func (s *Store) close(keep bool) error {
	s.told.Store(false)
	s.keeping.Lock()
	defer s.keeping.Unlock()
	s.using.Lock()
	defer s.using.Unlock()
	if s.db == nil || s.dead.Load() {
		return nil
	}
	db := s.db
	s.db = nil
	var err error
	if keep {
		err = db.Flush()
	}
	return errors.Join(err, db.Close())
}

// backgroundError is told of files that cannot be written or read. The store tries again at once and for ever, so it is made to wait, which keeps nobody
// waiting but those who would write.
func (s *Store) backgroundError(err error) {
	if s.damaged.Swap(true) {
		s.o.Logger.Debug("copy of profiles", "error", err)
	} else {
		s.o.Logger.Warn("the copy of profiles cannot be kept on the disk; profiles are read from ClickHouse", "error", err)
	}
	s.complete.Store(false)
	s.news.Send()
	time.Sleep(time.Second)
}

// engineLog is where the store logs: for debugging. What it takes for the end of the process is the end of the copy until the next start.
type engineLog struct{ s *Store }

func (l engineLog) Infof(format string, args ...any) {
	if l.s.o.Logger.Enabled(context.Background(), slog.LevelDebug) {
		l.s.o.Logger.Debug("copy of profiles", "what", fmt.Sprintf(format, args...))
	}
}

func (l engineLog) Fatalf(format string, args ...any) {
	l.s.complete.Store(false)
	if !l.s.dead.Swap(true) {
		_ = os.Remove(filepath.Join(l.s.o.Dir, labelName)) // the next start makes it again
		l.s.o.Metrics.failures.Inc()
		l.s.o.Logger.Error("the copy of profiles has failed; they are read from ClickHouse until the next start", "error", fmt.Sprintf(format, args...))
	}
}
