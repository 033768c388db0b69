package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/funnel"
	"github.com/livello/livello/ingest"
	"github.com/livello/livello/ingest/files"
	"github.com/livello/livello/measurements"
)

// metricsPath is on the local socket only: it answers when the person-level terms of metrics know everything that is loaded.
const metricsPath = "/local/metrics"

// startFunnel keeps the person-level terms of metrics up to date until the service stops, in one of the services on the database. What is not computed
// then is by the next one.
func (s *service) startFunnel(_ context.Context, registry *prometheus.Registry) error {
	s.funnel = funnel.New(funnel.Options{DB: s.db, Registry: registry, Logger: s.log, Threads: s.threadsBeside()})
	if !s.serving {
		return nil // whoever loads asks for it when everything is there
	}
	s.background("metrics", s.alone("metrics", s.funnel.Run))
	return nil
}

// rollupsMadeAgain tells everybody who keeps something that is derived from rollups.
func (s *service) rollupsMadeAgain(ctx context.Context, tables []string, first, last time.Time) error {
	var err error
	if slices.Contains(tables, "identity_edges") {
		err = s.resolver.Anew(ctx)
	}
	return errors.Join(err, s.evaluateAgain(ctx, tables, first, last), s.recountMetrics(ctx, tables, first, last))
}

// recountMetrics has the days of months whose rollups were made again computed from these.
func (s *service) recountMetrics(ctx context.Context, tables []string, first, last time.Time) error {
	if !slices.ContainsFunc(tables, func(table string) bool {
		return slices.Contains([]string{"person_day", "person_month", "visit_day", "milestones", "origins"}, table)
	}) {
		return nil
	}
	return s.funnel.Recount(ctx, first, last.AddDate(0, 1, -1))
}

// measurementRoutes adds the route for what is measured rather than done.
func (s *service) measurementRoutes(e *echo.Echo, in *ingest.Service, registry *prometheus.Registry) {
	measurements.Route(e, in, measurements.Options{DB: s.db, Registry: registry, Logger: s.log})
}

// funnelRoutes answers our own commands.
func (s *service) funnelRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST "+metricsPath, func(w http.ResponseWriter, r *http.Request) {
		if err := s.funnel.Tick(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// computeMetrics has the service behind client compute what metrics ask of whole people.
func computeMetrics(ctx context.Context, client files.Doer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, localURL+metricsPath, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("compute metrics: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		if err != nil {
			return fmt.Errorf("compute metrics: %s: %w", answer.Status, err)
		}
		return fmt.Errorf("compute metrics: %s: %s", answer.Status, strings.TrimSpace(string(text)))
	}
	return nil
}
