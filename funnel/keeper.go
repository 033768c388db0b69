// Package funnel keeps the terms of metrics that ask for whole people: customers, who was active, who came back, visits. What they are
// is said in SQL, by the views customer_terms and activity_terms_between; they read everybody who was there, so their answer is kept by
// day in person_term_days, and days are computed again when something came for them. Everything else in the funnel is read from
// rollups as it is asked for.
//
// Nothing is lost when a process ends: the next one begins where the last computation is noted, and a day that is computed twice is
// the same. Rebuild computes all days.
package funnel

import (
	"context"
	"fmt"
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
}

// Keeper computes the days of person_term_days. Safe for concurrent use.
type Keeper struct {
	o       Options
	mu      sync.Mutex // one computation at a time
	seconds prometheus.Counter
	days    prometheus.Counter
	at      prometheus.Gauge
}

// New returns a Keeper that does nothing until it is asked to.
func New(o Options) *Keeper {
	k := &Keeper{o: o,
		seconds: prometheus.NewCounter(prometheus.CounterOpts{Name: "livello_funnel_compute_seconds_total", Help: "Time spent computing person-level terms of metrics."}),
		days:    prometheus.NewCounter(prometheus.CounterOpts{Name: "livello_funnel_days_computed_total", Help: "Days whose person-level terms were computed."}),
		at:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "livello_funnel_computed_at_seconds", Help: "Until when person-level terms of metrics know everything, unix time."}),
	}
	if o.Registry != nil {
		o.Registry.MustRegister(k.seconds, k.days, k.at)
	}
	if k.o.Logger == nil {
		k.o.Logger = slog.New(slog.DiscardHandler)
	}
	if k.o.Now == nil {
		k.o.Now = time.Now
	}
	return k
}

// Pauses of Run: a computation may take a twentieth of the time, and a quiet warehouse is asked for news this often.
const (
	shortestPause = 5 * time.Second
	pauseFactor   = 20
	awayPause     = time.Minute
)

// Run keeps the days up to date until ctx ends. While the database is away it says so once and goes on trying.
func (k *Keeper) Run(ctx context.Context) {
	failing, pause := false, shortestPause // a process that ends at once has nothing to compute
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		began := time.Now()
		err := k.Tick(ctx)
		pause = max(shortestPause, pauseFactor*time.Since(began))
		switch {
		case err == nil:
			failing = false
		case ctx.Err() == nil:
			pause = max(pause, awayPause)
			if !failing {
				k.o.Logger.Warn("person-level terms of metrics are not computed; trying again", "error", err)
			}
			failing = true
		}
	}
}

// Tick computes the days for which something came since the last time: events, measurements of rates, another view of who is
// whom. The first of a day computes all, because what changed in ways that leave no trace (an erased person) counts, too.
func (k *Keeper) Tick(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	began := k.o.Now().UTC()
	since, err := k.computed(ctx)
	if err != nil {
		return err
	}
	today := began.Truncate(day)
	if since.Before(today) {
		return k.all(ctx, began)
	}
	news, err := k.news(ctx, since.Add(-overlap))
	switch {
	case err != nil:
		return err
	case news.definitions:
		return k.all(ctx, began)
	case !news.any():
		k.at.Set(float64(began.Unix()))
		return nil
	}
	for _, s := range spans(news.days, today) {
		if err := k.activity(ctx, s); err != nil {
			return err
		}
	}
	if err := k.customers(ctx); err != nil {
		return err
	}
	return k.note(ctx, began)
}

// Rebuild computes all days.
func (k *Keeper) Rebuild(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.all(ctx, k.o.Now().UTC())
}

// chunk is how many days are computed at once: few enough for the memory, many enough that the month each reads in front counts little.
const chunk = 92 * day

func (k *Keeper) all(ctx context.Context, began time.Time) error {
	days, err := k.history(ctx)
	if err != nil {
		return err
	}
	for _, s := range spans(days, began.Truncate(day)) {
		for _, part := range s.cut(chunk) {
			if err := k.activity(ctx, part); err != nil {
				return err
			}
		}
	}
	if err := k.customers(ctx); err != nil {
		return err
	}
	return k.note(ctx, began)
}

// timed runs a statement that computes days.
func (k *Keeper) timed(ctx context.Context, what string, days int, statement string) error {
	began := time.Now()
	err := k.o.DB.Exec(ctx, statement)
	k.seconds.Add(time.Since(began).Seconds())
	if err != nil {
		return fmt.Errorf("compute %s: %w", what, err)
	}
	k.days.Add(float64(days))
	return nil
}
