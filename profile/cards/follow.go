package cards

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/cockroachdb/pebble"
)

var (
	//go:embed sql/newest.sql
	newestSQL string
	//go:embed sql/states.sql
	statesSQL string

	// Of people from one to before another, an empty one being the end.
	statesOfSQL = statesSQL + `
WHERE person_id >= {from:String}
  AND ({end:String} = '' OR person_id < {end:String})
ORDER BY
    person_id,
    version`
	// Of evaluations after one and up to another. By the index of versions only the parts and granules are read that hold such rows.
	statesAfterSQL = statesSQL + `
WHERE version > {after:UInt64}
  AND version <= {until:UInt64}
ORDER BY
    person_id,
    version`
)

// errNone says that there is no store to work with. Why was logged.
var errNone = errors.New("there is no copy of profiles")

const (
	piece     = 150     // granules, of 128 rows at most, that are read at once to fill the store
	batchSize = 1 << 20 // bytes of cards that are written at once
	mostGone  = 10_000  // people who are taken away at once
)

// Check compares the store with the warehouse, once, and has it made again when it is not a copy of that. It is best called before anybody evaluates: a warehouse
// that was put back to an older state is told by its last evaluation.
func (s *Store) Check(ctx context.Context) error {
	s.following.Lock()
	defer s.following.Unlock()
	if s.damaged.Load() || s.db == nil {
		s.again("it is damaged")
	}
	if s.db == nil {
		return errNone
	}
	if s.checked {
		return nil
	}
	table, newest, err := s.newest(ctx)
	if err != nil {
		return err
	}
	switch {
	case s.kept.Table == "":
	case s.kept.Table != table:
		s.again("the warehouse is another one")
	case s.kept.Version > newest:
		s.again(fmt.Sprintf("it has seen evaluation %d, and the warehouse's last is %d: it was put back to an older state", s.kept.Version, newest))
	}
	if s.db == nil {
		return errNone
	}
	s.latest.CompareAndSwap(0, newest)
	if s.kept.Table == "" { // the last one may not be over yet, when somebody evaluates already
		s.kept = place{Table: table, Version: min(newest, s.latest.Load())}
	}
	s.checked = true
	return nil
}

func (s *Store) newest(ctx context.Context) (table string, version uint64, err error) {
	answer, err := s.o.DB.Query(ctx, newestSQL)
	if err != nil {
		return "", 0, fmt.Errorf("look for the last evaluation: %w", err)
	}
	defer answer.Close()
	for answer.Next() {
		if err := answer.Scan(&table, &version); err != nil {
			return "", 0, fmt.Errorf("look for the last evaluation: %w", err)
		}
	}
	if err := answer.Err(); err != nil {
		return "", 0, fmt.Errorf("look for the last evaluation: %w", err)
	}
	return table, version, nil
}

// fill reads everybody into a store that has never held all, a piece at a time. What is evaluated meanwhile is followed afterwards.
func (s *Store) fill(ctx context.Context) error {
	s.following.Lock()
	full := s.kept.Full
	s.following.Unlock()
	if full {
		return nil
	}
	began, read := time.Now(), 0
	if err := s.inPieces(ctx, "person_states", "person_id", piece, func(from, end string) error {
		rows, err := s.fillPiece(ctx, from, end)
		read += rows
		return err
	}); err != nil {
		return fmt.Errorf("fill the copy of profiles: %w", err)
	}
	s.o.Logger.Info("the copy of profiles is filled", "rows", read, "seconds", time.Since(began).Seconds())
	return nil
}

// fillPiece takes over the people from one to before another.
func (s *Store) fillPiece(ctx context.Context, from, end string) (read int, err error) {
	s.following.Lock()
	defer s.following.Unlock()
	w, err := s.write(ctx, true)
	if err != nil {
		return 0, err
	}
	defer w.end()
	if err := w.read(statesOfSQL, named("from", from), named("end", end)); err != nil {
		return 0, err
	}
	next := s.kept
	next.Full = end == ""
	return w.rows, w.commit(next)
}

