package loader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/internal/background"
)

// Settle looks at every segment that is doubtful now, and mends what lacks: events (complete), receipts, and then, for the days of all of
// them at once, rollups (Options.Mend). What is done twice is done once, so a crash anywhere leaves doubtful segments, at which the
// next process looks from the beginning. It returns nil when none of them is doubtful any more. Loading goes on beside it.
func (l *Loader) Settle(ctx context.Context) error {
	select {
	case <-l.settles:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { l.settles <- struct{}{} }()
	var errs []error
	segments := l.o.Spool.Doubtful()
	for len(segments) > 0 {
		n, rows := 1, segments[0].Rows
		for n < len(segments) && rows+segments[n].Rows <= settleRows {
			rows += segments[n].Rows
			n++
		}
		if err := l.settle(ctx, segments[:n]); err != nil {
			if errs = append(errs, err); ctx.Err() != nil {
				break
			}
		}
		segments = segments[n:]
	}
	return errors.Join(errs...)
}

// settleRows bounds the events that are looked at together: their keys are in memory, and go through one statement.
const settleRows = 500_000

func (l *Loader) settle(ctx context.Context, segments []*spool.Segment) error {
	began := l.o.Now()
	// One that cannot be read does not keep the others from it.
	var errs []error
	var doubts []doubt
	var days []time.Time
	for _, seg := range segments {
		receipts, err := seg.Receipts()
		if err != nil {
			errs = append(errs, fmt.Errorf("check doubtful segment %d: %w", seg.Number, err))
			continue
		}
		doubts = append(doubts, doubt{seg, receipts})
		for _, r := range receipts {
			days = append(days, r.Day)
		}
	}
	slices.SortFunc(days, time.Time.Compare)
	days = slices.CompactFunc(days, time.Time.Equal)
	put, err := l.complete(ctx, doubts)
	if err == nil {
		err = l.completeReceipts(ctx, doubts)
	}
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("check %d doubtful segments: %w", len(doubts), err))...)
	}
	mended := 0
	if l.o.Mend != nil && len(days) > 0 {
		mended, err = l.o.Mend(ctx, days)
		l.metrics.mended.Add(float64(mended))
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("mend the rollups of %d doubtful segments: %w", len(doubts), err))...)
		}
	}
	for _, d := range doubts {
		if err := l.o.Spool.Loaded(d.Segment); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	if len(doubts) > 0 {
		l.o.Logger.Info("segments checked that were sent more than once", "segments", len(doubts), "days", len(days), "events_put_in", put,
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
		if background.Sleep(ctx, l.o.SettleWait) != nil {
			return
		}
		if reason, _ := l.Failing(); reason != nil { // what loads nothing answers nothing either
			continue
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
		if background.Sleep(ctx, rest) != nil {
			return
		}
	}
}
