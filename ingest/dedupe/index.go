// Package dedupe knows which event ids were accepted within a window, so that a repeated delivery is recognized before
// it reaches the spool, and with it every rollup.
//
// # How it is kept
//
// New ids go to a map in memory. When it is full, or when the spool wants to delete a segment, the map is written out as a
// run: a sorted file with a filter in memory, durable when Flush returns. Ids that were not yet written are lost with the
// process; the spool still has their segments and adds them again when it opens. That is the contract between the two: a
// segment is deleted only after a Flush that began after its ids were added.
//
// The window slides by slots, each a quarter of the window. A run belongs to the slot it was written in, runs of one slot
// are merged as they become many, and forgetting is deleting the files of a slot. So an id is remembered for at least the
// window and at most a quarter longer. A look-up asks the map, then the filter of each run.
//
// # Why not a key-value store
//
// Pebble with bloom filters was built and measured first: 9 microseconds of CPU for a new id at 5 million held, with
// 4.6 allocations, more than all the rest of ingest together. Runs with binary fuse filters take well under one (see
// BenchmarkClaim), for about 9 bits of memory an id.
package dedupe

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/durable"
)

// slotsPerWindow says how finely the window slides.
const slotsPerWindow = 4

// maxPending is how many ids wait in memory before they are written out: about 12 MB.
const maxPending = 200_000

// Options of an Index.
type Options struct {
	Window time.Duration    // how long an id is remembered, by arrival
	Now    func() time.Time // the clock; time.Now when nil
	Logger *slog.Logger
}

// Index is the set of ids accepted within the window. Safe for concurrent use; claims take turns.
type Index struct {
	dir    string
	window time.Duration
	now    func() time.Time
	log    *slog.Logger

	claims sync.Mutex // held by the one open Claim, and while pending changes hands
	claim  Claim      // that one
	page   [blockIDs * idBytes]byte

	mu       sync.RWMutex // guards what follows against Flush and Close
	pending  map[uuid.UUID]struct{}
	flushing map[uuid.UUID]struct{} // being written out; nil when none is
	slots    []*slot                // newest first
	sequence int                    // of the last run written

	flush      sync.Mutex // one Flush at a time
	background sync.WaitGroup
	busy       atomic.Bool // a flush in the background is under way
}

// slot is one part of the window and the runs written in it, smallest first.
type slot struct {
	began int64 // unix seconds
	runs  []*run
}

const runSuffix = ".ids"

