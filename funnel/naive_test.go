package funnel_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// did is one event of the naive world, with the person behind its id.
type did struct {
	at       time.Time
	person   string
	id       string
	kind     string
	channel  string
	machine  bool
	value    int64 // whole units of currency
	currency string
	score    float64 // of survey_response and review
	survey   string  // survey_id
}

// measured is one measurement of the naive world.
type measured struct {
	at                      time.Time
	kind, channel, campaign string
	value                   int64
	currency                string
}

type rate struct {
	day  time.Time
	code string
	rate float64
}

// world is what happened, to be counted without any cleverness.
type world struct {
	events   []did
	measured []measured
	rates    []rate
	today    time.Time
}

// key is a row of funnel_terms.
type key struct {
	day           time.Time
	channel, term string
}

const aDay = 24 * time.Hour

func (k key) String() string { return k.day.Format(time.DateOnly) + " " + k.channel + " " + k.term }

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(aDay) }

var reached = []string{"email_sent", "email_delivered", "email_bounce", "ad_impression", "social_impression", "experiment_exposure"}

func (e did) human() bool { return !e.machine }
func (e did) acted() bool { return e.human() && !slices.Contains(reached, e.kind) }
func (e did) ordered() bool {
	return e.human() && (e.kind == "purchase" || e.kind == "opportunity_won")
}

// worth is money in EUR; NaN without a rate of the seven days that end with its day.
func (w *world) worth(value int64, currency string, day time.Time) float64 {
	if value == 0 {
		return 0
	}
	if currency == "EUR" {
		return float64(value)
	}
	var best *rate
	for i, r := range w.rates {
		if r.code == currency && !r.day.After(day) && day.Sub(r.day) < 7*aDay && (best == nil || r.day.After(best.day)) {
			best = &w.rates[i]
		}
	}
	if best == nil {
		return math.NaN()
	}
	return float64(value) * best.rate
}