// follow takes over what was evaluated after what was seen, up to a version.
func (s *Store) follow(ctx context.Context, until uint64) error {
	s.following.Lock()
	defer s.following.Unlock()
	after := max(s.followed, s.kept.Version)
	if until <= after && s.followed > 0 {
		return nil
	}
	w, err := s.write(ctx, false)
	if err != nil {
		return err
	}
	defer w.end()
	if err := w.read(statesAfterSQL, named("after", after), named("until", until)); err != nil {
		return fmt.Errorf("follow evaluations: %w", err)
	}
	next := s.kept
	next.Version = max(next.Version, w.newest)
	if err := w.commit(next); err != nil {
		return fmt.Errorf("follow evaluations: %w", err)
	}
	s.followed = max(until, after)
	return nil
}

// writing takes rows over into the store, some cards at a time. following is held.
type writing struct {
	*Store
	ctx    context.Context
	blind  bool // there is nothing to compare with
	batch  *pebble.Batch
	gone   []key
	rows   int
	newest uint64 // the greatest version
}

func (s *Store) write(ctx context.Context, blind bool) (*writing, error) {
	if !s.usable() {
		return nil, errNone
	}
	return &writing{Store: s, ctx: ctx, blind: blind, batch: s.db.NewBatch()}, nil
}

// end is to be called after commit, or instead of it.
func (w *writing) end() { _ = w.batch.Close() }

// read takes over what a statement answers, of each person the last row.
func (w *writing) read(sql string, args ...any) error {
	// One thread: what is read is little, or not urgent.
	ctx := clickhouse.Context(w.ctx, clickhouse.WithSettings(clickhouse.Settings{"max_threads": 1}))
	answer, err := w.o.DB.QueryFormat(ctx, "RowBinary", sql, args...)
	if err != nil {
		return err
	}
	defer answer.Close()
	in := rows{in: bufio.NewReaderSize(answer, 128<<10)}
	var now, before row
	for {
		ok, err := in.next(&now)
		if err != nil {
			return err
		}
		if w.rows > 0 && (!ok || now.person != before.person) {
			if err := w.take(&before); err != nil {
				return err
			}
		}
		if !ok {
			return nil
		}
		w.rows++
		w.newest = max(w.newest, now.version)
		now, before = before, now
	}
}

// take writes what a row says of its person. Who is gone is taken away at the end only: then their ids are known to be whose they are now.
func (w *writing) take(r *row) error {
	own := w.key(ofPerson, r.person)
	w.o.Metrics.cards.Inc()
	if r.deleted {
		if w.gone = append(w.gone, own); len(w.gone) < mostGone {
			return nil
		}
		return w.flush()
	}
	if err := w.batch.Set(own[:], r.card, nil); err != nil {
		return err
	}
	for _, id := range r.ids {
		if id == r.person {
			continue
		}
		if err := w.belongs(w.key(ofID, id), own); err != nil {
			return err
		}
	}
	if w.batch.Len() < batchSize {
		return nil
	}
	return w.flush()
}

// belongs writes whose an id is, unless that is known.
func (w *writing) belongs(id, person key) error {
	if !w.blind {
		text, done, err := w.db.Get(id[:])
		if err == nil {
			same := string(text) == string(person[:])
			if err := done.Close(); err != nil || same {
				return err
			}
		} else if err != pebble.ErrNotFound {
			w.damage(err)
			return err
		}
	}
	return w.batch.Set(id[:], person[:], nil)
}

// flush writes what was taken so far.
func (w *writing) flush() error {
	for _, person := range w.gone {
		if err := w.batch.Delete(person[:], nil); err != nil {
			return err
		}
	}
	w.gone = w.gone[:0]
	if err := w.batch.Commit(pebble.NoSync); err != nil {
		return err
	}
	w.batch.Reset()
	return nil
}

// commit writes the rest, with the place.
func (w *writing) commit(next place) error {
	if w.step != nil {
		if err := w.step("commit"); err != nil {
			return err
		}
	}
	if err := writeNote(w.batch, placeKey, next); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	w.kept = next
	return nil
}

func named(name string, value any) driver.NamedValue {
	return driver.NamedValue{Name: name, Value: value}
}
