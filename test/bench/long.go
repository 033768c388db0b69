package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/livello/livello/internal/background"
	"github.com/livello/livello/warehouse"
)

// longRun is a run of -what long: three stretches, each of which ends when everything sent is loaded.
type longRun struct {
	*process
	o     options
	c     interface{ body(request int) []byte }
	began time.Time
	next  int // request
	sent  int64
}

// runLong sends o.total events at the rate at which they are loaded, and prints rate and memory along the way. What loading and
// asking cost after the first five million is compared with the last five.
func runLong(ctx context.Context, o options, load workload, work string) (err error) {
	p, err := startProcess(ctx, o, work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	r := &longRun{process: p, o: o, c: newCycler(load), began: time.Now()}
	fmt.Printf("%12s %10s %12s %10s\n", "events", "seconds", "events/s", "RSS MiB")
	edge := min(5_000_000, o.total/3)
	var costs []stretch
	for i, until := range []int{edge, o.total - edge, o.total} {
		s, err := r.stretch(ctx, until)
		if err != nil {
			return err
		}
		if i == 1 {
			continue
		}
		if s.quarter, err = p.askQuarter(ctx, o.runs); err != nil {
			return err
		}
		costs = append(costs, s)
	}
	resident, peak := rss(p.cmd.Process.Pid)>>20, peakMemory(p.cmd.Process.Pid)>>20
	fmt.Printf("%d events in %.1f s, %.0f events/s over all; resident %d MiB, peak %d MiB\n", r.sent, time.Since(r.began).Seconds(),
		float64(r.sent)/time.Since(r.began).Seconds(), resident, peak)
	a, b := costs[0], costs[1]
	fmt.Printf("%34s %14s %14s %8s\n", "", fmt.Sprintf("first %.1f M", float64(edge)/1e6), fmt.Sprintf("last %.1f M", float64(edge)/1e6), "ratio")
	for _, row := range []struct {
		what string
		a, b float64
	}{
		{"loaded, all views, events/s", a.rate, b.rate},
		{"processor time an event, us", a.cpu * 1e6, b.cpu * 1e6},
		{"rollups of a fixed quarter, ms", a.quarter.Seconds() * 1000, b.quarter.Seconds() * 1000},
	} {
		fmt.Printf("%34s %14.1f %14.1f %8.2f\n", row.what, row.a, row.b, row.b/row.a)
	}
	if err := p.check(ctx, r.sent); err != nil {
		return err
	}
	return p.untilMerged(ctx, r.sent)
}

// stretch is what a part of a long run cost.
type stretch struct {
	rate float64 // events a second, until all are loaded
	cpu  float64 // seconds of the service's processor time, merges included, an event
	// quarter is how long a question to the rollups of a period takes that does not grow.
	quarter time.Duration
}

// stretch sends until so many events are sent and waits until they are loaded.
func (r *longRun) stretch(ctx context.Context, until int) (stretch, error) {
	requests := (until + r.o.batch - 1) / r.o.batch
	began, used, first := time.Now(), processorTime(r.cmd.Process.Pid), r.sent
	next, sent := atomic.Int64{}, atomic.Int64{}
	next.Store(int64(r.next))
	sent.Store(r.sent)
	var failed atomic.Pointer[error]
	var senders sync.WaitGroup
	for range r.o.connections {
		senders.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			for failed.Load() == nil && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= requests {
					return
				}
				for r.waiting() > 4 { // as fast as ClickHouse takes it, not as fast as the spool does
					time.Sleep(5 * time.Millisecond)
				}
				n, err := post(ctx, client, r.api, r.key, r.c.body(i))
				if err != nil {
					failed.Store(&err)
					return
				}
				sent.Add(int64(n))
			}
		})
	}
	done := make(chan struct{})
	go func() { senders.Wait(); close(done) }()
	step := int64(max(r.o.total/20, 1))
	from, fromTime := first, began
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	print := func() {
		n := sent.Load()
		fmt.Printf("%12d %10.1f %12.0f %10d\n", n, time.Since(r.began).Seconds(), float64(n-from)/time.Since(fromTime).Seconds(), rss(r.cmd.Process.Pid)>>20)
		from, fromTime = n, time.Now()
	}
	for sending := true; sending; {
		select {
		case <-ctx.Done():
			return stretch{}, ctx.Err()
		case <-tick.C:
			if sent.Load()-from >= step {
				print()
			}
		case <-done:
			sending = false
		}
	}
	if err := failed.Load(); err != nil {
		return stretch{}, *err
	}
	for r.waiting() > 0 && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	print()
	r.next, r.sent = requests, sent.Load()
	events := float64(max(r.sent-first, 1))
	return stretch{rate: events / time.Since(began).Seconds(), cpu: (processorTime(r.cmd.Process.Pid) - used).Seconds() / events}, nil
}

