package loader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/livello/livello/ingest/spool"
)

// Settle looks at every segment that is doubtful now, and mends what lacks: events (complete), receipts, and then, for the days of all of
// them at once, rollups (Options.Mend). What is done twice is done once, so a crash anywhere leaves a doubtful segment, at which the
// next process looks from the beginning. It returns nil when none of them is doubtful any more. Loading goes on beside it.
func (l *Loader) Settle(ctx context.Context) error {
	select {
	case <-l.settles:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { l.settles <- struct{}{} }()
	doubtful := l.o.Spool.Doubtful()
	if len(doubtful) == 0 {
		return nil
	}
	began := l.o.Now()
	// One that cannot be looked at does not keep the others from it.
	var errs []error
	var whole []*spool.Segment
	var days []time.Time
	events := 0
	for _, seg := range doubtful {
		of, completed, err := l.complete(ctx, seg)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			errs = append(errs, fmt.Errorf("check doubtful segment %d: %w", seg.Number, err))
			continue
		}
		whole, days, events = append(whole, seg), append(days, of...), events+completed
	}
	slices.SortFunc(days, time.Time.Compare)
	days = slices.CompactFunc(days, time.Time.Equal)
	mended := 0
	if l.o.Mend != nil && len(days) > 0 {
		var err error
		mended, err = l.o.Mend(ctx, days)
		l.metrics.mended.Add(float64(mended))
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("mend the rollups of %d doubtful segments: %w", len(whole), err))...)
		}
	}
	for _, seg := range whole {
		if err := l.o.Spool.Loaded(seg); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	if len(whole) > 0 {
		l.o.Logger.Info("segments checked that were sent more than once", "segments", len(whole), "days", len(days), "events_put_in", events,
			"rollup_months_mended", mended, "seconds", l.o.Now().Sub(began).Seconds())
	}
	return errors.Join(errs...)
}

const (
	settleShare  = 3               // settling rests for so many times what it took
	settlePause  = 5 * time.Second // after a failure; it doubles
	settlePauses = 10 * time.Minute
)

// keepSettling settles until ctx ends, whenever something is doubtful and loading works.
func (l *Loader) keepSettling(ctx context.Context) {
	pause := settlePause
	for {
		progress := l.o.Spool.Progress()
		if len(l.o.Spool.Doubtful()) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-progress:
			}
			continue
		}
		if reason, _ := l.Failing(); reason != nil { // what loads nothing answers nothing either
			if sleep(ctx, settlePause) != nil {
				return
			}
			continue
		}
		if sleep(ctx, l.o.SettleWait) != nil {
			return
		}
		began := time.Now()
		err := l.Settle(ctx)
		rest := settleShare * time.Since(began)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			rest = max(rest, pause)
			pause = min(2*pause, settlePauses)
			l.o.Logger.Warn("doubtful segments could not be settled; they stay, and are tried again", "error", err, "next_attempt_in", rest.Round(time.Millisecond))
		default:
			pause = settlePause
		}
		if sleep(ctx, rest) != nil {
			return
		}
	}
}
