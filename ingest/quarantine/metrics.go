package quarantine

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	kept, failed, aside prometheus.Counter
	dropped             *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer, s *Store) *metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	with := promauto.With(registry)
	with.NewGaugeFunc(prometheus.GaugeOpts{Name: "livello_quarantine_waiting_bytes", Help: "Bytes of rejected records that are not in the table yet."},
		func() float64 { return float64(s.Status()) })
	with.NewGaugeFunc(prometheus.GaugeOpts{Name: "livello_quarantine_refused_files", Help: "Files of rejected records that ClickHouse refused, set aside until a person looks: livello spool list."},
		func() float64 { return float64(len(s.Refused())) })
	m := &metrics{
		aside:  with.NewCounter(prometheus.CounterOpts{Name: "livello_quarantine_refused_files_total", Help: "Files of rejected records that were set aside because ClickHouse refused them."}),
		kept:   with.NewCounter(prometheus.CounterOpts{Name: "livello_quarantine_records_total", Help: "Rejected records that were kept with their payload."}),
		failed: with.NewCounter(prometheus.CounterOpts{Name: "livello_quarantine_failed_attempts_total", Help: "Inserts of rejected records that failed and are tried again."}),
		dropped: with.NewCounterVec(prometheus.CounterOpts{Name: "livello_quarantine_dropped_total",
			Help: "Rejected records whose payload was not kept, by why: request (past what is kept of one; counted in the table), full, failed, torn."}, []string{"reason"}),
	}
	for _, reason := range []string{"request", "full", "failed", "torn"} {
		m.dropped.WithLabelValues(reason) // there from the start, so that the first shows as a rise from zero
	}
	return m
}
