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

	"github.com/google/uuid"

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

// each is of each of some ids.
func (s *salt) each(ids []string) []hash {
	hashes := make([]hash, len(ids))
	for i, id := range ids {
		hashes[i] = s.of(id)
	}
	return hashes
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
	written bool       // the file is as ids
	ids     atomic.Pointer[held]
	passing sync.RWMutex
}

// held says of whoever is kept out why.
type held map[hash]reason

// reason is why somebody is kept out: the request of the erasure that goes on, or was cut off, in this data folder; or one of the following.
type reason string

const (
	elsewhere reason = "elsewhere" // being erased by another service on the database
	erased    reason = "erased"    // for good
)

// Enter and Leave enclose the work on a request, from decoding its events to having them kept.
func (g *Guard) Enter() { g.passing.RLock() }

// Leave ends what Enter began.
func (g *Guard) Leave() { g.passing.RUnlock() }

// erasing says whether somebody is kept out who is being erased.
func (h held) erasing() bool {
	for _, why := range h {
		if why != erased {
			return true
		}
	}
	return false
}

// now is who is kept out. It is not to be changed.
func (g *Guard) now() held {
	if set := g.ids.Load(); set != nil {
		return *set
	}
	return nil
}

// began says whether an erasure was begun in this data folder.
func (g *Guard) began(request uuid.UUID) bool {
	for _, why := range g.now() {
		if why == reason(request.String()) {
			return true
		}
	}
	return false
}

// Erased says which of the ids is one of the erased: its place, or -1.
func (g *Guard) Erased(ids ...string) int {
	set := g.now()
	if set == nil {
		return -1
	}
	for i, id := range ids {
		if id == "" {
			continue
		}
		if _, ok := set[g.salt.of(id)]; ok {
			return i
		}
	}
	return -1
}

// HeldFile is the file of a data folder that holds the hashes of who is kept out, so that a start knows them without the database, and why: a line is a
// hash and a reason. One without a reason, of an older version, may be of somebody who is being erased.
const HeldFile = "erasure.held"

// readHeld reads the file of a data folder, if there is one.
func readHeld(dir string) (held, error) {
	text, err := os.ReadFile(filepath.Join(dir, HeldFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	set := held{}
	for line := range strings.Lines(string(text)) {
		id, why, _ := strings.Cut(strings.TrimSpace(line), " ")
		raw, err := hex.DecodeString(id)
		if err != nil || len(raw) != len(hash{}) {
			return nil, fmt.Errorf("%s: %q begins with no hash", HeldFile, line)
		}
		set[hash(raw)] = reason(why)
	}
	return set, nil
}

// CutOff says of a data folder that no service runs on whether an erasure was cut off in it, and waits to go on.
func CutOff(dir string) (bool, error) {
	set, err := readHeld(dir)
	if err != nil {
		return false, fmt.Errorf("look who is being erased: %w", err)
	}
	return set.erasing(), nil
}

// open reads the file; changes are written to it from now on.
func (g *Guard) open(dir string) error {
	set, err := readHeld(dir)
	if err != nil {
		return err
	}
	g.path = filepath.Join(dir, HeldFile)
	if len(set) > 0 {
		g.ids.Store(&set)
	}
	return nil
}

// add keeps ids out from now on. When it returns, no event of theirs is on its way any more.
func (g *Guard) add(hashes []hash, why reason) error {
	err := g.change(func(set held) {
		for _, h := range hashes {
			set[h] = why
		}
	})
	g.passing.Lock()   // everybody who entered before has left
	g.passing.Unlock() //nolint:staticcheck // nothing to do in between
	return err
}

// done lets ids in again whose erasure is done, or keeps them out for good.
func (g *Guard) done(hashes []hash, forGood bool) error {
	return g.change(func(set held) {
		for _, h := range hashes {
			if delete(set, h); forGood {
				set[h] = erased
			}
		}
	})
}

// set keeps out these ids and no others.
func (g *Guard) set(all held) error {
	return g.change(func(set held) {
		clear(set)
		maps.Copy(set, all)
	})
}

func (g *Guard) change(do func(held)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.now()
	next := held{}
	maps.Copy(next, before)
	do(next)
	if len(next) > 0 {
		g.ids.Store(&next)
	} else {
		g.ids.Store(nil) // nothing to hash for
	}
	if g.path == "" || g.written && maps.Equal(before, next) {
		return nil
	}
	var text []byte
	for h, why := range next {
		text = append(hex.AppendEncode(text, h[:]), ' ')
		text = append(append(text, why...), '\n')
	}
	err := durable.WriteFile(g.path, text)
	if g.written = err == nil; err != nil {
		return fmt.Errorf("write %s: %w", HeldFile, err)
	}
	return nil
}
