package dedupe

import (
	"context"

	"github.com/google/uuid"
)

// Claim is a group of ids that are being accepted together: nobody else can claim an id of it meanwhile. It ends with
// Confirm, once the events are durable, or with Release, when they could not be kept, and must not be used after that.
type Claim struct {
	index *Index
	added []uuid.UUID
}

// Claim begins a claim; it waits for the claim before it to end.
func (x *Index) Claim() *Claim {
	x.claims.Lock()
	x.claim = Claim{x, x.claim.added[:0]} // one at a time: its memory serves the next
	return &x.claim
}

// Take claims the ids that are new and sets keep for them; it clears keep for those that were accepted before or stand in this
// claim already. len(keep) is len(ids). It answers how many are new.
func (c *Claim) Take(ids []uuid.UUID, keep []bool) (fresh int, err error) {
	x := c.index
	x.mu.RLock() // pending itself is guarded by claims
	defer x.mu.RUnlock()
	for i := range ids {
		seen, err := x.seen(&ids[i])
		if err != nil {
			return fresh, err
		}
		if keep[i] = !seen; keep[i] {
			x.pending[ids[i]] = struct{}{}
			c.added = append(c.added, ids[i])
			fresh++
		}
	}
	return fresh, nil
}

func (x *Index) seen(id *uuid.UUID) (bool, error) {
	if _, ok := x.pending[*id]; ok {
		return true, nil
	}
	if _, ok := x.flushing[*id]; ok {
		return true, nil
	}
	key := filterKey(id)
	for _, s := range x.slots {
		for _, r := range s.runs {
			if ok, err := r.has(id, key, &x.page); ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

// Confirm ends the claim: its ids count as accepted.
func (c *Claim) Confirm() {
	x := c.index
	full := len(x.pending) >= maxPending
	x.claims.Unlock()
	if full {
		x.flushInBackground()
	}
}

// Release ends the claim: its ids count as never seen.
func (c *Claim) Release() {
	for _, id := range c.added {
		delete(c.index.pending, id)
	}
	c.index.claims.Unlock()
}

// Add remembers ids that are known to be accepted: those of the segments that a spool finds when it opens.
func (x *Index) Add(ids []uuid.UUID) {
	x.claims.Lock()
	defer x.claims.Unlock()
	for _, id := range ids {
		x.pending[id] = struct{}{}
	}
	if len(x.pending) >= maxPending {
		x.flushInBackground()
	}
}

// flushInBackground writes the ids out unless that is under way. A fault is logged, kept for Flush to meet again, and loses
// nothing: the ids stay in memory and their segments in the spool.
func (x *Index) flushInBackground() {
	if !x.busy.CompareAndSwap(false, true) {
		return
	}
	x.background.Add(1)
	go func() {
		defer x.background.Done()
		defer x.busy.Store(false)
		if err := x.Flush(context.Background()); err != nil {
			x.log.Error("dedupe flush", "error", err)
		}
	}()
}
