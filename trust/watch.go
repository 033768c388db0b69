package trust

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Watch verifies until ctx ends: every so often the last two days and whatever days events were loaded for since the run before, and
// once a day everything. It counts what it finds in metrics and says it in the log.
func (v *Verifier) Watch(ctx context.Context, every time.Duration, registry prometheus.Registerer) {
	make := promauto.With(registry)
	differences := make.NewGauge(prometheus.GaugeOpts{Name: "livello_trust_differences", Help: "Numbers that the last verification found not to be what they should be."})
	verified := make.NewGauge(prometheus.GaugeOpts{Name: "livello_trust_last_verified_timestamp_seconds", Help: "When the last verification ended; 0 before the first one since the start."})
	failures := make.NewCounter(prometheus.CounterOpts{Name: "livello_trust_failed_verifications_total", Help: "Verifications that could not be brought to an end."})
	seconds := make.NewGauge(prometheus.GaugeOpts{Name: "livello_trust_verification_seconds", Help: "How long the last verification took."})

	tick := time.NewTicker(every)
	defer tick.Stop()
	since, whole := time.Now().Add(-every), midnight(time.Now())
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		var r Report
		var err error
		if today := midnight(began); today.After(whole) {
			if r, err = v.Verify(ctx, time.Time{}, time.Time{}); err == nil {
				whole = today
			}
		} else {
			var spans []span
			if spans, err = v.recent(ctx, since); err == nil {
				r, err = v.verify(ctx, spans)
			}
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failures.Inc()
			v.logger().Error("verification", "error", err)
			continue
		case len(r.Differences) > 0:
			v.logger().Error("the numbers do not add up", "differences", len(r.Differences), "first", fmt.Sprintf("%+v", r.Differences[0]), "help", "livello verify shows all of them")
		}
		since = began
		differences.Set(float64(len(r.Differences)))
		verified.Set(float64(r.At.UnixMilli()) / 1000)
		seconds.Set(r.Seconds)
	}
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
