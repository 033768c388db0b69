package main

import (
	"log/slog"

	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/livello/livello/access"
	"github.com/livello/livello/ingest"
	"github.com/livello/livello/ingest/machine"
	"github.com/livello/livello/ingest/sources/segment"
	"github.com/livello/livello/queries"
)

// newAPI puts the routes together. Who may do what is decided here: write keys send, the read key reads, and only /, /healthz
// and /readyz, which tell nothing, need no key (and /metrics if metrics.open says so).
func newAPI(cfg *Config, keys access.Keys, in *ingest.Service, ask queries.Runner, registry *prometheus.Registry, state health, log *slog.Logger) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = ingest.HandleErrors(log)
	e.IPExtractor = clientIP(cfg.TrustedProxies)

	healthRoutes(e, state)
	in.Routes(e)
	read := requireReadKey(keys.ReadKey)
	// Not by a group: that would take every other path and method below /v1 for something to read.
	queries.Routes(e, ask, read)

	metrics := echo.WrapHandler(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	if cfg.Metrics.Open {
		e.GET("/metrics", metrics)
	} else {
		e.GET("/metrics", metrics, read)
	}
	return e
}

func requireReadKey(readKey string) echo.MiddlewareFunc { return requireKey("read", readKey) }

// requireKey lets requests pass that bring the key as a Bearer token, or as user name or password of Basic. name is read or admin.
func requireKey(name, key string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			given := c.Request().Header.Get(echo.HeaderAuthorization)
			scheme, token, _ := strings.Cut(given, " ")
			ok := strings.EqualFold(scheme, "Bearer") && access.Equal(strings.TrimSpace(token), key)
			if user, password, basic := c.Request().BasicAuth(); basic {
				ok = access.Equal(user, key) || access.Equal(password, key)
			}
			if ok {
				return next(c)
			}
			message := "the " + name + " key is missing"
			if given != "" {
				message = "the " + name + " key is not known"
			}
			return &ingest.Error{Status: http.StatusUnauthorized, Code: "unauthorized", Message: message,
				Help: "send " + name + "_key of `livello keys` as a Bearer token, or as the user name of Basic authorization"}
		}
	}
}

// ingestLimits translates the settings.
func (c *Config) ingestLimits() ingest.Limits {
	rates := map[string]float64{}
	for _, source := range c.Sources {
		if source.Rate != nil {
			rates[source.Name] = *source.Rate
		}
	}
	return ingest.Limits{
		Limits: segment.Limits{Records: c.Limits.Batch, Event: int(c.Limits.Event), Depth: c.Limits.Depth,
			Properties: c.Limits.Properties, Value: int(c.Limits.Value), Ahead: c.Limits.Ahead},
		Body: int64(c.Limits.Body), Decoded: int64(c.Limits.Decoded), Keyless: int64(c.Limits.Keyless), Rate: c.Limits.Rate, Rates: rates,
	}
}

// machineOptions translates the settings.
func (c *Config) machineOptions() machine.Options {
	m := c.Machine
	return machine.Options{Sender: m.Sender, UserAgents: m.UserAgents, Networks: m.Networks, HeadRequests: m.HeadRequests,
		Fast: m.Fast, AllLinks: m.AllLinks, Remember: m.Remember}
}

// newServer bounds how long a client may take to send, so that slow ones cannot hold connections for ever. How long an
// answer may take is bounded where it is made: queries by their limits, a stopped reader of a result by the kernel's keepalive.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
