package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/livello/livello/warehouse"
)

const (
	// markerEvery is how often an event is sent that is looked for, whatever became of the ones before: slow moments count as long as they last.
	markerEvery = 100 * time.Millisecond
	// lookEvery is how often is looked, which is how much too long a time may be. A question takes some ten milliseconds of a processor.
	lookEvery = 50 * time.Millisecond
	// lastLooks is how long is looked for the last of them after the load has ended.
	lastLooks = 30 * time.Second
)

// runFresh sends at a steady rate, events that happen now unless history is asked for, and measures from the answer to a marker until a query sees it in events and in three rollups.
func runFresh(ctx context.Context, o options, load workload, work string) (err error) {
	p, err := startProcess(ctx, o, work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	w, err := warehouse.Open(ctx, warehouse.Config{Data: p.data})
	if err != nil {
		return err
	}
	defer w.Close()
	c := newCycler(load)
	c.live = !o.history
	loading, cancel := context.WithTimeout(ctx, o.length)
	defer cancel()
	every := time.Duration(float64(o.batch) / o.rate * float64(time.Second))
	var next, sent atomic.Int64
	var senders sync.WaitGroup
	var failed atomic.Pointer[error]
	began := time.Now()
	for range o.connections {
		senders.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			for loading.Err() == nil {
				i := int(next.Add(1)) - 1
				time.Sleep(time.Until(began.Add(time.Duration(i) * every)))
				n, err := post(loading, client, p.api, p.key, c.body(i))
				if err != nil {
					if loading.Err() == nil {
						failed.Store(&err)
					}
					return
				}
				sent.Add(int64(n))
			}
		})
	}
	m := &markers{answered: map[string]time.Time{}}
	watched := make(chan error, 1)
	stop := make(chan struct{})
	go func() { watched <- m.watch(ctx, w, stop) }()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	var marking sync.WaitGroup
	for i := 0; loading.Err() == nil; i++ {
		marking.Go(func() {
			if err := m.send(ctx, client, p, fmt.Sprint("marker-", i)); err != nil {
				failed.Store(&err)
			}
		})
		time.Sleep(time.Until(began.Add(time.Duration(i+1) * markerEvery)))
	}
	senders.Wait()
	over := time.Since(began)
	marking.Wait()
	close(stop)
	if err := <-watched; err != nil {
		return err
	}
	if err := failed.Load(); err != nil {
		return fmt.Errorf("send: %w", *err)
	}
	slices.Sort(m.took)
	fmt.Printf("answer to visible in events, person_day, person_month and milestones at %.0f events/s (asked %.0f): median %s, p90 %s, p99 %s, longest %s of %d\n",
		float64(sent.Load())/over.Seconds(), o.rate, quantile(m.took, 0.5), quantile(m.took, 0.9), quantile(m.took, 0.99), m.took[len(m.took)-1].Round(time.Millisecond), len(m.took))
	return nil
}

// markers are events that are looked for.
type markers struct {
	mu       sync.Mutex
	answered map[string]time.Time // and not seen yet, by the person they are of
	took     []time.Duration
}

func (m *markers) send(ctx context.Context, client *http.Client, p *process, person string) error {
	if _, err := post(ctx, client, p.api, p.key, fmt.Appendf(nil, `{"type":"track","event":"Order Completed","userId":%q,"properties":{"revenue":1}}`, person)); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answered[person] = time.Now()
	return nil
}

// visible are those of some people whose event is everywhere. An INSERT writes one table after the other.
const visible = `
SELECT distinct_id
FROM
(
    SELECT DISTINCT distinct_id FROM events WHERE distinct_id IN {people:Array(String)} AND ts > now() - INTERVAL 1 HOUR
    UNION ALL
    SELECT DISTINCT distinct_id FROM person_day WHERE distinct_id IN {people:Array(String)} AND day >= today() - 1
    UNION ALL
    SELECT DISTINCT distinct_id FROM person_month WHERE distinct_id IN {people:Array(String)} AND month >= toStartOfMonth(today() - 1)
    UNION ALL
    SELECT DISTINCT distinct_id FROM milestones WHERE distinct_id IN {people:Array(String)} AND ts > now() - INTERVAL 1 HOUR
)
GROUP BY distinct_id
HAVING count() = 4`

// watch looks for all that were answered until none is left after the stop.
func (m *markers) watch(ctx context.Context, w *warehouse.Warehouse, stop <-chan struct{}) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var deadline time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		m.mu.Lock()
		var people []string
		for person := range m.answered {
			people = append(people, person)
		}
		m.mu.Unlock()
		select {
		case <-stop:
			if deadline.IsZero() {
				deadline = time.Now().Add(lastLooks)
			}
			switch {
			case len(people) == 0 && len(m.took) == 0:
				return errors.New("no marker was answered for")
			case len(people) == 0:
				return nil
			case time.Now().After(deadline):
				return fmt.Errorf("%d markers were not seen within %s, such as %s", len(people), lastLooks, people[0])
			}
		default:
		}
		if len(people) == 0 {
			continue
		}
		if err := m.look(ctx, w, people); err != nil {
			return err
		}
	}
}

func (m *markers) look(ctx context.Context, w *warehouse.Warehouse, people []string) error {
	rows, err := w.Query(ctx, visible, clickhouse.Named("people", people))
	if err != nil {
		return fmt.Errorf("look for markers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var person string
		if err := rows.Scan(&person); err != nil {
			return fmt.Errorf("look for markers: %w", err)
		}
		m.mu.Lock()
		if at, ok := m.answered[person]; ok {
			m.took = append(m.took, time.Since(at))
			delete(m.answered, person)
		}
		m.mu.Unlock()
	}
	return rows.Err()
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)].Round(10 * time.Microsecond)
}
