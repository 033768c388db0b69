package profile

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

//go:embed sql/recent.sql
var recentSQL string

// findRecent answers for each of the people. Those who were last seen in the same month are looked up together: events are kept by month, and
// nobody's look-up reads the months that another one's needs.
func (r *Reader) findRecent(people []Profile) []found[Recent] {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	months := map[time.Time][]int{}
	for i, p := range people {
		m := monthOf(p.LastSeen)
		months[m] = append(months[m], i)
	}
	all := make([]found[Recent], len(people))
	var look sync.WaitGroup
	for month, of := range months {
		look.Go(func() {
			err := r.readRecent(ctx, people, of, month.AddDate(0, -1, 0), all)
			if err == nil {
				return
			}
			for _, i := range of {
				all[i].err = fmt.Errorf("look up last events: %w", err)
			}
		})
	}
	look.Wait()
	return all
}

func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// doings is what one person did, while it is read.
type doings struct {
	events   []Event
	channels map[string]uint64
	hours    map[uint8]uint64
}

// readRecent looks up those of people whose places are listed, in their events since from, and writes it into all.
func (r *Reader) readRecent(ctx context.Context, people []Profile, places []int, from time.Time, all []found[Recent]) error {
	owner := map[string][]*doings{}
	did := make([]doings, len(places))
	for n, i := range places {
		did[n] = doings{events: []Event{}, channels: map[string]uint64{}, hours: map[uint8]uint64{}}
		for _, id := range slices.Compact(slices.Sorted(slices.Values(append([]string{people[i].PersonID}, people[i].DistinctIDs...)))) {
			owner[id] = append(owner[id], &did[n])
		}
	}
	if err := r.each(ctx, recentSQL, func(rows driver.Rows) error {
		var id string
		var newest [][]any
		var channels map[string]uint64
		var hours map[uint8]uint64
		if err := rows.Scan(&id, &newest, &channels, &hours); err != nil {
			return err
		}
		for _, d := range owner[id] {
			for _, e := range newest {
				d.events = append(d.events, eventOf(e))
			}
			add(d.channels, channels)
			add(d.hours, hours)
		}
		return nil
	}, clickhouse.Named("ids", slices.Collect(maps.Keys(owner))), clickhouse.Named("from", from.Format("2006-01-02 15:04:05.000")), clickhouse.Named("events", uint8(lastEvents))); err != nil {
		return err
	}
	for n, i := range places {
		all[i].value = did[n].recent()
	}
	return nil
}

func (d doings) recent() (r Recent) {
	slices.SortFunc(d.events, func(a, b Event) int {
		return cmp.Or(b.At.Compare(a.At), bytes.Compare(a.EventID[:], b.EventID[:]))
	})
	// One that was delivered twice, long after, is there twice until its parts merge.
	r.LastEvents = slices.CompactFunc(d.events, func(a, b Event) bool { return a.EventID == b.EventID })
	r.LastEvents = r.LastEvents[:min(len(r.LastEvents), lastEvents)]
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

func add[K comparable](sums, more map[K]uint64) {
	for k, n := range more {
		sums[k] += n
	}
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

// eventOf reads a tuple of recent.sql. Its fields have the types that statement gives them.
func eventOf(t []any) (e Event) {
	at, _ := t[0].(int64)
	e.At = time.UnixMilli(-at).UTC()
	e.EventID, _ = t[1].(uuid.UUID)
	for i, into := range []*string{&e.Kind, &e.Name, &e.Channel, &e.Path, &e.ContentID} {
		*into, _ = t[2+i].(string)
	}
	e.Value, _ = t[7].(decimal.Decimal)
	e.Currency, _ = t[8].(string)
	e.Machine, _ = t[9].(string)
	return e
}
