package profile

import (
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
	since := map[time.Time][]int{}
	for i, p := range people {
		from := RecentFrom(p.LastSeen)
		since[from] = append(since[from], i)
	}
	all := make([]found[Recent], len(people))
	var look sync.WaitGroup
	for from, of := range since {
		look.Go(func() {
			err := r.readRecent(ctx, people, of, from, all)
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

// readRecent looks up those of people whose places are listed, in their events since from, and writes it into all.
func (r *Reader) readRecent(ctx context.Context, people []Profile, places []int, from time.Time, all []found[Recent]) error {
	owner := map[string][]*Doings{}
	did := make([]Doings, len(places))
	for n, i := range places {
		for _, id := range people[i].ids() {
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
				d.Events = append(d.Events, eventOf(e))
			}
			for channel, n := range channels {
				count(&d.channels, channel, n)
			}
			for hour, n := range hours {
				count(&d.hours, hour, n)
			}
		}
		return nil
	}, clickhouse.Named("ids", slices.Collect(maps.Keys(owner))), clickhouse.Named("from", from.Format("2006-01-02 15:04:05.000")), clickhouse.Named("events", uint8(LastEvents))); err != nil {
		return err
	}
	for n, i := range places {
		all[i].value = did[n].recent()
	}
	return nil
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
