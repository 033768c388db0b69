package cards

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics are what a Store counts.
type Metrics struct {
	cards, failures prometheus.Counter
	here, elsewhere prometheus.Counter
	complete, lag   prometheus.Gauge
	told            prometheus.Gauge
}

// NewMetrics registers them.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	make := promauto.With(registry)
	reads := make.NewCounterVec(prometheus.CounterOpts{Name: "livello_cards_reads_total", Help: "Profiles that were asked for, by where they were read: cards, or database while there is no card to tell."}, []string{"from"})
	return &Metrics{
		cards:    make.NewCounter(prometheus.CounterOpts{Name: "livello_cards_followed_total", Help: "States of people that were taken over into the copy of profiles."}),
		failures: make.NewCounter(prometheus.CounterOpts{Name: "livello_cards_failures_total", Help: "Times that the copy of profiles could not be kept or read; it is made up for."}),
		complete: make.NewGauge(prometheus.GaugeOpts{Name: "livello_cards_complete", Help: "1 while profiles are answered from their copy, 0 while it is filled or cannot be kept."}),
		told:     make.NewGauge(prometheus.GaugeOpts{Name: "livello_cards_timelines_complete", Help: "1 while what people did last is answered from its copy, 0 while that is filled or cannot be kept: then it is read from events, far more slowly."}),
		lag:      make.NewGauge(prometheus.GaugeOpts{Name: "livello_cards_lag_seconds", Help: "From the end of the last evaluation to its states being in the copy of profiles."}),
		here:     reads.WithLabelValues("cards"), elsewhere: reads.WithLabelValues("database"),
	}
}

// noMetrics are for a Store without.
var noMetrics = NewMetrics(prometheus.NewRegistry())

func (m *Metrics) setComplete(complete, told bool) {
	set(m.complete, complete)
	set(m.told, complete && told)
}

func set(gauge prometheus.Gauge, is bool) {
	gauge.Set(0)
	if is {
		gauge.Set(1)
	}
}
