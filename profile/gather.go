package profile

import (
	"context"
	"sync"
)

// gather makes one look-up of many that are asked for at the same time. While one runs, who comes waits, and the next one is for
// all of them: under load the cost of a statement is shared, without load nobody waits.
type gather[K, V any] struct {
	most int // keys of one look-up
	// find answers for each key in order; it runs on nobody's context, because several wait for it.
	find func(keys []K) []found[V]

	mu      sync.Mutex
	running int
	waiting []ask[K, V]
}

// looks is how many look-ups run at a time: two would share the processors, and each its statement with fewer.
const looks = 1

type found[V any] struct {
	value V
	err   error
}

type ask[K, V any] struct {
	key    K
	answer chan found[V]
}

// get waits for the key's answer, or until ctx ends.
func (g *gather[K, V]) get(ctx context.Context, key K) (V, error) {
	a := ask[K, V]{key, make(chan found[V], 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, a)
	if g.running < looks {
		g.running++
		go g.run()
	}
	g.mu.Unlock()
	select {
	case f := <-a.answer:
		return f.value, f.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// run looks up until nobody waits.
func (g *gather[K, V]) run() {
	for {
		g.mu.Lock()
		n := min(len(g.waiting), g.most)
		if n == 0 {
			g.running--
			g.mu.Unlock()
			return
		}
		batch := append([]ask[K, V](nil), g.waiting[:n]...)
		g.waiting = append(g.waiting[:0], g.waiting[n:]...)
		g.mu.Unlock()

		keys := make([]K, n)
		for i, a := range batch {
			keys[i] = a.key
		}
		for i, f := range g.find(keys) {
			batch[i].answer <- f
		}
	}
}
