package trust

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/livello/livello/internal/background"
)

const (
	soon  = time.Minute    // after the start the first verification begins, unless it is asked for more often than that; up to ten times that while loading is behind
	daily = 24 * time.Hour // after this everything is compared again
)

// seen is what metrics say: what is known to be wrong, whoever found it, and when somebody looked last.
type seen struct {
	differences atomic.Uint64
	at          atomic.Int64 // Unix milliseconds; 0: never
	took        atomic.Int64 // nanoseconds
}

func (s *seen) set(r Report, known []Known) {
	s.differences.Store(numbersOf(known))
	s.at.Store(r.At.UnixMilli())
	s.took.Store(int64(r.Seconds * float64(time.Second)))
}

// Watch verifies until ctx ends: soon after the start and then every so often the last two days and whatever days events were loaded for since the run
// before, and everything when nobody did for a day, in this process or in another one. It counts what is known to be wrong in metrics, whichever
// verification found it, and says it in the log.
func (v *Verifier) Watch(ctx context.Context, every time.Duration, registry prometheus.Registerer) {
	make := promauto.With(registry)
	make.NewGaugeFunc(prometheus.GaugeOpts{Name: "livello_trust_differences", Help: "Numbers that verifications found not to be what they should be, and no later one found right. Files of the spool that nobody loads count, too."},
		func() float64 { return float64(v.seen.differences.Load()) })
	make.NewGaugeFunc(prometheus.GaugeOpts{Name: "livello_trust_last_verified_timestamp_seconds", Help: "When the last verification ended; 0 when there was none yet."},
		func() float64 { return float64(v.seen.at.Load()) / 1000 })
	failures := make.NewCounter(prometheus.CounterOpts{Name: "livello_trust_failed_verifications_total", Help: "Verifications that could not be brought to an end."})
	make.NewGaugeFunc(prometheus.GaugeOpts{Name: "livello_trust_verification_seconds", Help: "How long the last verification took."},
		func() float64 { return time.Duration(v.seen.took.Load()).Seconds() })
	mended := make.NewCounter(prometheus.CounterOpts{Name: "livello_trust_mended_rollups_total", Help: "Months of rollups that were made again because they counted events twice that were sent again after the deduplication window."})

	if err := v.recall(ctx); err != nil && ctx.Err() == nil {
		v.logger().Warn("what earlier verifications found is not known before the next one", "error", err)
	}
	var since time.Time // of this process' last run; zero before the first one
	if background.Rest(ctx, min(every, cmp.Or(v.soon, soon)), 0, v.Busy) != nil {
		return
	}
	for wait := time.Duration(0); background.Sleep(ctx, wait) == nil; {
		began := time.Now()
		r, err := v.scheduled(ctx, since)
		if err == nil && v.MendRepeats && len(r.Differences) > 0 {
			r, err = v.mendAndLook(ctx, r, mended)
		}
		wait = max(every, time.Since(began)) // so that it has half of a processor at most
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			failures.Inc()
			v.logger().Error("verification", "error", err)
			continue
		}
		since = began
		if len(r.Differences) > 0 {
			v.logger().Error("the numbers do not add up", "differences", len(r.Differences), "first", r.Differences[0].line(), "help", "livello verify shows all of them")
		} else if len(r.Known) > 0 {
			v.logger().Error("numbers that did not add up were not compared again yet", "differences", numbersOf(r.Known), "first", r.Known[0].Details, "help", "livello verify compares all of them")
		}
	}
}

// mendAndLook mends what late repetitions explain, and compares the months again of which something was made again.
func (v *Verifier) mendAndLook(ctx context.Context, r Report, count prometheus.Counter) (Report, error) {
	mended, err := v.mendRepeats(ctx, r)
	count.Add(float64(mended))
	if err != nil || mended == 0 {
		return r, err
	}
	var spans []span
	for _, d := range r.Differences {
		day, err := time.Parse(time.DateOnly, d.Day)
		if month := firstOfMonth(day); err == nil && d.Table != spoolTable && !slices.ContainsFunc(spans, func(s span) bool { return s.from.Equal(month) }) {
			spans = append(spans, span{month, month.AddDate(0, 1, 0)})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	return v.verify(ctx, spans, false, true)
}

// scheduled is a verification of everything when that is due, and otherwise of what was touched since the run before. since is zero in the first run of a process: then it is
// what was touched since the last verification of everything.
func (v *Verifier) scheduled(ctx context.Context, since time.Time) (Report, error) {
	last, err := v.lastWhole(ctx)
	if err != nil {
		return Report{}, err
	}
	if time.Since(last) >= daily {
		spans, err := v.everything(ctx)
		if err != nil {
			return Report{}, err
		}
		return v.verify(ctx, spans, true, true)
	}
	if since.IsZero() {
		since = last
	}
	spans, err := v.recent(ctx, since)
	if err != nil {
		return Report{}, err
	}
	return v.verify(ctx, spans, false, true)
}

// lastWhole is when the last verification of everything began, of whichever process; long ago when there was none.
func (v *Verifier) lastWhole(ctx context.Context) (last time.Time, err error) {
	rows, err := v.DB.Query(ctx, "SELECT max(at - toIntervalMillisecond(ceil(took * 1000))) FROM verifications WHERE whole = 1")
	if err != nil {
		return last, fmt.Errorf("look when everything was verified: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&last); err != nil {
			return last, fmt.Errorf("look when everything was verified: %w", err)
		}
	}
	return last, rows.Err()
}

// recall has the metrics say what earlier processes found.
func (v *Verifier) recall(ctx context.Context) error {
	known, err := readKnown(ctx, v.DB)
	if err != nil {
		return err
	}
	rows, err := v.DB.Query(ctx, "SELECT at, took FROM verifications ORDER BY at DESC LIMIT 1")
	if err != nil {
		return fmt.Errorf("look for the last verification: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r Report
		if err := rows.Scan(&r.At, &r.Seconds); err != nil {
			return fmt.Errorf("look for the last verification: %w", err)
		}
		v.seen.set(r, known)
	}
	return rows.Err()
}

// recent are the last two days and those that events were loaded for since the given time, as spans within months.
func (v *Verifier) recent(ctx context.Context, since time.Time) ([]span, error) {
	rows, err := v.DB.Query(ctx, `SELECT DISTINCT day FROM
(
    SELECT day FROM receipts WHERE loaded_at >= {since:DateTime('UTC')}
    UNION ALL
    SELECT toDate(now('UTC')) - number AS day FROM numbers(2)
)
ORDER BY day`, named("since", since.Add(-time.Minute).UTC().Format(time.DateTime)))
	if err != nil {
		return nil, fmt.Errorf("list the days that changed: %w", err)
	}
	defer rows.Close()
	var days []time.Time
	for rows.Next() {
		var day time.Time
		if err := rows.Scan(&day); err != nil {
			return nil, fmt.Errorf("list the days that changed: %w", err)
		}
		days = append(days, day)
	}
	return spansOf(days), rows.Err()
}

func (v *Verifier) logger() *slog.Logger {
	if v.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return v.Logger
}
