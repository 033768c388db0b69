package tiers

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics are what an Evaluator counts.
type Metrics struct {
	people   *prometheus.CounterVec
	changes  *prometheus.CounterVec
	seconds  *prometheus.CounterVec
	lag      prometheus.Gauge
	failures prometheus.Counter
	due      prometheus.Gauge
}

// NewMetrics registers them.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	make := promauto.With(registry)
	m := &Metrics{
		people:   make.NewCounterVec(prometheus.CounterOpts{Name: "livello_tiers_people_evaluated_total", Help: "Evaluations of a person, by clock: news, due or replay."}, []string{"clock"}),
		changes:  make.NewCounterVec(prometheus.CounterOpts{Name: "livello_tiers_changes_total", Help: "Of them, those that found another tier or micro-segment than before, or came across two or three criteria."}, []string{"clock"}),
		seconds:  make.NewCounterVec(prometheus.CounterOpts{Name: "livello_tiers_evaluation_seconds_total", Help: "Time that took."}, []string{"clock"}),
		lag:      make.NewGauge(prometheus.GaugeOpts{Name: "livello_tiers_lag_seconds", Help: "From the arrival of the oldest news in the last evaluation to its end; 0 when there was none."}),
		failures: make.NewCounter(prometheus.CounterOpts{Name: "livello_tiers_failed_evaluations_total", Help: "Evaluations that ended with an error; they are made up for."}),
		due:      make.NewGauge(prometheus.GaugeOpts{Name: "livello_tiers_last_due_timestamp_seconds", Help: "When everybody who was due had been evaluated; 0 before the first time since the start."}),
	}
	for _, clock := range []string{"news", "due", "replay"} { // never silently absent
		m.people.WithLabelValues(clock)
		m.changes.WithLabelValues(clock)
		m.seconds.WithLabelValues(clock)
	}
	return m
}

// noMetrics are for an Evaluator without.
var noMetrics = NewMetrics(prometheus.NewRegistry())

func (m *Metrics) evaluated(clock string, e Evaluated, took time.Duration) {
	m.people.WithLabelValues(clock).Add(float64(e.People))
	m.changes.WithLabelValues(clock).Add(float64(e.Changes))
	m.seconds.WithLabelValues(clock).Add(took.Seconds())
}
