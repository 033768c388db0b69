package loader

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/livello/livello/ingest/spool"
)

type metrics struct {
	rows, segments, retries, refused prometheus.Counter
	doubtful, completed, mended      prometheus.Counter
	late                             prometheus.Counter
	insertRows                       prometheus.Histogram
	insertSeconds                    prometheus.Histogram
	ageSeconds                       prometheus.Histogram
}

// newMetrics registers what the loader counts and what can be read off the spool at any moment.
func newMetrics(registry prometheus.Registerer, s *spool.Spool, now func() time.Time, failing func() (error, time.Time), running func() (uint64, time.Duration)) *metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	make := promauto.With(registry)
	gauge := func(name, help string, read func(spool.Status) float64) {
		make.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return read(s.Status()) })
	}
	gauge("livello_spool_bytes", "Bytes of all segments on disk.", func(st spool.Status) float64 { return float64(st.Bytes) })
	gauge("livello_spool_waiting_segments", "Sealed segments that ClickHouse has not confirmed.", func(st spool.Status) float64 { return float64(st.Segments) })
	gauge("livello_spool_waiting_events", "Accepted events that ClickHouse has not confirmed.", func(st spool.Status) float64 { return float64(st.WaitingRows) })
	gauge("livello_spool_refused_segments", "Segments that could not be loaded and were set aside; they wait for a person.", func(st spool.Status) float64 { return float64(st.Refused) })
	gauge("livello_spool_doubtful_segments", "Segments that ClickHouse confirmed only when they were sent again; they are being checked, and what lacks is mended.", func(st spool.Status) float64 { return float64(st.Doubtful) })
	gauge("livello_spool_damaged_events", "Events that were answered for and cannot be read from the spool's disk any more; their bytes are set aside as .damaged. At least so many: see livello_spool_damaged_files.", func(st spool.Status) float64 { return float64(st.DamagedRows) })
	gauge("livello_spool_damaged_files", "Files of what was answered for and cannot be read from the spool's disk any more; they wait for a person.", func(st spool.Status) float64 { return float64(st.Damaged) })
	gauge("livello_spool_torn_files", "Files of what a crash cut off the spool's end: writes that nobody has an answer for.", func(st spool.Status) float64 { return float64(st.Torn) })
	make.NewGaugeFunc(prometheus.GaugeOpts{Name: "livello_loader_up", Help: "1 when ClickHouse takes what is sent, 0 from the first failure until the next success."}, func() float64 {
		if reason, _ := failing(); reason != nil {
			return 0
		}
		return 1
	})
	make.NewGaugeFunc(prometheus.GaugeOpts{Name: "livello_loader_attempt_seconds", Help: "For how long the INSERT under way has been running; 0 when none is."}, func() float64 {
		_, since := running()
		return since.Seconds()
	})
	gauge("livello_spool_oldest_waiting_seconds", "Age of the oldest accepted event that ClickHouse has not confirmed; 0 when none waits.", func(st spool.Status) float64 {
		if st.OldestWaiting.IsZero() {
			return 0
		}
		return now().Sub(st.OldestWaiting).Seconds()
	})
	return &metrics{
		rows:          make.NewCounter(prometheus.CounterOpts{Name: "livello_loader_events_total", Help: "Events that ClickHouse confirmed."}),
		segments:      make.NewCounter(prometheus.CounterOpts{Name: "livello_loader_segments_total", Help: "Segments that ClickHouse confirmed."}),
		retries:       make.NewCounter(prometheus.CounterOpts{Name: "livello_loader_failed_attempts_total", Help: "INSERTs that failed and are tried again."}),
		refused:       make.NewCounter(prometheus.CounterOpts{Name: "livello_loader_refused_segments_total", Help: "Segments that were set aside."}),
		doubtful:      make.NewCounter(prometheus.CounterOpts{Name: "livello_loader_doubtful_segments_total", Help: "Segments that ClickHouse confirmed only when they were sent again."}),
		completed:     make.NewCounter(prometheus.CounterOpts{Name: "livello_loader_completed_events_total", Help: "Events of doubtful segments that ClickHouse had confirmed and did not have; they were put in."}),
		mended:        make.NewCounter(prometheus.CounterOpts{Name: "livello_loader_mended_rollups_total", Help: "Months of rollups that did not add up after a doubtful segment and were computed again."}),
		late:          make.NewCounter(prometheus.CounterOpts{Name: "livello_loader_late_repeats_total", Help: "Accepted events that were left out because they are stored since before the deduplication window."}),
		insertRows:    make.NewHistogram(prometheus.HistogramOpts{Name: "livello_loader_insert_rows", Help: "Events per INSERT.", Buckets: prometheus.ExponentialBuckets(1, 4, 10)}),
		insertSeconds: make.NewHistogram(prometheus.HistogramOpts{Name: "livello_loader_insert_seconds", Help: "Seconds per confirmed INSERT, views included.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 14)}),
		ageSeconds:    make.NewHistogram(prometheus.HistogramOpts{Name: "livello_loader_age_seconds", Help: "Seconds from the acceptance of a segment's first event to its confirmation.", Buckets: prometheus.ExponentialBuckets(0.05, 2, 16)}),
	}
}

func (m *metrics) loaded(seg *spool.Segment, took, age time.Duration) {
	m.rows.Add(float64(seg.Rows))
	m.segments.Inc()
	m.insertRows.Observe(float64(seg.Rows))
	m.insertSeconds.Observe(took.Seconds())
	m.ageSeconds.Observe(age.Seconds())
}
