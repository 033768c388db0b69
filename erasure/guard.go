package erasure

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/livello/livello/internal/durable"
)

// SaltFile is the file of a data folder that holds the salt of the hashes. Who has the table erasures but not this file cannot
// try out ids against it.
const SaltFile = "erasure.salt"

// hash stands for an id.
type hash [sha256.Size]byte

func (h hash) String() string { return hex.EncodeToString(h[:]) }

// salt is what an id is hashed with, per installation.
type salt [sha256.Size]byte

func (s *salt) of(id string) hash {
	var buf [len(salt{}) + 512]byte // ids are at most that long
	return sha256.Sum256(append(append(buf[:0], s[:]...), id...))
}

// readSalt reads the salt of a data folder, and makes it if there is none yet.
func readSalt(dir string) (s salt, err error) {
	path := filepath.Join(dir, SaltFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text = make([]byte, 0, 2*len(s))
		if _, err := rand.Read(s[:]); err != nil {
			return s, err
		}
		text = append(hex.AppendEncode(text, s[:]), '\n')
		return s, durable.WriteFile(path, text)
	}
	if err != nil {
		return s, err
	}
	raw, err := hex.DecodeString(string(text[:min(len(text), 2*len(s))]))
	if err != nil || len(raw) != len(s) {
		return s, fmt.Errorf("%s is damaged: restore it from a backup; without it the people who were erased cannot be recognized", path)
	}
	return salt(raw), nil
}

// Guard keeps events of the erased out: of those who are being erased now, so that what is counted and what is removed are the
// same, and if so configured of those who were. Safe for concurrent use.
type Guard struct {
	salt    salt
	path    string     // of HeldFile; "": none
	mu      sync.Mutex // for changes
	ids     atomic.Pointer[map[hash]struct{}]
	passing sync.RWMutex
}

// Enter and Leave enclose the work on a request, from decoding its events to having them kept.
func (g *Guard) Enter() { g.passing.RLock() }

// Leave ends what Enter began.
func (g *Guard) Leave() { g.passing.RUnlock() }

// anybody says whether somebody is kept out.
func (g *Guard) anybody() bool {
	set := g.ids.Load()
	return set != nil && len(*set) > 0
}

// Erased says which of the ids is one of the erased: its place, or -1.
func (g *Guard) Erased(ids ...string) int {
	set := g.ids.Load()
	if set == nil {
		return -1
	}
	for i, id := range ids {
		if id == "" {
			continue
		}
		if _, ok := (*set)[g.salt.of(id)]; ok {
			return i
		}
	}
	return -1
}

// HeldFile is the file of a data folder that holds the hashes of who is kept out, so that a start knows them without the database.
const HeldFile = "erasure.held"

// open reads the file, if there is one; changes are written to it from now on.
func (g *Guard) open(dir string) error {
	g.path = filepath.Join(dir, HeldFile)
	text, err := os.ReadFile(g.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	set := map[hash]struct{}{}
	for line := range strings.Lines(string(text)) {
		raw, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil || len(raw) != len(hash{}) {
			return fmt.Errorf("%q is no hash", line)
		}
		set[hash(raw)] = struct{}{}
	}
	if len(set) > 0 {
		g.ids.Store(&set)
	}
	return nil
}

// add keeps ids out from now on. When it returns, no event of theirs is on its way any more.
func (g *Guard) add(hashes []hash) error {
	err := g.change(func(set map[hash]struct{}) {
		for _, h := range hashes {
			set[h] = struct{}{}
		}
	})
	g.passing.Lock()   // everybody who entered before has left
	g.passing.Unlock() //nolint:staticcheck // nothing to do in between
	return err
}

// remove lets ids in again.
func (g *Guard) remove(hashes []hash) error {
	return g.change(func(set map[hash]struct{}) {
		for _, h := range hashes {
			delete(set, h)
		}
	})
}

// set keeps out these ids and no others.
func (g *Guard) set(hashes []hash) error {
	return g.change(func(set map[hash]struct{}) {
		clear(set)
		for _, h := range hashes {
			set[h] = struct{}{}
		}
	})
}

func (g *Guard) change(do func(map[hash]struct{})) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	next := map[hash]struct{}{}
	if old := g.ids.Load(); old != nil {
		next = maps.Clone(*old)
	}
	do(next)
	if len(next) > 0 {
		g.ids.Store(&next)
	} else {
		g.ids.Store(nil) // nothing to hash for
	}
	if g.path == "" {
		return nil
	}
	var text []byte
	for h := range next {
		text = append(hex.AppendEncode(text, h[:]), '\n')
	}
	if err := durable.WriteFile(g.path, text); err != nil {
		return fmt.Errorf("write %s: %w", HeldFile, err)
	}
	return nil
}
