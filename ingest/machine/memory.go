package machine

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/livello/livello/ingest/event"
)

// memory is what rules know of an event's neighbours: when mails were delivered to whom, which of their links were clicked when,
// and what was fetched by HEAD. Its tables have a fixed size, so it neither grows nor allocates per event; what is forgotten
// first is what was touched longest ago among the few entries that share a place.
type memory struct {
	deliveries table[delivery]
	clicks     table[click]
	heads      table[head]
}

// What is kept per key: the latest few, in a ring.
const (
	deliveriesOfMail = 4 // sent and delivered, of two mails of a campaign
	linksOfMail      = 8
)

type (
	delivery struct {
		next  uint8
		mails [deliveriesOfMail]uint64 // 0: it had no id
		at    [deliveriesOfMail]int64
	}
	click struct {
		next  uint8
		links [linksOfMail]uint64
		at    [linksOfMail]int64
	}
	head struct{ at int64 }
)

func newMemory(mails int) *memory {
	if mails == 0 {
		mails = DefaultOptions.Remember
	}
	m := new(memory)
	m.deliveries.resize(mails)
	m.clicks.resize(mails / 8)
	m.heads.resize(mails / 16)
	return m
}

var keySeed = maphash.MakeSeed()

// key is a hash of who and what; never 0, which stands for nothing.
func key(kind byte, who, what string) uint64 {
	var h maphash.Hash
	h.SetSeed(keySeed)
	h.WriteByte(kind)
	h.WriteString(who)
	h.WriteByte(0) // ids hold no NUL
	h.WriteString(what)
	return h.Sum64() | 1
}

// mailKeys are the keys under which a mail to a person is found: its id and its campaign, as far as the event says them. Two
// events may share only one of them.
func mailKeys(row *event.Row, h *hints) (keys [2]uint64, mail uint64) {
	who := row.DistinctID()
	campaign := h.campaign
	if campaign == "" {
		campaign = row.UTMCampaign
	}
	if campaign == "" {
		campaign = row.ContentID
	}
	if h.mail != "" {
		mail = key('m', who, h.mail)
		keys[0] = mail
	}
	if campaign != "" {
		keys[1] = key('c', who, campaign)
	}
	return keys, mail
}

// delivered remembers when a mail was sent or delivered.
func (m *memory) delivered(row *event.Row, h *hints) {
	keys, mail := mailKeys(row, h)
	for _, k := range keys {
		if k == 0 {
			continue
		}
		m.deliveries.with(k, true, func(d *delivery) {
			for i := range d.at {
				if d.at[i] == row.Time && d.mails[i] == mail {
					return // told again
				}
			}
			d.mails[d.next], d.at[d.next] = mail, row.Time
			d.next = (d.next + 1) % deliveriesOfMail
		})
	}
}

// soonAfterDelivery says whether the mail was delivered within the time before the event. Scanners at the gateway are even earlier
// than the delivery they belong to, and clocks differ: so much before it counts, too.
func (m *memory) soonAfterDelivery(row *event.Row, h *hints, within time.Duration) (soon bool) {
	keys, mail := mailKeys(row, h)
	for _, k := range keys {
		if k == 0 || soon {
			continue
		}
		m.deliveries.with(k, false, func(d *delivery) {
			for i, at := range d.at {
				// Two mails of one campaign are told apart when both events name theirs.
				if at != 0 && near(at, row.Time, within) && (mail == 0 || d.mails[i] == 0 || mail == d.mails[i]) {
					soon = true
				}
			}
		})
	}
	return soon
}

// links remembers a click and answers how many different links of the mail were clicked within Burst of it, this one included.
func (m *memory) links(row *event.Row, h *hints) (different int) {
	keys, _ := mailKeys(row, h)
	link := key('l', "", linkOf(row, h))
	for _, k := range keys {
		if k == 0 {
			continue
		}
		m.clicks.with(k, true, func(c *click) {
			known, others := false, 0
			for i, l := range c.links {
				switch {
				case l == 0:
				case l == link:
					known = known || c.at[i] == row.Time
				case near(c.at[i], row.Time, Burst) && !clickedLater(c, i, row.Time):
					others++
				}
			}
			if !known {
				c.links[c.next], c.at[c.next] = link, row.Time
				c.next = (c.next + 1) % linksOfMail
			}
			different = max(different, others+1)
		})
	}
	return different
}

// clickedLater says whether the link of entry i stands again further on, within Burst of the time: it counts once.
func clickedLater(c *click, i int, at int64) bool {
	for j := i + 1; j < linksOfMail; j++ {
		if c.links[j] == c.links[i] && near(c.at[j], at, Burst) {
			return true
		}
	}
	return false
}

// afterHead remembers a HEAD, and says of a GET or a click whether the same one sent a HEAD for the same address just before.
func (m *memory) afterHead(row *event.Row, h *hints) (after bool) {
	isHead := strings.EqualFold(h.method, "HEAD")
	if !isHead && row.Kind != "email_click" && !strings.EqualFold(h.method, "GET") {
		return false
	}
	link := linkOf(row, h)
	if link == "" {
		return false
	}
	m.heads.with(key('h', row.DistinctID(), link), isHead, func(e *head) {
		switch {
		case isHead:
			e.at = max(e.at, row.Time)
		case e.at != 0 && e.at <= row.Time && near(e.at, row.Time, Burst):
			after = true
		}
	})
	return after
}

func linkOf(row *event.Row, h *hints) string {
	if h.link != "" {
		return h.link
	}
	return row.URL
}

// near says whether two times (milliseconds) are at most so far apart, and fine enough to say that: whole minutes are how files
// write times that nobody took to the second.
func near(a, b int64, within time.Duration) bool {
	const minute = 60_000
	if a%minute == 0 && b%minute == 0 {
		return false
	}
	return max(a, b)-min(a, b) <= within.Milliseconds()
}

// table is a map of a fixed size from keys to values: places of a few entries each, behind a lock per shard. A shard's memory is
// taken when it is first written to.
type table[V any] struct {
	shards [64]shard[V]
	places uint64 // per shard, a power of two
}

type shard[V any] struct {
	mu      sync.Mutex
	clock   uint32
	entries []entry[V]
}

type entry[V any] struct {
	key     uint64
	touched uint32
	value   V
}

const entriesOfPlace = 4

func (t *table[V]) resize(entries int) {
	t.places = 1
	for t.places*entriesOfPlace*uint64(len(t.shards)) < uint64(entries) {
		t.places *= 2
	}
}

// with calls use with the value of a key; when there is none, it makes an empty one (add) or does nothing.
func (t *table[V]) with(k uint64, add bool, use func(*V)) {
	s := &t.shards[k>>58]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		if !add {
			return
		}
		s.entries = make([]entry[V], t.places*entriesOfPlace)
	}
	from := (k >> 1 & (t.places - 1)) * entriesOfPlace
	place := s.entries[from : from+entriesOfPlace]
	s.clock++
	oldest := &place[0]
	for i := range place {
		e := &place[i]
		if e.key == k {
			e.touched = s.clock
			use(&e.value)
			return
		}
		if s.clock-e.touched > s.clock-oldest.touched {
			oldest = e
		}
	}
	if !add {
		return
	}
	*oldest = entry[V]{key: k, touched: s.clock}
	use(&oldest.value)
}
