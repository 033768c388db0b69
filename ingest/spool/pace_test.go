package spool

import (
	"testing"
	"time"
)

// The loader rests four times as long as it worked, within bounds that are wider while requests wait for one another.
func TestPace(t *testing.T) {
	const least = 200 * time.Millisecond
	for _, c := range []struct {
		took    time.Duration
		crowded bool
		want    time.Duration
	}{
		{0, false, least},
		{0, true, least},
		{100 * time.Millisecond, false, 2 * least},
		{100 * time.Millisecond, true, 2 * least},
		{400 * time.Millisecond, false, 3 * least},
		{400 * time.Millisecond, true, 8 * least},
		{time.Minute, true, 10 * least},
	} {
		p := pace{took: c.took}
		if got := p.linger(least, c.crowded); got != c.want {
			t.Errorf("after %s, crowded %v: %s, want %s", c.took, c.crowded, got, c.want)
		}
	}
}
