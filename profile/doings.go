package profile

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"
)

// Doings is what one person did, while it is put together from what is known of each of their ids.
type Doings struct {
	Events   []Event // the newest of each id at least, in any order
	channels map[string]uint64
	hours    map[uint8]uint64
}

// Act counts something the person did themselves, on a channel and in an hour (UTC).
func (d *Doings) Act(channel string, hour int) {
	count(&d.channels, channel, 1)
	count(&d.hours, uint8(hour), 1)
}

func count[K comparable](sums *map[K]uint64, key K, n uint64) {
	if *sums == nil {
		*sums = map[K]uint64{}
	}
	(*sums)[key] += n
}

// recent is what is told of them.
func (d Doings) recent() Recent {
	slices.SortFunc(d.Events, func(a, b Event) int {
		return cmp.Or(b.At.Compare(a.At), bytes.Compare(a.EventID[:], b.EventID[:]))
	})
	// One that was delivered twice, long after, is there twice until its parts merge.
	newest := slices.CompactFunc(d.Events, func(a, b Event) bool { return a.EventID == b.EventID })
	r := Recent{LastEvents: append([]Event{}, newest[:min(len(newest), LastEvents)]...)}
	for _, n := range d.channels {
		r.Best.Actions += n
	}
	if r.Best.Actions >= fewest {
		r.Best.Channel = most(d.channels)
		hour := most(d.hours)
		r.Best.Hour = &hour
	}
	return r
}

// most is the key with the greatest number; of equal ones the least key.
func most[K cmp.Ordered](counts map[K]uint64) (best K) {
	var n uint64
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		if counts[k] > n {
			best, n = k, counts[k]
		}
	}
	return best
}

// ids are all of the person, each once.
func (p *Profile) ids() []string {
	return slices.Compact(slices.Sorted(slices.Values(append([]string{p.PersonID}, p.DistinctIDs...))))
}

// RecentFrom is since when what somebody did is recent who was last seen then: since the beginning of the month before (UTC).
func RecentFrom(lastSeen time.Time) time.Time {
	t := lastSeen.UTC()
	return time.Date(t.Year(), t.Month()-1, 1, 0, 0, 0, 0, time.UTC)
}
