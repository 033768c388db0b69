package funnel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/queries"
	"github.com/livello/livello/warehouse"
)

// place is a row of the loop: a metric at a channel, or at all of them.
type place struct{ level, metric, channel string }

// figures are a metric of a period and of the one before; NaN is what cannot be told.
type figures struct{ value, before, change float64 }

// naiveLoop is metric_loop over the days from first to last, both inclusive, from terms.
func naiveLoop(all []definitions.Metric, terms map[key]float64, first, last time.Time) map[place]figures {
	before := first.Add(first.Sub(last.Add(aDay)))
	at := map[string]bool{"all": true}
	for k := range terms {
		at[k.channel] = true
	}
	answer := map[place]figures{}
	for _, m := range all {
		for channel := range at {
			of := func(from, to time.Time) float64 {
				chosen := map[key]float64{}
				for k, v := range terms {
					if !k.day.Before(from) && !k.day.After(to) && (channel == "all" || k.channel == channel) {
						chosen[k] = v
					}
				}
				if !told(m, chosen) {
					return math.NaN()
				}
				over, under := naiveMetrics([]definitions.Metric{m}, chosen)
				if len(m.Denominator) == 0 {
					return over[m.Metric]
				}
				if under[m.Metric] == 0 {
					return math.NaN()
				}
				return over[m.Metric] / under[m.Metric]
			}
			f := figures{value: of(first, last), before: of(before, first.Add(-aDay)), change: math.NaN()}
			if f.before != 0 {
				f.change = f.value/f.before - 1
			}
			answer[place{m.Level, m.Metric, channel}] = f
		}
	}
	return answer
}

// told says whether a metric has what it is made of: one that only adds up measurements (what was spent) needs one of them.
func told(m definitions.Metric, terms map[key]float64) bool {
	measured := false
	for _, term := range m.Numerator {
		term = strings.TrimPrefix(term, "-")
		if !strings.HasPrefix(term, "measurement:") {
			return true
		}
		for k := range terms {
			measured = measured || k.term == term
		}
	}
	return measured
}

// compareLoop holds the query metric_loop to naiveLoop. What it has no row for has to be nothing.
func compareLoop(rt *rapid.T, db *warehouse.Warehouse, all []definitions.Metric, terms map[key]float64, first, last time.Time) {
	var text bytes.Buffer
	if err := (queries.Runner{DB: db}).Run(context.Background(), "metric_loop", map[string]string{"from": first.Format(time.DateOnly), "to": last.Add(aDay).Format(time.DateOnly)}, "ndjson", &text); err != nil {
		rt.Fatal(err)
	}
	want := naiveLoop(all, terms, first, last)
	levels := []string{"business", "outcome", "foundational", "counting"}
	for d := json.NewDecoder(&text); d.More(); {
		var row struct {
			Level, Metric, Channel, Problem string
			Value, Before, Change           *float64
		}
		if err := d.Decode(&row); err != nil {
			rt.Fatal(err)
		}
		for levels[0] != row.Level { // from business down
			if levels = levels[1:]; len(levels) == 0 {
				rt.Fatalf("level %s comes after the ones below it", row.Level)
			}
		}
		p := place{row.Level, row.Metric, row.Channel}
		f, there := want[p]
		if !there {
			rt.Errorf("%v is there, or there twice", p)
		}
		delete(want, p)
		for what, pair := range map[string][2]float64{"value": {known(row.Value), f.value}, "before": {known(row.Before), f.before}, "change": {known(row.Change), f.change}} {
			if !near(pair[0], pair[1]) {
				rt.Errorf("from %s to %s, %v: %s is %v, want %v (%s)", first.Format(time.DateOnly), last.Format(time.DateOnly), p, what, pair[0], pair[1], row.Problem)
			}
		}
		if row.Value == nil && row.Problem == "" || strings.Contains(row.Problem, "no rate") && row.Value != nil && row.Before != nil {
			rt.Errorf("%v: value %v, before %v, and the problem is %q", p, row.Value, row.Before, row.Problem)
		}
	}
	for p, f := range want {
		for _, v := range []float64{f.value, f.before} {
			if v != 0 && !math.IsNaN(v) {
				rt.Errorf("%v is missing, want %+v", p, f)
			}
		}
	}
}

// known is a number, or NaN for none.
func known(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}
