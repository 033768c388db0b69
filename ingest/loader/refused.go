package loader

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/livello/livello/ingest/spool"
)

// refusals counts how often a segment itself was at fault.
type refusals struct {
	attempts int
	first    time.Time
}

// note counts a failed attempt and says whether the segment has had its chances.
func (r *refusals) note(now time.Time, o *Options) bool {
	if r.attempts == 0 {
		r.first = now
	}
	r.attempts++
	return r.attempts >= o.RefusedAttempts && now.Sub(r.first) >= o.RefusedFor
}

// takesOthers says whether ClickHouse takes the segment behind seg, or the newest one, by loading it. When none waits there, nothing
// is held up and seg is just tried again.
func (l *Loader) takesOthers(ctx context.Context, seg *spool.Segment) (bool, error) {
	others, err := l.o.Spool.Behind(ctx, seg)
	if err != nil {
		return false, nil // the spool is closing
	}
	for _, other := range others {
		began := l.o.Now()
		err := l.attempt(ctx, other)
		if err == nil {
			return true, l.confirm(other, l.o.Now().Sub(began))
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		l.metrics.retries.Inc()
		l.fail(fmt.Errorf("segment %d and the one behind it: %w", seg.Number, err))
		if faultOf(err) == away {
			return false, nil
		}
	}
	return false, nil
}

// pass loads another segment past seg, if ClickHouse takes one, and then seg itself or sets it aside. done is false when seg is
// still to be loaded.
func (l *Loader) pass(ctx context.Context, seg *spool.Segment, chances *refusals) (done bool, err error) {
	if taken, err := l.takesOthers(ctx, seg); !taken || err != nil {
		return false, err
	}
	// What was wrong may have been mended between the two.
	began := l.o.Now()
	switch err := l.attempt(ctx, seg); {
	case err == nil:
		l.well(seg)
		return true, l.confirm(seg, l.o.Now().Sub(began))
	case ctx.Err() != nil:
		return false, ctx.Err()
	case faultOf(err) == refused:
		chances.attempts++
		return l.setAside(seg, err, *chances), nil
	default:
		return false, nil
	}
}

// setAside takes seg out of the way; done is false when the disk does not let it.
func (l *Loader) setAside(seg *spool.Segment, why error, r refusals) (done bool) {
	err := l.o.Spool.SetAside(seg, spool.Refusal{Error: why.Error(), Code: codeOf(why), Attempts: r.attempts, First: r.first.UTC(), At: l.o.Now().UTC()})
	if err != nil {
		l.fail(fmt.Errorf("%w (and it could not be set aside: %v)", why, err), slog.Uint64("segment", seg.Number))
		return false
	}
	l.metrics.refused.Inc()
	l.mu.Lock()
	l.failing = nil
	l.mu.Unlock()
	l.o.Logger.Error("segment set aside: it cannot be loaded; see `livello spool list`", "segment", seg.Number, "events", seg.Rows,
		"attempts", r.attempts, "error", why)
	return true
}
