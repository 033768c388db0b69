package loader

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/internal/background"
)

// loudAttempts is how many failures in a row are logged as warnings; those after them only with level debug.
const loudAttempts = 3

// fail notes a failure and logs it if it is news: the first few, and a fault of another kind.
func (l *Loader) fail(err error, attrs ...slog.Attr) {
	kind := faultOf(err)
	l.mu.Lock()
	if l.failing == nil {
		l.since, l.failures = l.o.Now(), 0
	} else if faultOf(l.failing) != kind {
		l.failures = 0
	}
	l.failing = err
	l.failures++
	failures, since := l.failures, l.since
	l.mu.Unlock()
	level := slog.LevelWarn
	if failures > loudAttempts {
		level = slog.LevelDebug
	}
	attrs = append(attrs, slog.String("fault", string(kind)), slog.Any("error", err), slog.Time("since", since))
	if failures == loudAttempts {
		attrs = append(attrs, slog.String("note", "further attempts are logged with level debug"))
	}
	l.o.Logger.LogAttrs(context.Background(), level, "loading fails", attrs...)
}

// well notes that a segment was loaded.
func (l *Loader) well(seg *spool.Segment) {
	l.mu.Lock()
	failing, since := l.failing, l.since
	l.failing = nil
	l.mu.Unlock()
	if failing != nil {
		l.o.Logger.Info("loading again", "segment", seg.Number, "failed_for", l.o.Now().Sub(since).Round(time.Millisecond))
	}
}

// Failing answers why loading does not go on and since when; nil when it does.
func (l *Loader) Failing() (reason error, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failing, l.since
}

func (l *Loader) backoff(longest time.Duration) *backoff.ExponentialBackOff {
	wait := backoff.NewExponentialBackOff() // by half, with jitter
	wait.InitialInterval, wait.MaxInterval = min(l.o.FirstRetry, longest), longest
	return wait
}

// longestProbe is the longest time between two probes: they are cheap, and loading should go on soon after ClickHouse does.
const longestProbe = 3 * time.Second

// untilPrepared has the database brought to where it takes segments.
func (l *Loader) untilPrepared(ctx context.Context) error {
	if l.o.Prepare == nil {
		return nil
	}
	return l.until(ctx, l.o.Prepare)
}

// untilAnswers is the open circuit: nothing but a probe goes out until ClickHouse answers it.
func (l *Loader) untilAnswers(ctx context.Context) error { return l.until(ctx, l.probe) }

func (l *Loader) until(ctx context.Context, works func(context.Context) error) error {
	wait := l.backoff(min(l.o.LongestRetry, longestProbe))
	for {
		err := works(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		next := wait.NextBackOff()
		l.fail(err, slog.Duration("next_probe_in", next.Round(time.Millisecond)))
		if err := background.Sleep(ctx, next); err != nil {
			return err
		}
	}
}

// probe asks ClickHouse for next to nothing.
func (l *Loader) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.ProbeTimeout)
	defer cancel()
	if err := l.o.DB.Exec(ctx, "SELECT 1"); err != nil {
		return fmt.Errorf("probe ClickHouse: %w", err)
	}
	return nil
}

// watch probes beside an INSERT that takes long. A ClickHouse that works on it still answers; one that does not is said to be
// away after two probes, and the INSERT is given up (stop) when it was silent for stallAfter. Then the probes decide again.
func (l *Loader) watch(ctx context.Context, stop context.CancelCauseFunc) {
	var silent time.Time
	for failures := 0; background.Sleep(ctx, l.o.ProbeTimeout) == nil; {
		asked := l.o.Now()
		err := l.probe(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			failures = 0
			continue
		}
		if failures++; failures == 1 {
			silent = asked
		}
		if failures >= 2 {
			l.fail(err, slog.String("while", "an INSERT is under way"))
		}
		if l.o.Now().Sub(silent) >= l.o.StallAfter {
			stop(stalled(err))
			return
		}
	}
}
