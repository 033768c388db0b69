package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/schema"
	"github.com/livello/livello/warehouse"
)

//go:embed people.sql
var peopleSQL string

const daysOfPeople = 90

// runPeople fills a folder with the events of many people, starts the service on it and measures what it costs to answer about
// them: identity, tiers, the views, and the profile API while events come in.
func runPeople(ctx context.Context, o options, work string) (err error) {
	data := o.data
	if data == "" {
		if data, err = os.MkdirTemp(work, "data-"); err != nil {
			return err
		}
	}
	if err := fillPeople(ctx, o, data); err != nil {
		return err
	}
	began := time.Now()
	p, err := startOn(ctx, o, data, o.data != "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	w, err := warehouse.Open(ctx, warehouse.Config{Data: data})
	if err != nil {
		return err
	}
	defer w.Close()
	if err := untilEvaluated(ctx, w); err != nil {
		return err
	}
	resident := func(what string) {
		fmt.Printf("%-46s %8.1f s   resident %d MiB, peak %d MiB\n", what, time.Since(began).Seconds(), rss(p.cmd.Process.Pid)>>20, peakMemory(p.cmd.Process.Pid)>>20)
	}
	resident("start, identity and states of everybody")
	if err := p.untilMetric(ctx, "livello_cards_timelines_complete", "1"); err != nil {
		return err
	}
	resident("and what everybody did last")
	for _, view := range []struct{ what, sql string }{
		{"person_features, everybody", "SELECT count(), sum(visits_7d) FROM person_features"},
		{"person_tiers, distribution", "SELECT tier, micro_segment, count(), avg(score) FROM person_tiers GROUP BY ALL"},
		{"channel_daily, all", "SELECT channel, sum(human_events) FROM channel_daily GROUP BY channel"},
		{"metric_funnel, last 30 days", "SELECT level, metric, channel, sum(numerator) FROM metric_funnel WHERE day >= today() - 30 GROUP BY ALL"},
		{"sessions_between, one day", "SELECT count(), avg(seconds) FROM sessions_between(from = today() - 1, to = today(), person = '')"},
		{"person_value, everybody", "SELECT count(), sum(orders) FROM person_value"},
		{"people, everybody", "SELECT count() FROM people"},
	} {
		var took []time.Duration
		for range 3 {
			began := time.Now()
			if err := discard(ctx, w, view.sql); err != nil {
				fmt.Printf("%-46s %v\n", view.what, err)
				break
			}
			took = append(took, time.Since(began))
		}
		if len(took) > 0 {
			slices.Sort(took)
			fmt.Printf("%-46s %8.2f s   median of %d\n", view.what, took[len(took)/2].Seconds(), len(took))
		}
	}
	if err := measureProfiles(ctx, o, p, o.profiles, "?recent=false"); err != nil {
		return err
	}
	return measureProfiles(ctx, o, p, o.profiles, "") // with last events
}

// fillPeople inserts through the engine itself: what is measured here is reading.
func fillPeople(ctx context.Context, o options, data string) error {
	w, err := warehouse.Open(ctx, warehouse.Config{Data: data})
	if err != nil {
		return err
	}
	defer w.Close()
	if _, err := schema.Up(ctx, w, schema.Options{}); err != nil {
		return err
	}
	if err := definitions.Ensure(ctx, w); err != nil {
		return err
	}
	var stored uint64
	if err := w.QueryRow(ctx, "SELECT count() FROM events").Scan(&stored); err != nil {
		return err
	}
	began := time.Now()
	from := began.Add(-daysOfPeople * 24 * time.Hour)
	const piece = 500_000
	for first := int(stored); first < o.total; first += piece {
		if err := w.Exec(ctx, peopleSQL, clickhouse.Named("first", uint64(first)), clickhouse.Named("rows", uint64(min(piece, o.total-first))),
			clickhouse.Named("total", uint64(o.total)), clickhouse.Named("people", uint64(o.people)), clickhouse.Named("from", from.UTC().Format("2006-01-02 15:04:05.000")),
			clickhouse.Named("milliseconds", uint64(daysOfPeople*24*time.Hour/time.Millisecond))); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
	}
	var events, ids, bytesOnDisk uint64
	if err := w.QueryRow(ctx, "SELECT count(), uniqCombined(distinct_id) FROM events").Scan(&events, &ids); err != nil {
		return err
	}
	if err := w.QueryRow(ctx, "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()").Scan(&bytesOnDisk); err != nil {
		return err
	}
	fmt.Printf("%d events of %d ids, %d MiB, filled in %.0f s\n", events, ids, bytesOnDisk>>20, time.Since(began).Seconds())
	return nil
}

// untilEvaluated waits until everybody has a state of now.
func untilEvaluated(ctx context.Context, w *warehouse.Warehouse) error {
	last, same := uint64(0), 0
	for {
		var states uint64
		if err := w.QueryRow(ctx, "SELECT uniqExact(person_id) FROM person_states").Scan(&states); err != nil {
			return err
		}
		if states > 0 && states == last {
			if same++; same == 5 {
				return nil
			}
		} else {
			last, same = states, 0
		}
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func discard(ctx context.Context, w *warehouse.Warehouse, sql string) error {
	answer, err := w.QueryFormat(ctx, "TSV", sql)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer)
	return errors.Join(err, answer.Close())
}

// measureProfiles asks for people so many times a second, while events of the same people come in at another rate.
func measureProfiles(ctx context.Context, o options, p *process, rate float64, query string) error {
	const warmUp = 2 * time.Second // connections are made, files are read for the first time: not counted
	ctx, cancel := context.WithTimeout(ctx, warmUp+o.length)
	defer cancel()
	var sent atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	run := began.Format("150405.000-") // no message of an earlier run
	person := func() int {             // as people.sql draws them
		return int(float64(o.people) * math.Pow(rand.Float64(), 1.5))
	}
	all.Go(func() { // events of the same people
		client := &http.Client{Transport: &http.Transport{}}
		for i := 0; ctx.Err() == nil; i++ {
			time.Sleep(time.Until(began.Add(time.Duration(float64(i*o.batch) / o.peopleEvents * float64(time.Second)))))
			var body bytes.Buffer
			body.WriteByte('[')
			for j := range o.batch {
				if j > 0 {
					body.WriteByte(',')
				}
				fmt.Fprintf(&body, `{"type":"page","messageId":"%s%d-%d","userId":"u%d","anonymousId":"a%[4]d-0","properties":{"path":"/pricing","url":"https://www.example.com/pricing"}}`, run, i, j, person()&^1)
			}
			body.WriteByte(']')
			if n, err := post(ctx, client, p.api, p.key, body.Bytes()); err == nil {
				sent.Add(int64(n))
			} else if ctx.Err() == nil {
				fmt.Println("send:", err)
				return
			}
		}
	})
	var mu sync.Mutex
	var took []time.Duration
	statuses := map[int]int{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	every := time.Duration(float64(time.Second) / rate)
	for i := 0; ctx.Err() == nil; i++ {
		at := began.Add(time.Duration(i) * every)
		time.Sleep(time.Until(at))
		all.Go(func() {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/v1/people/u%d%s", p.api, person()&^1, query), nil)
			if err != nil {
				return
			}
			r.Header.Set("Authorization", "Bearer "+p.readKey)
			answer, err := client.Do(r)
			if err != nil {
				return
			}
			_, err = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			if err != nil {
				return
			}
			if at.Sub(began) < warmUp {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(at)) // from when it was due: a stall counts for all who wait
			statuses[answer.StatusCode]++
		})
	}
	all.Wait()
	if len(took) == 0 {
		return errors.New("no profile was answered")
	}
	slices.Sort(took)
	seconds := time.Since(began).Seconds()
	fmt.Printf("profiles%s at %.0f/s (asked %.0f) beside %.0f events/s (asked %.0f): median %s, p99 %s, longest %s; answers by status %v; resident %d MiB\n",
		query, float64(len(took))/(seconds-warmUp.Seconds()), rate, float64(sent.Load())/seconds, o.peopleEvents,
		quantile(took, 0.5), quantile(took, 0.99), took[len(took)-1].Round(time.Millisecond), statuses, rss(p.cmd.Process.Pid)>>20)
	return nil
}
