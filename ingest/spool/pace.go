package spool

import "time"

// pace says how long an event may wait for others before its segment is loaded. An INSERT of one event costs ClickHouse nearly as
// much as one of thousands: a part with a dozen synced files for each table, view and month, and the merges of those parts later. So
// the loader rests four times as long as it worked, from Options.Linger on an idle machine to three times that on a busy one, and ten
// times that while requests wait for one another.
// Nothing waits where segments are full: they are sealed at once.
type pace struct {
	handed time.Time // when Next answered the last segment
	took   time.Duration
}

const (
	// restFactor is how many times longer than the last load the loader rests.
	restFactor = 4
	// busyFactor is how far Linger may be stretched for that: an event is to be seen a second and a half after its answer, and a load takes half of it.
	busyFactor = 3
	// crowdedFactor is how far Linger may be stretched while requests wait for one another: they lack what loading costs, and that is paid by the
	// INSERT.
	crowdedFactor = 10
)

// asked notes that the loader is back for more, handedOut that it got a segment. The caller holds mu.
func (p *pace) asked() {
	if !p.handed.IsZero() {
		p.took, p.handed = time.Since(p.handed), time.Time{}
	}
}

func (p *pace) handedOut() { p.handed = time.Now() }

// linger is how long the first event of a segment waits from now on.
func (p *pace) linger(least time.Duration, crowded bool) time.Duration {
	most := busyFactor * least
	if crowded {
		most = crowdedFactor * least
	}
	return min(max(restFactor*p.took, least), most)
}
