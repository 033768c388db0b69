package loader

import (
	"time"

	"github.com/livello/livello/ingest/spool"
)

// underWay is the attempt that goes on.
type underWay struct {
	segment uint64
	since   time.Time // zero when none does
}

// begin notes that the segment is being sent, and has it said once when that takes longer than SlowAfter: ClickHouse may answer everything else
// meanwhile, and nothing fails before AttemptTimeout. The attempt is over with a call of end.
func (l *Loader) begin(seg *spool.Segment) (end func(error)) {
	since, rows := l.o.Now(), seg.Rows // late repeats may be taken out meanwhile
	l.mu.Lock()
	l.underWay = underWay{seg.Number, since}
	l.mu.Unlock()
	said := make(chan struct{})
	warn := time.AfterFunc(l.o.SlowAfter, func() {
		defer close(said)
		l.o.Logger.Warn("ClickHouse takes long over a segment", "segment", seg.Number, "events", rows, "running_for", l.o.SlowAfter, "given_up_after", l.o.AttemptTimeout)
	})
	return func(err error) {
		l.mu.Lock()
		l.underWay = underWay{}
		l.mu.Unlock()
		if warn.Stop() {
			return
		}
		<-said // in this order
		if err == nil {
			l.o.Logger.Info("ClickHouse has taken the segment", "segment", seg.Number, "took", l.o.Now().Sub(since).Round(time.Millisecond))
		}
	}
}

// running answers for how long the attempt that goes on has been, and at which segment; 0 when none does.
func (l *Loader) running() (segment uint64, since time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.underWay.since.IsZero() {
		return 0, 0
	}
	return l.underWay.segment, l.o.Now().Sub(l.underWay.since)
}

// Slow answers over which segment ClickHouse takes longer than SlowAfter, and for how long it has; 0 when it takes over none. Loading does not
// fail for it: see Failing.
func (l *Loader) Slow() (segment uint64, running time.Duration) {
	if segment, running = l.running(); running < l.o.SlowAfter {
		return 0, 0
	}
	return segment, running
}
