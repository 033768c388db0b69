// Package simulate makes up the engagement of a company's audience: people who browse, research, buy, come back and leave,
// over every channel Livello knows, as the Segment messages that their tools would send.
//
// It is deterministic: the same Config gives the same bytes, and it is causal: what happens on a day depends only on the
// days before, so a simulation with a later End begins with all messages of one with an earlier End. Message ids are derived from seed,
// start, person and the person's own count of messages; sending a simulation twice is therefore sending duplicates.
//
// Memory is about 150 bytes a person and the messages of a few days, whatever the length of the period.
package simulate

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Edition counts changes of the simulation: another one makes other messages of the same Config, under the same ids.
const Edition = 2

// Config says what to simulate.
type Config struct {
	People int       // how many people appear within Days
	Days   int       // length of the period in which the audience grows
	Seed   uint64    // another seed, other people
	Start  time.Time // first day; cut to midnight UTC
	End    time.Time // exclusive; zero means Start plus Days
}

// Simulation is a configured audience. It holds no goroutines and may be iterated many times, each time from the start.
type Simulation struct{ cfg Config }

// Batch is a run of messages in order of time.
type Batch struct {
	NDJSON   []byte    // one Segment message a line; valid until the next batch
	Messages int       // number of lines
	Until    time.Time // every message before this time has been yielded, with this batch the ones up to it
}

const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// New checks the configuration. Days and People must be positive.
func New(cfg Config) (*Simulation, error) {
	if cfg.People < 1 || cfg.People > 100_000_000 {
		return nil, fmt.Errorf("simulate: people must be 1 to 100000000, not %d", cfg.People)
	}
	if cfg.Days < 1 || cfg.Days > 3650 {
		return nil, fmt.Errorf("simulate: days must be 1 to 3650, not %d", cfg.Days)
	}
	cfg.Start = cfg.Start.UTC().Truncate(24 * time.Hour)
	if cfg.End.IsZero() {
		cfg.End = cfg.Start.AddDate(0, 0, cfg.Days)
	}
	if !cfg.End.After(cfg.Start) {
		return nil, fmt.Errorf("simulate: end %s is not after start %s", cfg.End.Format(time.RFC3339), cfg.Start.Format(time.RFC3339))
	}
	return &Simulation{cfg}, nil
}

// Batches yields all messages in order of time, at most size in a batch.
func (s *Simulation) Batches(size int) iter.Seq[Batch] {
	return func(yield func(Batch) bool) {
		enc := newEncoder(s.cfg)
		b := Batch{}
		for msg := range s.messages(newWorld(s.cfg)) {
			b.NDJSON = append(enc.message(b.NDJSON, msg), '\n')
			b.Messages++
			if b.Messages == size {
				b.Until = time.UnixMilli(msg.ts).UTC()
				if !yield(b) {
					return
				}
				b = Batch{NDJSON: b.NDJSON[:0]}
			}
		}
		b.Until = s.cfg.End
		if b.Messages > 0 {
			yield(b)
		}
	}
}

// messages lets w live day after day and yields what happens. Pending holds what was planned ahead: replies to mails, surveys, a visit that crosses midnight.
func (s *Simulation) messages(w *world) iter.Seq[*message] {
	return func(yield func(*message) bool) {
		end := s.cfg.End.UnixMilli()
		for from := s.cfg.Start.UnixMilli(); from < end; from += day {
			w.liveDay(from)
			slices.SortFunc(w.pending, func(a, b message) int {
				return cmp.Or(cmp.Compare(a.ts, b.ts), cmp.Compare(a.person.number, b.person.number), cmp.Compare(a.seq, b.seq))
			})
			today := min(from+day, end)
			n := 0
			for n < len(w.pending) && w.pending[n].ts < today {
				if !yield(&w.pending[n]) {
					return
				}
				n++
			}
			w.pending = slices.Delete(w.pending, 0, n)
		}
	}
}
