package spool

import "time"

// crowd watches whether requests come so fast that they wait for one another: then each group commit answers many of them, and the processor
// is what they lack. Whoever else works in the process, and could as well later, asks Crowded.
type crowd struct {
	began           time.Time // of the window that is being counted
	groups, callers int
	last            bool // what the window before said
}

// A window is crowded when it had so many callers, and so many in each group. One caller after the other makes groups of one, at whatever rate.
const (
	crowdWindow   = time.Second
	crowdCallers  = 500
	crowdPerGroup = 8
)

// note counts a group. The caller holds mu.
func (c *crowd) note(callers int, now time.Time) {
	if age := now.Sub(c.began); age < 0 || age >= crowdWindow {
		*c = crowd{began: now, last: age >= 0 && age < 2*crowdWindow && c.crowded()}
	}
	c.groups++
	c.callers += callers
}

func (c *crowd) crowded() bool {
	return c.callers >= crowdCallers && c.callers >= crowdPerGroup*c.groups
}

// is answers for the last second or two. The caller holds mu.
func (c *crowd) is(now time.Time) bool {
	age := now.Sub(c.began)
	return age >= 0 && age < 2*crowdWindow && (c.crowded() || c.last && age < crowdWindow)
}

// Crowded says that for a second or two requests have been waiting for one another: what only makes the past known sooner should make room for them.
func (s *Spool) Crowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.crowd.is(s.o.Now())
}
