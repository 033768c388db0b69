package cards

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/cockroachdb/pebble"

	"github.com/livello/livello/ingest/event"
)

// toldKey sorts before all keys of cards and timelines.
var toldKey = []byte("!told")

// telling is how far timelines have come.
type telling struct {
	Full  bool      `json:"full"`  // everything that was in events before them is there
	Until time.Time `json:"until"` // everything that was accepted before is on the disk with this
}

// disorder is how long after another event one that was accepted before it may be loaded, in the usual course of things.
const disorder = 5 * time.Minute

// Take adds events to the timelines of their ids that were loaded into ClickHouse a moment ago, and that were accepted between first and last; blocks calls its
// argument with blocks as event.Columns writes them. What cannot be taken is read from ClickHouse, later.
//
// It is to be called before anybody is told that they are loaded: who removes a person from the store waits for that.
func (s *Store) Take(first, last time.Time, blocks func(each func(block []byte, rows int) error) error) {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if !s.usable() {
		return // when there is a new one it is filled
	}
	if err := s.take(last, blocks); err != nil {
		s.o.Logger.Warn("events could not be taken over into the copy of profiles; they are read again", "error", err)
		s.missed(first.Add(-disorder))
	}
}

// missed has everything that was accepted since then read again.
func (s *Store) missed(since time.Time) {
	s.told.Store(false)
	s.gaps++
	if s.unread.IsZero() || since.Before(s.unread) {
		s.unread = since
	}
	s.news.Send()
}

func (s *Store) take(last time.Time, blocks func(each func(block []byte, rows int) error) error) error {
	w := s.timelines(&s.collected)
	defer w.end()
	if err := blocks(func(block []byte, _ int) error {
		s.taken.Reset()
		if err := s.taken.AppendBlock(block); err != nil {
			return err
		}
		var e event.Brief
		for row := range s.taken.Rows() {
			s.taken.Brief(row, &e)
			if err := w.add(&e); err != nil {
				return err
			}
		}
		runtime.Gosched() // requests wait for a turn
		return nil
	}); err != nil {
		return err
	}
	next, late := s.telling, last.Before(s.telling.Until)
	if s.told.Load() && !late { // until it is, whoever starts after a crash has to read from where this one did
		if until := last.Add(-disorder); until.After(next.Until) {
			next.Until = until
		}
	}
	if err := w.commit(next); err != nil || !late {
		return err
	}
	return s.db.Flush() // nobody would look for them so far back
}

// timelines is one write of events into timelines. keeping or following is held.
//
// It is made in the order of keys, some ten thousand at a time: a table in memory finds the next place beside the last one, and looking for places is most of
// what an event costs there. Several events of an id are one entry.
type timelines struct {
	*Store
	*collected
	batch *pebble.Batch
}

// collected is what waits to be written.
type collected struct {
	records []byte
	places  []placed
}

// placed says where in records those of a timeline are.
type placed struct {
	key
	from, to int
}

// collectedSize is how many bytes are collected at most, about.
const collectedSize = 4 << 20

func (s *Store) timelines(in *collected) *timelines {
	return &timelines{Store: s, collected: in, batch: s.db.NewBatch()}
}

// end is to be called after commit, or instead of it.
func (w *timelines) end() {
	w.records, w.places = w.records[:0], w.places[:0]
	_ = w.batch.Close()
}

// add adds an event to the timeline of its id.
func (w *timelines) add(e *event.Brief) error {
	if !event.Engagement(e.Kind) {
		return nil
	}
	from := len(w.records)
	w.records = appendEvent(w.records, e)
	return w.added(e.DistinctID, from)
}

// merge adds records to the timeline of an id.
func (w *timelines) merge(id, records []byte) error {
	from := len(w.records)
	w.records = append(w.records, records...)
	return w.added(id, from)
}

func (w *timelines) added(id []byte, from int) error {
	w.places = append(w.places, placed{keyOf(w.salt, ofTimeline, id), from, len(w.records)})
	if len(w.records) < collectedSize {
		return nil
	}
	return w.flush()
}

// flush writes what was added so far.
func (w *timelines) flush() error {
	slices.SortFunc(w.places, func(a, b placed) int { return bytes.Compare(a.key[:], b.key[:]) })
	for rest := w.places; len(rest) > 0; {
		n, size := 0, 0
		for n < len(rest) && rest[n].key == rest[0].key {
			size += rest[n].to - rest[n].from
			n++
		}
		op := w.batch.MergeDeferred(len(key{}), size)
		copy(op.Key, rest[0].key[:])
		value := op.Value[:0]
		for _, p := range rest[:n] {
			value = append(value, w.records[p.from:p.to]...)
		}
		if err := op.Finish(); err != nil {
			return err
		}
		rest = rest[n:]
	}
	w.records, w.places = w.records[:0], w.places[:0]
	if err := w.batch.Commit(pebble.NoSync); err != nil {
		return err
	}
	w.batch.Reset()
	return nil
}

// commit writes the rest, and how far timelines are with it.
func (w *timelines) commit(next telling) error {
	if err := writeNote(w.batch, toldKey, next); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return fmt.Errorf("write timelines: %w", err)
	}
	w.telling = next
	return nil
}
