package ingest

import (
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/ingest/sources/segment"
)

// metrics counts what comes in. Labels take their values from routes, configured sources and segment.Codes, never from
// what senders send.
type metrics struct {
	requests            *prometheus.CounterVec
	seconds             *prometheus.HistogramVec
	accepted, duplicate *prometheus.CounterVec
	rejected            *prometheus.CounterVec
	wireBytes           prometheus.Counter
	bodyBytes           prometheus.Counter
}

func newMetrics(registry prometheus.Registerer) *metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		registry.MustRegister(c)
		return c
	}
	m := &metrics{
		requests:  counters("livello_ingest_requests_total", "Requests answered, by route and HTTP status.", "route", "code"),
		accepted:  counters("livello_ingest_events_accepted_total", "Events kept, by source.", "source"),
		duplicate: counters("livello_ingest_events_duplicate_total", "Events that had been kept before, by source.", "source"),
		rejected:  counters("livello_ingest_events_rejected_total", "Records that were not kept, by the code of the reason.", "reason"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "livello_ingest_request_seconds", Help: "Time from the request's header to its answer, by route.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route"}),
		wireBytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "livello_ingest_wire_bytes_total", Help: "Bytes of bodies as they came over the wire."}),
		bodyBytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "livello_ingest_body_bytes_total", Help: "Bytes of bodies after decompression."}),
	}
	registry.MustRegister(m.seconds, m.wireBytes, m.bodyBytes)
	for _, code := range segment.Codes {
		m.rejected.WithLabelValues(code) // there from the start, so that a first reject shows as a rise from zero
	}
	return m
}

// observe counts and times the requests of a route.
func (m *metrics) observe(route string, next echo.HandlerFunc) echo.HandlerFunc {
	seconds := m.seconds.WithLabelValues(route)
	ok := m.requests.WithLabelValues(route, "200")
	return func(c echo.Context) error {
		start := time.Now()
		err := next(c)
		if status := statusOf(c, err); status == 200 {
			ok.Inc()
		} else {
			m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
		}
		seconds.Observe(time.Since(start).Seconds())
		return err
	}
}
