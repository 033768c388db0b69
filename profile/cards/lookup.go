package cards

import (
	"crypto/sha256"
	"errors"

	"github.com/cockroachdb/pebble"

	"github.com/livello/livello/profile"
)

// Kinds of keys.
const (
	ofPerson   = 'p'
	ofID       = 'i'
	ofTimeline = 't'
)

// key is a kind and the hash of an id: half of a SHA-256, which nobody can choose ids for, because of the salt.
type key [1 + sha256.Size/2]byte

func (s *Store) key(kind byte, id string) key { return keyOf(s.salt, kind, id) }

func keyOf[T string | []byte](salt []byte, kind byte, id T) (k key) {
	var room [128]byte
	sum := sha256.Sum256(append(append(room[:0], salt...), id...))
	k[0] = kind
	copy(k[1:], sum[:])
	return k
}

// as is the key of another kind with the same hash.
func (k key) as(kind byte) key {
	k[0] = kind
	return k
}

// Get returns the person who has the id, any id of theirs. The error is profile.ErrUnknown when nobody has, and profile.ErrNoCopy when that has to be asked of
// the database.
func (s *Store) Get(id string) (profile.State, error) {
	if !s.complete.Load() {
		s.o.Metrics.elsewhere.Inc()
		return profile.State{}, profile.ErrNoCopy
	}
	s.using.RLock()
	defer s.using.RUnlock()
	p, err := s.get(id)
	switch {
	case err == nil || err == profile.ErrUnknown:
		s.o.Metrics.here.Inc()
	case err == profile.ErrNoCopy:
		s.o.Metrics.elsewhere.Inc()
	default:
		s.damage(err)
		s.o.Metrics.elsewhere.Inc()
		err = profile.ErrNoCopy
	}
	return p, err
}

// get asks for the person of that name first: an id that was somebody else's may have become one.
func (s *Store) get(id string) (profile.State, error) {
	if s.db == nil {
		return profile.State{}, profile.ErrNoCopy
	}
	own := s.key(ofPerson, id)
	p, err := s.card(own)
	if err != pebble.ErrNotFound {
		return p, err
	}
	whose := own.as(ofID)
	text, done, err := s.db.Get(whose[:])
	if err == pebble.ErrNotFound {
		return p, profile.ErrUnknown
	}
	if err != nil {
		return p, err
	}
	var person key
	copy(person[:], text)
	if err := done.Close(); err != nil {
		return p, err
	}
	p, err = s.card(person.as(ofPerson))
	if err == pebble.ErrNotFound || err == nil && !has(&p, id) {
		return p, profile.ErrNoCopy // it is somebody else's since, who will be evaluated in a moment
	}
	return p, err
}

func (s *Store) card(k key) (profile.State, error) {
	text, done, err := s.db.Get(k[:])
	if err != nil {
		return profile.State{}, err
	}
	p, err := decode(text)
	return p, errors.Join(err, done.Close())
}

// damage has the store made again.
func (s *Store) damage(err error) {
	s.complete.Store(false)
	if !s.damaged.Swap(true) {
		s.o.Metrics.failures.Inc()
		s.o.Logger.Warn("the copy of profiles is damaged; they are read from ClickHouse until it is made again", "error", err)
	}
	s.news.Send()
}
