package main

import (
	"context"
	"errors"
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

// health is what /readyz asks: what accepting events needs, what loading and answering need, and how many segments are set aside.
type health struct {
	accepting, loading []check
	refused            func() int
}

// reason is an error of a check whose text may be shown to anybody. Of other errors only the check's name is.
type reason string

func (r reason) Error() string { return string(r) }

// readyTimeout bounds one check: a probe asks every few seconds and must not pile up.
const readyTimeout = 2 * time.Second

// readiness is the answer of /readyz.
type readiness struct {
	Ready           bool              `json:"ready"`
	Accepting       bool              `json:"accepting"` // events
	Loading         bool              `json:"loading"`   // them into ClickHouse, and answering queries
	Failing         []string          `json:"failing,omitempty"`
	Reasons         map[string]string `json:"reasons,omitempty"`
	RefusedSegments int               `json:"refused_segments,omitempty"`
}

// healthRoutes adds what orchestrators ask, and people first. All are open and give no data away: what this is, alive, and which part is not ready. /readyz is 200
// while events are accepted; /readyz?loading=1 only while they are loaded, too, and queries answered.
func healthRoutes(e *echo.Echo, h health) {
	e.GET("/", func(c echo.Context) error { // who opens the address in a browser
		return c.JSON(http.StatusOK, map[string]string{"service": "livello", "health": "/healthz", "ready": "/readyz",
			"help": "every other route needs a key of `livello keys`; README.md lists them under HTTP"})
	})
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", func(c echo.Context) error {
		r := h.look(c.Request().Context())
		r.Ready = r.Accepting && (r.Loading || c.QueryParam("loading") != "1")
		if !r.Ready {
			c.Response().Header().Set("Retry-After", "2")
			return c.JSON(http.StatusServiceUnavailable, r)
		}
		return c.JSON(http.StatusOK, r)
	})
}

// look runs all checks.
func (h health) look(ctx context.Context) readiness {
	r := readiness{Accepting: true, Loading: true, Reasons: map[string]string{}}
	checks := append(append([]check{}, h.accepting...), h.loading...)
	for i, err := range runChecks(ctx, checks) {
		if err == nil {
			continue
		}
		r.Failing = append(r.Failing, checks[i].name)
		var shown reason
		if errors.As(err, &shown) {
			r.Reasons[checks[i].name] = string(shown)
		}
		if i < len(h.accepting) {
			r.Accepting = false
		} else {
			r.Loading = false
		}
	}
	if h.refused != nil {
		r.RefusedSegments = h.refused()
	}
	return r
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
