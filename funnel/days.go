package funnel

import (
	"cmp"
	"slices"
	"time"
)

const day = 24 * time.Hour

// span is a range of days, half-open, both midnight UTC.
type span struct{ from, to time.Time }

// reach is how many days after an event its terms may change: who was active counts for 30 days.
const reach = 30 * day

// spans are the days that have to be computed when something came for the given ones: from the day before, whose last visit may go
// on over midnight, until a month later, not past today. Those that touch are one.
func spans(days []time.Time, today time.Time) []span {
	days = slices.Clone(days)
	slices.SortFunc(days, func(a, b time.Time) int { return cmp.Compare(a.Unix(), b.Unix()) })
	var all []span
	for _, d := range days {
		s := span{d.Add(-day), d.Add(reach)}
		if end := today.Add(day); s.to.After(end) {
			s.to = end
		}
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

// cut divides a span into ones of at most length.
func (s span) cut(length time.Duration) []span {
	var parts []span
	for from := s.from; from.Before(s.to); from = from.Add(length) {
		to := from.Add(length)
		if to.After(s.to) {
			to = s.to
		}
		parts = append(parts, span{from, to})
	}
	return parts
}
