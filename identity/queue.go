package identity

import (
	"context"
	"fmt"
	"hash/maphash"
	"time"
)

// queueSlack is how much earlier than it became visible the time of a row may be: an insert takes a while, and clocks step.
const queueSlack = 10 * time.Minute

// touched is a row of touched_edges, in short.
type touched struct {
	hash  uint64
	first int64
}

// followQueue follows the pairs behind the last block number that was seen, a batch at a time.
func (r *Resolver) followQueue(ctx context.Context, news news) (changed int, err error) {
	from := min(r.progress.at, news.now) - queueSlack.Milliseconds()
	rows, err := r.db.Query(ctx, `SELECT _block_number, distinct_id, user_id, toUnixTimestamp64Milli(first_at)
FROM touched_edges
WHERE at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND _block_number > {block:UInt64}`, named("from", from), named("block", r.progress.block))
	if err != nil {
		return 0, fmt.Errorf("read touched_edges: %w", err)
	}
	defer rows.Close()
	block := r.progress.block
	ids := map[string]bool{}
	var pairs []touched
	follow := func() error {
		n, err := r.follow(ctx, live, ids)
		if changed += n; err != nil {
			return err
		}
		r.seen.add(pairs)
		pairs = pairs[:0]
		clear(ids)
		return nil
	}
	for rows.Next() {
		var number uint64
		var id, user string
		var first int64
		if err := rows.Scan(&number, &id, &user, &first); err != nil {
			return changed, fmt.Errorf("read touched_edges: %w", err)
		}
		block = max(block, number)
		if first > 0 { // otherwise somebody says that the id has to be looked at again
			t := touched{r.seen.hash(id, user), first}
			if r.seen.has(t) {
				continue
			}
			pairs = append(pairs, t)
		}
		ids[id] = true
		if len(ids) >= r.batch {
			if err := follow(); err != nil {
				return changed, err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return changed, fmt.Errorf("read touched_edges: %w", err)
	}
	if len(ids) > 0 {
		if err := follow(); err != nil {
			return changed, err
		}
	}
	if block > r.progress.block || news.now-r.progress.at > noteEvery.Milliseconds() {
		r.progress.block = block
		return changed, r.note(ctx, news.now)
	}
	return changed, nil
}

// seen remembers pairs that were followed, with the time of their first evidence. Most events name a pair that is long known: a pair that comes
// again with no earlier time changes nothing. What is forgotten is followed again, to no effect.
type seen struct {
	seed     maphash.Seed
	new, old map[uint64]int64
	limit    int // pairs per generation
}

func newSeen(limit int) *seen {
	return &seen{seed: maphash.MakeSeed(), new: map[uint64]int64{}, limit: limit}
}

func (s *seen) hash(id, user string) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	h.WriteString(id)
	h.WriteByte(0)
	h.WriteString(user)
	return h.Sum64()
}

func (s *seen) has(t touched) bool {
	if first, ok := s.new[t.hash]; ok {
		return first <= t.first
	}
	first, ok := s.old[t.hash]
	return ok && first <= t.first
}

func (s *seen) add(pairs []touched) {
	for _, t := range pairs {
		if first, ok := s.new[t.hash]; !ok || t.first < first {
			s.new[t.hash] = t.first
		}
	}
	if len(s.new) > s.limit {
		s.old, s.new = s.new, make(map[uint64]int64, s.limit/4)
	}
}

func (s *seen) forget() {
	s.old, s.new = nil, map[uint64]int64{}
}
