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

// runFresh sends at a steady rate and measures, for an event now and then, the time from its answer until a query sees it in
// events and in both rollups.
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
	ctx, cancel := context.WithTimeout(ctx, o.length)
	defer cancel()
	every := time.Duration(float64(o.batch) / o.rate * float64(time.Second))
	var next, sent atomic.Int64
	var senders sync.WaitGroup
	began := time.Now()
	for range o.connections {
		senders.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				time.Sleep(time.Until(began.Add(time.Duration(i) * every)))
				n, err := post(ctx, client, p.api, p.key, c.body(i))
				if err != nil {
					if ctx.Err() == nil {
						fmt.Println("send:", err)
					}
					return
				}
				sent.Add(int64(n))
			}
		})
	}
	var took []time.Duration
	client := &http.Client{Transport: &http.Transport{}}
	for i := 0; ctx.Err() == nil; i++ {
		person := fmt.Sprint("marker-", i)
		if _, err := post(ctx, client, p.api, p.key, fmt.Appendf(nil, `{"type":"track","event":"Order Completed","userId":%q,"properties":{"revenue":1}}`, person)); err != nil {
			break
		}
		answered := time.Now()
		for ctx.Err() == nil {
			var seen uint8
			if err := w.QueryRow(ctx, `SELECT toUInt8((SELECT count() FROM events WHERE distinct_id = {p:String}) > 0
				AND (SELECT count() FROM person_day WHERE distinct_id = {p:String}) > 0)`, clickhouse.Named("p", person)).Scan(&seen); err != nil {
				break
			}
			if seen > 0 {
				took = append(took, time.Since(answered))
				break
			}
			time.Sleep(40 * time.Millisecond) // a question takes eight of a processor
		}
	}
	senders.Wait()
	if len(took) == 0 {
		return fmt.Errorf("no marker was seen")
	}
	slices.Sort(took)
	fmt.Printf("answer to visible in events and person_day at %.0f events/s (asked %.0f): median %s, p99 %s, longest %s of %d\n",
		float64(sent.Load())/time.Since(began).Seconds(), o.rate, quantile(took, 0.5), quantile(took, 0.99), took[len(took)-1].Round(time.Millisecond), len(took))
	return nil
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)].Round(10 * time.Microsecond)
}