// Open opens or makes the index in dir and forgets the slots that are past the window.
func Open(dir string, o Options) (*Index, error) {
	if o.Window <= 0 {
		return nil, fmt.Errorf("open dedupe index: the window is %s; it must be positive", o.Window)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	x := &Index{dir: dir, window: o.Window, now: o.Now, log: o.Logger, pending: make(map[uuid.UUID]struct{})}
	if err := x.openRuns(); err != nil {
		return nil, errors.Join(fmt.Errorf("open dedupe index: %w", err), x.closeRuns())
	}
	return x, nil
}

// openRuns opens what lies in the folder and still matters, and clears away what a crash left unfinished.
func (x *Index) openRuns() error {
	if err := os.MkdirAll(x.dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(x.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(x.dir, entry.Name())
		if strings.HasPrefix(entry.Name(), durable.Unfinished) {
			if err := os.Remove(path); err != nil {
				return err
			}
			continue
		}
		var began int64
		var sequence int
		if n, _ := fmt.Sscanf(entry.Name(), "%d-%d"+runSuffix, &began, &sequence); n != 2 {
			continue // not ours
		}
		r, err := openRun(path)
		if err != nil {
			return err
		}
		x.slot(began).add(r)
		x.sequence = max(x.sequence, sequence)
	}
	return x.forget()
}

// slot is the slot that began then, made if it is new. The caller holds mu or is alone.
func (x *Index) slot(began int64) *slot {
	i, found := slices.BinarySearchFunc(x.slots, began, func(s *slot, began int64) int { return cmp.Compare(began, s.began) })
	if !found {
		x.slots = slices.Insert(x.slots, i, &slot{began: began})
	}
	return x.slots[i]
}

func (s *slot) add(r *run) {
	i, _ := slices.BinarySearchFunc(s.runs, r.ids, func(r *run, ids int) int { return cmp.Compare(r.ids, ids) })
	s.runs = slices.Insert(s.runs, i, r)
}

// slotSeconds is how long ids go to the same slot.
func (x *Index) slotSeconds() int64 { return max(int64(x.window/slotsPerWindow/time.Second), 1) }

// forget deletes the slots whose last id is past the window. The caller holds mu or is alone.
func (x *Index) forget() error {
	limit := x.now().Add(-x.window).Unix() - x.slotSeconds()
	for len(x.slots) > 0 {
		last := x.slots[len(x.slots)-1]
		if last.began >= limit {
			return nil
		}
		x.slots = x.slots[:len(x.slots)-1]
		for _, r := range last.runs {
			if err := r.remove(); err != nil {
				return fmt.Errorf("forget ids past the window: %w", err)
			}
		}
	}
	return nil
}

// Flush writes every id added before the call to disk; when it returns nil they are durable.
func (x *Index) Flush(ctx context.Context) error {
	x.flush.Lock()
	defer x.flush.Unlock()
	x.claims.Lock() // no half-made claim may be written out
	x.mu.Lock()
	if x.flushing == nil {
		x.flushing, x.pending = x.pending, make(map[uuid.UUID]struct{}, len(x.pending))
	} else { // the last attempt failed and is made again, with what came since
		for id := range x.pending {
			x.flushing[id] = struct{}{}
		}
		clear(x.pending)
	}
	ids := x.flushing
	x.mu.Unlock()
	x.claims.Unlock()

	if len(ids) > 0 {
		sorted := make([]uuid.UUID, 0, len(ids))
		for id := range ids {
			sorted = append(sorted, id)
		}
		slices.SortFunc(sorted, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
		if err := x.write(x.currentSlot(), values(sorted), nil); err != nil {
			return fmt.Errorf("flush dedupe index: %w", err)
		}
	}
	x.mu.Lock()
	x.flushing = nil
	err := x.forget()
	x.mu.Unlock()
	if err != nil {
		return err
	}
	return x.merge(ctx)
}

func values(ids []uuid.UUID) iter.Seq2[uuid.UUID, error] {
	return func(yield func(uuid.UUID, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// currentSlot is when the slot began that ids of now belong to. A clock that was set back goes on with the newest slot.
func (x *Index) currentSlot() int64 {
	now := x.now().Unix()
	began := now - now%x.slotSeconds()
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(x.slots) > 0 {
		return max(began, x.slots[0].began)
	}
	return began
}

// write makes a run of the ids in the slot that began then, in place of the runs it replaces. A crash before those are
// deleted leaves ids in two runs, which says the same.
func (x *Index) write(began int64, ids iter.Seq2[uuid.UUID, error], replaced []*run) error {
	x.sequence++
	r, err := writeRun(filepath.Join(x.dir, fmt.Sprintf("%d-%d%s", began, x.sequence, runSuffix)), ids)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.slot(began)
	s.runs = slices.DeleteFunc(s.runs, func(r *run) bool { return slices.Contains(replaced, r) })
	s.add(r)
	for _, old := range replaced {
		if err := old.remove(); err != nil {
			return err
		}
	}
	return x.forget()
}

// merge makes one run of many, slot by slot, while there are too many. Only Flush calls it.
func (x *Index) merge(ctx context.Context) error {
	for ctx.Err() == nil {
		var began int64
		var group []*run
		x.mu.RLock()
		for _, s := range x.slots {
			if group = slices.Clone(mergeable(s.runs)); group != nil {
				began = s.began
				break
			}
		}
		x.mu.RUnlock()
		if group == nil {
			return nil
		}
		if err := x.write(began, merged(group), group); err != nil {
			return fmt.Errorf("merge dedupe index: %w", err)
		}
	}
	return nil
}

// Close flushes and closes the index.
func (x *Index) Close() error {
	x.background.Wait()
	err := x.Flush(context.Background())
	return errors.Join(err, x.closeRuns())
}

func (x *Index) closeRuns() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	var errs []error
	for _, s := range x.slots {
		for _, r := range s.runs {
			errs = append(errs, r.file.Close())
		}
	}
	x.slots = nil
	return errors.Join(errs...)
}
