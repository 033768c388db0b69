package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/background"
	"github.com/livello/livello/warehouse"
)

// visitors are a workload of many cookies: each views a page, does something, and views another page. What it does is to say who it is, when they identify,
// which makes three or four cookies one person; or to watch a video.
type visitors struct {
	batch, people int
	identify      bool
}

// perVisitor is how many messages a cookie sends.
const perVisitor = 3

// body is the i-th request.
func (v visitors) body(i int) []byte {
	text := []byte{'['}
	for j := range v.batch {
		n := i*v.batch + j
		if j > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, `{"messageId":"%s","anonymousId":"%08x-cookie",`, uuid.New(), n/perVisitor)
		switch {
		case n%perVisitor != 1:
			text = fmt.Appendf(text, `"type":"page","properties":{"path":"/products/%d"}}`, rand.IntN(10_000))
		case v.identify:
			text = fmt.Appendf(text, `"type":"identify","userId":"user-%07d","traits":{"plan":"free"}}`, rand.IntN(v.people))
		default:
			text = fmt.Appendf(text, `"type":"track","event":"video_play","properties":{"content_id":"video-%d"}}`, rand.IntN(100))
		}
	}
	return append(text, ']')
}

// runMerges loads the events of o.people cookies twice, in turn: of people who stay unknown, and of three tenths as many people who say who they are. What
// identity costs ingest is the difference.
func runMerges(ctx context.Context, o options, work string) error {
	o.total = o.people * perVisitor
	var rates [2][]float64
	for range o.runs {
		for i, identify := range []bool{false, true} {
			rate, err := runVisitors(ctx, o, work, visitors{batch: o.batch, people: o.people * 3 / 10, identify: identify})
			if err != nil {
				return err
			}
			rates[i] = append(rates[i], rate)
		}
	}
	fmt.Printf("loaded while ids are merged, as a ratio to loading where nobody says who they are: %.2f, median of %d\n", median(ratios(rates[1], rates[0])), o.runs)
	return nil
}

func runVisitors(ctx context.Context, o options, work string, v visitors) (rate float64, err error) {
	p, err := startProcess(ctx, o, work)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	r := &longRun{process: p, o: o, c: v, began: time.Now()}
	s, err := r.stretch(ctx, o.total)
	if err != nil {
		return 0, err
	}
	fmt.Printf("identify: %-5v %d events loaded at %.0f events/s, %.1f us of processor time each, peak %d MiB\n", v.identify, r.sent, s.rate, s.cpu*1e6, peakMemory(p.cmd.Process.Pid)>>20)
	if !v.identify {
		return s.rate, nil
	}
	w, err := warehouse.Open(ctx, warehouse.Config{Data: p.data})
	if err != nil {
		return 0, err
	}
	defer w.Close()
	for before := processorTime(p.cmd.Process.Pid); ; {
		var ids, people uint64
		if err := w.QueryRow(ctx, "SELECT count(), uniqExact(person_id) FROM person_ids WHERE startsWith(distinct_id, 'user-') = 0").Scan(&ids, &people); err != nil {
			return 0, err
		}
		if ids >= uint64(o.people) {
			fmt.Printf("%d cookies are those of %d people, %.1f s after the first event, with another %.1f s of processor time after the last\n", ids, people,
				time.Since(r.began).Seconds(), (processorTime(p.cmd.Process.Pid) - before).Seconds())
			return s.rate, nil
		}
		if err := background.Sleep(ctx, time.Second); err != nil {
			return 0, err
		}
	}
}
