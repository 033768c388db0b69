package cards

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cockroachdb/pebble"

	"github.com/livello/livello/internal/background"
)

// Forget takes away what the store holds about a person with these ids, whose rows are gone from person_states, and answers how many cards that were. When it
// returns, no file of the store holds any of it. A store that cannot do so is deleted.
func (s *Store) Forget(ctx context.Context, ids []string) (removed int, err error) {
	s.following.Lock() // whoever has read a row of theirs has written it, and nobody reads one any more
	defer s.following.Unlock()
	if s.usable() {
		if removed, err = s.forget(ctx, ids); err == nil || ctx.Err() != nil {
			return removed, err
		}
	}
	if s.dead.Load() || s.db == nil {
		if err := os.RemoveAll(s.o.Dir); err != nil {
			return 0, fmt.Errorf("delete the copy of profiles: %w", err)
		}
		return 0, nil
	}
	why := "somebody has to be removed from it"
	if err != nil {
		why += ": " + err.Error()
	}
	defer s.news.Send()
	s.complete.Store(false)
	if err := s.makeAgain(why); err != nil {
		return 0, fmt.Errorf("delete the copy of profiles: %w", err)
	}
	return 0, nil
}

func (s *Store) forget(ctx context.Context, ids []string) (removed int, err error) {
	found, err := s.cardsWith(ids)
	if err != nil {
		return 0, err
	}
	batch := s.db.NewBatch()
	defer func() { err = errors.Join(err, batch.Close()) }()
	var timelines []key
	for _, id := range ids {
		person := s.key(ofPerson, id)
		whose, timeline := person.as(ofID), person.as(ofTimeline)
		found, timelines = append(found, person), append(timelines, timeline)
		if err := errors.Join(batch.Delete(whose[:], nil), batch.Delete(timeline[:], nil)); err != nil {
			return 0, err
		}
	}
	for _, person := range found {
		if err := batch.Delete(person[:], nil); err != nil {
			return 0, err
		}
	}
	// Who was evaluated last may be the one who goes: the place must not be beyond what is left, which would look like an older warehouse. When it cannot be
	// asked, the next start makes the store again.
	next := s.kept
	if _, newest, err := s.newest(ctx); err == nil && newest < next.Version {
		next.Version = newest
	}
	if err := writeNote(batch, placeKey, next); err != nil {
		return 0, err
	}
	s.keeping.Lock()
	err = batch.Commit(pebble.NoSync)
	s.keeping.Unlock()
	if err != nil {
		return 0, err
	}
	s.kept = next
	// Their cards of before lie under those of after until these are merged with them. What was merged is deleted when nobody reads it any more. Timelines are the
	// most of the store: of them only the files are written again that may hold these.
	if err := s.db.Flush(); err != nil {
		return 0, err
	}
	if err := s.db.Compact([]byte{0}, []byte{ofPerson + 1}, false); err != nil {
		return 0, err
	}
	for _, k := range timelines {
		if err := s.db.Compact(k[:], append(k[:], 0), false); err != nil {
			return 0, err
		}
	}
	for {
		tables := s.db.Metrics().Table
		if tables.ObsoleteCount == 0 && tables.ZombieCount == 0 {
			return len(found) - len(ids), nil
		}
		if err := background.Sleep(ctx, 5*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// cardsWith are the keys of cards that hold one of the ids: those of the person, and of others that had one of them before.
func (s *Store) cardsWith(ids []string) (found []key, err error) {
	theirs := make(map[string]bool, len(ids))
	for _, id := range ids {
		theirs[id] = true
	}
	cards, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{ofPerson}, UpperBound: []byte{ofPerson + 1}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cards.Close()) }()
	for ok := cards.First(); ok; ok = cards.Next() {
		named, err := names(cards.Value(), theirs)
		if err != nil {
			return nil, err
		}
		if named {
			found = append(found, key(cards.Key()))
		}
	}
	return found, cards.Error()
}
