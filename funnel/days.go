package funnel

import (
	"cmp"
	"slices"
	"time"
)

const day = 24 * time.Hour

// span is a range of days, half-open, both midnight UTC.
type span struct{ from, to time.Time }

// reach is for how many days from its own on an event may change who was active: within a month.
const reach = 30 * day

// atOnce is how many days are computed at once: as many as activity_terms_between has bits for.
const atOnce = 35

// spans are the days that lie at least before and less than behind away from one of the given ones, and before end. Those that touch are one.
func spans(days []time.Time, before, behind time.Duration, end time.Time) []span {
	days = slices.Clone(days)
	slices.SortFunc(days, func(a, b time.Time) int { return cmp.Compare(a.Unix(), b.Unix()) })
	var all []span
	for _, d := range days {
		s := span{d.Add(before), earlier(d.Add(behind), end)}
		switch n := len(all); {
		case !s.from.Before(s.to): // in the future: it counts when its day comes
		case n > 0 && !s.from.After(all[n-1].to):
			all[n-1].to = s.to
		default:
			all = append(all, s)
		}
	}
	return all
}

// cut divides spans into ones of at most atOnce days.
func cut(spans []span) []span {
	var parts []span
	for _, s := range spans {
		for from := s.from; from.Before(s.to); from = from.Add(atOnce * day) {
			parts = append(parts, span{from, earlier(from.Add(atOnce*day), s.to)})
		}
	}
	return parts
}
