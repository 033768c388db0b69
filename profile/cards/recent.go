package cards

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"github.com/cockroachdb/pebble"

	"github.com/livello/livello/profile"
)

// recentFor is how long it is believed what somebody did last although there is no new state of them: events that machines made make none.
const recentFor = time.Hour

// Recent is what KeepRecent was given of a person, whose state is still of the same version; false when there is no such thing.
func (s *Store) Recent(person string, version uint64) (r profile.Recent, ok bool) {
	s.using.RLock()
	defer s.using.RUnlock()
	if s.db == nil || !s.complete.Load() {
		return r, false
	}
	k := s.key(ofRecent, person)
	text, done, err := s.db.Get(k[:])
	if err == pebble.ErrNotFound {
		return r, false
	}
	if err == nil {
		if len(text) < 16 {
			err = errCard
		} else if age := s.now().Sub(time.Unix(int64(binary.LittleEndian.Uint64(text[8:])), 0)); binary.LittleEndian.Uint64(text) == version && age >= 0 && age < recentFor {
			ok = true
			err = json.Unmarshal(text[16:], &r)
		}
		err = errors.Join(err, done.Close())
	}
	if err != nil {
		s.damage(err)
		return r, false
	}
	return r, ok
}

// KeepRecent keeps what a person did last, as it was read beside a state of this version, unless the person has none of it any more. What cannot be kept is read again.
func (s *Store) KeepRecent(person string, version uint64, r profile.Recent) {
	text, err := json.Marshal(r)
	if err != nil {
		return
	}
	s.using.RLock()
	defer s.using.RUnlock()
	s.keeping.Lock() // whoever is forgotten has no card when this is locked again
	defer s.keeping.Unlock()
	if s.db == nil || !s.complete.Load() {
		return
	}
	k := s.key(ofRecent, person)
	if p, err := s.card(k.as(ofPerson)); err != nil || p.Version != version {
		return
	}
	head := binary.LittleEndian.AppendUint64(nil, version)
	head = binary.LittleEndian.AppendUint64(head, uint64(s.now().Unix()))
	if err := s.db.Set(k[:], append(head, text...), pebble.NoSync); err != nil {
		s.damage(err)
	}
}

func (s *Store) now() time.Time {
	if s.o.Now == nil {
		return time.Now()
	}
	return s.o.Now()
}
