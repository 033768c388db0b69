package spool

import (
	"testing"
	"time"
)

func TestCrowdedIsManyRequestsInEachGroupForAWhile(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name           string
		groups, inEach int
		after          time.Duration // from the first group to the question; the groups are spread over a second
		want           bool
	}{
		{"a burst", 1, 64, time.Millisecond, false},
		{"one after the other, fast", 5000, 1, 900 * time.Millisecond, false},
		{"sixty-four connections", 300, 30, 900 * time.Millisecond, true},
		{"and a moment later", 300, 30, 1900 * time.Millisecond, true},
		{"and when they have gone", 300, 30, 2100 * time.Millisecond, false},
		{"the clock was set back", 300, 30, -time.Hour, false},
	} {
		var c crowd
		for i := range test.groups {
			c.note(test.inEach, began.Add(time.Duration(i)*time.Second/time.Duration(test.groups)))
		}
		if got := c.is(began.Add(test.after)); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	// The next window does not begin from nothing.
	var c crowd
	for i := range 600 {
		at := began.Add(time.Duration(i) * 2 * time.Millisecond)
		c.note(30, at)
		if i > 500 && !c.is(at) {
			t.Fatalf("not crowded %s into it", at.Sub(began))
		}
	}
}
