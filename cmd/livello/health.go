package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// check is one thing a service needs to do its work.
type check struct {
	name string
	ok   func(context.Context) error
}

// readyTimeout bounds one check: a probe asks every few seconds and must not pile up.
const readyTimeout = 2 * time.Second

// healthRoutes adds what orchestrators ask. Both are open and give no data away: alive, and which part is not ready.
func healthRoutes(e *echo.Echo, checks []check) {
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", func(c echo.Context) error {
		failing := []string{}
		for i, err := range runChecks(c.Request().Context(), checks) {
			if err != nil {
				failing = append(failing, checks[i].name)
			}
		}
		if len(failing) > 0 {
			c.Response().Header().Set("Retry-After", "2")
			return c.JSON(http.StatusServiceUnavailable, map[string]any{"ready": false, "failing": failing})
		}
		return c.JSON(http.StatusOK, map[string]any{"ready": true})
	})
}

// runChecks runs all checks at once and returns their errors in order.
func runChecks(ctx context.Context, checks []check) []error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	errs := make([]error, len(checks))
	var wg sync.WaitGroup
	for i := range checks {
		wg.Go(func() { errs[i] = checks[i].ok(ctx) })
	}
	wg.Wait()
	return errs
}