// quarterRollups asks the rollups of the year before, which hold the first cycle and nothing else.
const quarterRollups = `
SELECT (SELECT sum(events) FROM channel_hour WHERE hour < now() - INTERVAL 250 DAY),
       (SELECT sum(days) FROM (SELECT distinct_id, count() AS days, max(last_at) FROM person_day WHERE day < today() - 250 GROUP BY distinct_id))`

// askQuarter answers how long that takes, the median of some runs after a first one.
func (p *process) askQuarter(ctx context.Context, runs int) (time.Duration, error) {
	w, err := warehouse.Open(ctx, warehouse.Config{Data: p.data})
	if err != nil {
		return 0, err
	}
	defer w.Close()
	var took []float64
	for i := range runs + 1 {
		began := time.Now()
		var events, days uint64
		if err := w.QueryRow(ctx, quarterRollups).Scan(&events, &days); err != nil {
			return 0, err
		}
		if events == 0 || days == 0 {
			return 0, fmt.Errorf("the rollups of the year before hold %d events and %d days of people", events, days)
		}
		if i > 0 {
			took = append(took, time.Since(began).Seconds())
		}
	}
	return time.Duration(median(took) * float64(time.Second)), nil
}

// largeMerges are those that go on, and tables whose large merges wait.
const largeMerges = `
SELECT (SELECT count() FROM system.merges WHERE total_size_bytes_compressed > 1000000) +
       (SELECT count() FROM system.tables WHERE database = 'livello' AND position(engine_full, 'max_bytes_to_merge_at_max_space_in_pool') > 0)`

// untilMerged waits until no large merge has gone on for a while, and prints what those that loading put off took.
func (p *process) untilMerged(ctx context.Context, events int64) error {
	const quiet = 10 * time.Second
	w, err := warehouse.Open(ctx, warehouse.Config{Data: p.data})
	if err != nil {
		return err
	}
	defer w.Close()
	began, used := time.Now(), processorTime(p.cmd.Process.Pid)
	merged, cpu := began, used // when and after how much of the processor the last one was seen
	for time.Since(merged) < quiet {
		if err := background.Sleep(ctx, time.Second); err != nil {
			return err
		}
		var n uint64
		if err := w.QueryRow(ctx, largeMerges).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			merged, cpu = time.Now(), processorTime(p.cmd.Process.Pid)
		}
	}
	fmt.Printf("large merges that had to wait: done %.0f s after the last event was loaded, %.1f us of processor time an event\n",
		merged.Sub(began).Seconds(), (cpu-used).Seconds()*1e6/float64(events))
	return nil
}

// check counts what is stored.
func (p *process) check(ctx context.Context, want int64) error {
	w, err := warehouse.Open(ctx, warehouse.Config{Data: p.data})
	if err != nil {
		return err
	}
	defer w.Close()
	var events, rolled uint64
	if err := w.QueryRow(ctx, "SELECT count(), (SELECT sum(events) FROM channel_hour) FROM events WHERE type IN ('track', 'page', 'screen')").Scan(&events, &rolled); err != nil {
		return err
	}
	fmt.Printf("stored %d events of engagement, %d in channel_hour; %d sent in all\n", events, rolled, want)
	if events != rolled {
		return errors.New("the rollup differs from the events")
	}
	return nil
}

// post sends one batch and answers how many events were accepted.
func post(ctx context.Context, client *http.Client, api, key string, body []byte) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, api+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.SetBasicAuth(key, "")
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var said struct {
		Accepted   int               `json:"accepted"`
		Duplicates int               `json:"duplicates"`
		Rejected   []json.RawMessage `json:"rejected"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		return 0, err
	}
	if answer.StatusCode != http.StatusAccepted || len(said.Rejected) > 0 || said.Duplicates > 0 {
		return 0, fmt.Errorf("%s: %d accepted, %d duplicates, %d rejected", answer.Status, said.Accepted, said.Duplicates, len(said.Rejected))
	}
	return said.Accepted, nil
}

// waiting is how many segments ClickHouse has not confirmed.
func (p *process) waiting() int {
	names, err := os.ReadDir(filepath.Join(p.data, "spool"))
	if err != nil {
		return 0
	}
	n := 0
	for _, name := range names {
		if ext := filepath.Ext(name.Name()); ext == ".segment" || ext == ".sending" || ext == ".doubtful" {
			n++
		}
	}
	return n
}

// rss is the process's resident memory in bytes.
func rss(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
