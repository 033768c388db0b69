// Package funnel keeps the terms of metrics that ask for whole people: customers, who was active, who came back, visits. What they are
// is said in SQL, by the views customer_terms, activity_terms_between and visit_terms_between; they read everybody who was there, so their
// answer is kept by day in person_term_days, and days are computed again when something came for them. Everything else in the funnel is
// read from rollups as it is asked for.
//
// What a day was computed from is in funnel_days, which identities, definitions and rates are known in funnel_progress, and what was asked for
// besides in recomputations. No clock decides what is news, and nothing is lost when a process ends: the next one finds the same days due, and a
// day that is computed twice is the same. What no table tells by itself (a rebuilt month, an erased person) its doer says with Recount.
//
// Several keepers may work on a database. It is a waste, and nothing else: none keeps in memory what another could change, what is asked for
// while somebody computes stays asked for, and of two who computed a day at once the one that ends last has it computed again.
package funnel

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
)

// DB is what this package needs of a connection; clickhouse-go's driver.Conn is one.
type DB interface {
	Exec(ctx context.Context, query string, args ...any) error
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
}

// Options of a Keeper. DB is needed.
type Options struct {
	DB       DB
	Registry prometheus.Registerer // nil: metrics are kept for nobody
	Logger   *slog.Logger          // nil: nothing is logged
	Now      func() time.Time      // nil: time.Now
	Threads  int                   // of ClickHouse for a statement at most; 0: as many as it takes for others
}

// Keeper computes the days of person_term_days. One of them is enough for a database. Safe for concurrent use.
type Keeper struct {
	o       Options
	mu      sync.Mutex // one computation at a time
	rested  rest
	seconds *prometheus.CounterVec
	days    prometheus.Counter
	at      prometheus.Gauge
	waiting prometheus.Gauge
}

// New returns a Keeper that does nothing until it is asked to.
func New(o Options) *Keeper {
	k := &Keeper{o: o,
		seconds: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "livello_funnel_compute_seconds_total", Help: "Time spent computing person-level terms of metrics, by kind of term."}, []string{"terms"}),
		days:    prometheus.NewCounter(prometheus.CounterOpts{Name: "livello_funnel_days_computed_total", Help: "Days that were computed because something came for them."}),
		at:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "livello_funnel_computed_at_seconds", Help: "When person-level terms of metrics last knew everything there was, unix time."}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "livello_funnel_days_waiting", Help: "Days that something came for and that are not computed yet."}),
	}
	if o.Registry != nil {
		o.Registry.MustRegister(k.seconds, k.days, k.at, k.waiting)
	}
	if k.o.Logger == nil {
		k.o.Logger = slog.New(slog.DiscardHandler)
	}
	if k.o.Now == nil {
		k.o.Now = time.Now
	}
	return k
}

// Tick computes everything for which something came since the last time: events, rates, definitions, another view of who is whom,
// a new day, and what Recount was told.
func (k *Keeper) Tick(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	began := k.o.Now().UTC()
	due, err := k.news(ctx, began)
	if err != nil {
		return err
	}
	if err := k.compute(ctx, due.days, began); err != nil {
		return err
	}
	if due.customers != nil {
		if err := k.customers(ctx, *due.customers); err != nil {
			return err
		}
	}
	k.at.Set(float64(began.Unix()))
	k.waiting.Set(0)
	return nil
}

// Rebuild computes all days.
func (k *Keeper) Rebuild(ctx context.Context) error {
	if err := k.Anew(ctx); err != nil {
		return err
	}
	return k.Tick(ctx)
}