// terms are the rows of funnel_terms, also those that are 0.
func (w *world) terms() map[key]float64 {
	sums := map[key]float64{}
	add := func(day time.Time, channel, term string, amount float64) {
		sums[key{dayOf(day), channel, term}] += amount
	}
	for _, e := range w.events {
		if !e.human() {
			continue
		}
		add(e.at, e.channel, "events:"+e.kind, 1)
		add(e.at, e.channel, "value:"+e.kind, w.worth(e.value, e.currency, dayOf(e.at)))
		switch {
		case e.kind == "review" && e.score <= 5:
			add(e.at, e.channel, "review:all", 1)
			add(e.at, e.channel, "review:positive", one(e.score >= 4))
		case e.kind == "survey_response" && e.survey == "nps":
			add(e.at, e.channel, "survey:nps_responses", 1)
			add(e.at, e.channel, "survey:nps_promoters", one(e.score >= 9))
			add(e.at, e.channel, "survey:nps_detractors", one(e.score <= 6))
			add(e.at, e.channel, "survey:nps_passives", one(e.score > 6 && e.score < 9))
		case e.kind == "survey_response" && e.survey == "csat" && e.score <= 5:
			add(e.at, e.channel, "survey:csat_responses", 1)
			add(e.at, e.channel, "survey:csat_satisfied", one(e.score >= 4))
		}
	}
	w.measurements(add)
	for _, person := range w.people() {
		w.customer(person, add)
		w.activity(person, add)
		w.visits(person, add)
	}
	return sums
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func (w *world) people() []string {
	var all []string
	for _, e := range w.events {
		if !slices.Contains(all, e.person) {
			all = append(all, e.person)
		}
	}
	return all
}

func (w *world) of(person string, which func(did) bool) []did {
	var some []did
	for _, e := range w.events {
		if e.person == person && which(e) {
			some = append(some, e)
		}
	}
	slices.SortFunc(some, func(a, b did) int { return cmp.Or(a.at.Compare(b.at), strings.Compare(a.channel, b.channel)) })
	return some
}

type adder func(day time.Time, channel, term string, amount float64)

func (w *world) measurements(add adder) {
	type series struct{ kind, channel, campaign string }
	levels := map[series]map[time.Time]int64{}
	for _, m := range w.measured { // in order of time; a later one of the same moment replaces
		if m.kind == "followers" {
			s := series{m.kind, m.channel, m.campaign}
			if levels[s] == nil {
				levels[s] = map[time.Time]int64{}
			}
			levels[s][dayOf(m.at)] = m.value
			continue
		}
		amount := float64(m.value)
		if m.currency != "" {
			amount = w.worth(m.value, m.currency, dayOf(m.at))
		}
		add(m.at, m.channel, "measurement:"+m.kind, amount)
	}
	for s, byDay := range levels {
		var days []time.Time
		for d := range byDay {
			days = append(days, d)
		}
		slices.SortFunc(days, time.Time.Compare)
		add(days[0], s.channel, "measurement:followers", 0) // there is one
		for i := 1; i < len(days); i++ {
			add(days[i], s.channel, "measurement:followers", float64(byDay[days[i]]-byDay[days[i-1]]))
		}
	}
}

func (w *world) customer(person string, add adder) {
	orders := w.of(person, did.ordered)
	if len(orders) == 0 {
		return
	}
	first := orders[0]
	met := w.of(person, did.human)[0]
	add(first.at, first.channel, "person:first_purchases", 1)
	add(first.at, first.channel, "person:seconds_to_first_purchase", first.at.Sub(met.at).Seconds())
	for i, o := range orders[1:] {
		add(o.at, first.channel, "person:repeat_purchases", 1)
		if i == 0 {
			add(o.at, first.channel, "person:second_purchases", 1)
		}
	}
	for _, e := range w.of(person, did.human) {
		switch {
		case e.ordered():
			add(first.at, first.channel, "person:acquired_revenue", w.worth(e.value, e.currency, dayOf(e.at)))
		case e.kind == "refund":
			add(first.at, first.channel, "person:acquired_revenue", -w.worth(e.value, e.currency, dayOf(e.at)))
		}
	}
}

func (w *world) activity(person string, add adder) {
	active := map[time.Time]bool{}
	var first, last time.Time
	for _, e := range w.of(person, did.acted) {
		d := dayOf(e.at)
		active[d] = true
		if first.IsZero() {
			first = d
		}
		last = d
	}
	within := func(from, to time.Time) bool { // both inclusive
		for d := from; !d.After(to); d = d.Add(aDay) {
			if active[d] {
				return true
			}
		}
		return false
	}
	for d := first; len(active) > 0 && !d.After(last.Add(31*aDay)) && !d.After(w.today); d = d.Add(aDay) {
		add(d, "", "person:active_days", one(active[d]))
		add(d, "", "person:active_30d", one(within(d.Add(-29*aDay), d)))
		if active[d.Add(-7*aDay)] {
			add(d, "", "person:retained_base", 1)
			add(d, "", "person:retained", one(within(d.Add(-6*aDay), d)))
		}
	}
}

func (w *world) visits(person string, add adder) {
	hits := w.of(person, func(e did) bool { return e.human() && (e.channel == "web" || e.channel == "app") })
	for i := 0; i < len(hits); {
		j := i + 1
		for j < len(hits) && hits[j].at.Unix()-hits[j-1].at.Unix() <= 1800 {
			j++
		}
		start, end := hits[i].at, hits[j-1].at
		add(start, "web", "session:count", 1)
		add(start, "web", "session:seconds", math.Floor(end.Sub(start).Seconds())) // whole seconds
		for _, h := range hits[i:j] {
			add(start, "web", "session:pages", one(h.kind == "page_view"))
		}
		won := w.of(person, func(e did) bool { return e.ordered() && !e.at.Before(start) && e.at.Unix()-end.Unix() <= 1800 })
		add(start, "web", "session:converted", one(len(won) > 0))
		i = j
	}
}

// differ says where two sums are not the same, with NaN equal to NaN and 0 to nothing.
func differ[K comparable](got, want map[K]float64) []string {
	var out []string
	for k, w := range want {
		if g := got[k]; !near(g, w) {
			out = append(out, fmt.Sprintf("%v: got %v, want %v", k, g, w))
		}
	}
	for k, g := range got {
		if _, there := want[k]; !there && !near(g, 0) {
			out = append(out, fmt.Sprintf("%v: got %v, want none", k, g))
		}
	}
	slices.Sort(out)
	return out
}

func near(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-3+1e-9*math.Abs(b)
}
