package simulate

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Live makes messages that happen now: the audience of a Simulation goes on living while somebody watches.
// Not safe for concurrent use.
type Live struct {
	world *world
	enc   *encoder
	dice  *rand.Rand
}

// NewLive goes on where the simulation ends. Run tells one sitting from another, so that their message ids differ;
// the Unix time in nanoseconds will do.
func NewLive(cfg Config, run uint64) (*Live, error) {
	s, err := New(cfg)
	if err != nil {
		return nil, err
	}
	l := &Live{world: newWorld(s.cfg), enc: newEncoder(s.cfg), dice: rand.New(rand.NewPCG(run, s.cfg.Seed))}
	for range s.messages(l.world) { // live through it, so that everybody is who they have become
	}
	l.enc.messages = mix(run, s.cfg.Seed)
	return l, nil
}

// Next appends the messages of one short visit that is happening at now, one a line, and says how many they are.
func (l *Live) Next(b []byte, now time.Time) ([]byte, int) {
	w := l.world
	w.today = newToday(now.UnixMilli(), w.number)
	w.pending = w.pending[:0]
	p := &w.people[l.dice.IntN(len(w.people))]
	for range 100 {
		if p.seen && w.number < p.leaves {
			break
		}
		p = &w.people[l.dice.IntN(len(w.people))]
	}
	// Sessions and orders are counted on from the clock: no other sitting uses the same numbers.
	p.visits = uint32(now.Unix())
	if p.orders > 0 {
		p.orders = p.visits
	}
	number := p.visits + 1
	w.visit(l.dice, p, now.UnixMilli(), noCampaign, 0)
	// A visit takes minutes and plans mails for the days after: its own messages happen now, the rest not at all.
	visit := slices.DeleteFunc(w.pending, func(m message) bool {
		return m.visit != number || m.ts > now.Add(time.Hour).UnixMilli()
	})
	for i := range visit {
		visit[i].ts = now.UnixMilli() - int64(len(visit)-1-i)
		b = append(l.enc.message(b, &visit[i]), '\n')
	}
	return b, len(visit)
}
