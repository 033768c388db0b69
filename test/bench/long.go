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

	"github.com/livello/livello/warehouse"
)

// runLong sends o.total events at the rate at which they are loaded, and prints rate and memory along the way.
func runLong(ctx context.Context, o options, load workload, work string) (err error) {
	p, err := startProcess(ctx, o, work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	c := newCycler(load)
	requests := (o.total + o.batch - 1) / o.batch
	var next, sent atomic.Int64
	var failed atomic.Pointer[error]
	began := time.Now()
	var senders sync.WaitGroup
	for range o.connections {
		senders.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			for failed.Load() == nil && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= requests {
					return
				}
				for p.waiting() > 4 { // as fast as ClickHouse takes it, not as fast as the spool does
					time.Sleep(5 * time.Millisecond)
				}
				n, err := post(ctx, client, p.api, p.key, c.body(i))
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
	fmt.Printf("%12s %10s %12s %10s\n", "events", "seconds", "events/s", "RSS MiB")
	step := int64(max(o.total/10, 1))
	from, fromTime := int64(0), began
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-done:
			if err := failed.Load(); err != nil {
				return *err
			}
			for p.waiting() > 0 {
				time.Sleep(5 * time.Millisecond)
			}
			fmt.Printf("%12d %10.1f %12.0f %10d   all loaded; peak %d MiB\n", sent.Load(), time.Since(began).Seconds(),
				float64(sent.Load())/time.Since(began).Seconds(), rss(p.cmd.Process.Pid)>>20, peakMemory(p.cmd.Process.Pid)>>20)
			return p.check(ctx, sent.Load())
		}
		if n := sent.Load(); n-from >= step {
			fmt.Printf("%12d %10.1f %12.0f %10d\n", n, time.Since(began).Seconds(), float64(n-from)/time.Since(fromTime).Seconds(), rss(p.cmd.Process.Pid)>>20)
			from, fromTime = n, time.Now()
		}
	}
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
