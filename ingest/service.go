// Package ingest takes events in over HTTP: it knows the sender by the write key, reads and decompresses the body within
// limits, has it decoded into one event.Columns, hands that to the log and answers when the log says it is kept.
// docs/messages.md is the contract with senders.
package ingest

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/quarantine"
	"github.com/livello/livello/ingest/sources/segment"
)

// Log keeps events. Append returns when they are durable: accepted are those that were new, duplicates the others (an
// event_id that came before, also within the same block). Either all events are taken care of or err is not nil and none is.
// An error with a method RetryAfter() time.Duration is a refusal for now: the sender is asked to come back after that time.
// The block belongs to the log until Append returns.
type Log interface {
	Append(ctx context.Context, events *event.Columns) (accepted, duplicates int, err error)
}

// Guard keeps events of erased people out. Enter and Leave enclose the time from asking whether an event is one until it is kept.
type Guard interface {
	segment.Erased
	Enter()
	Leave()
}

// Keys knows the senders by their write keys. channel is where the source's events happen unless they say so, or "".
type Keys interface {
	WriteKey(key string) (source, channel string, ok bool)
	// Channel is the channel of a source by its name; "" too when there is no such source.
	Channel(source string) string
}

// Limits bound what a request may bring. Zero fields take the default, but for those of rates.
type Limits struct {
	segment.Limits         // of one record, and records per body
	Body           int64   // bytes on the wire (16 MiB)
	Decoded        int64   // bytes after decompression (32 MiB)
	Keyless        int64   // bytes, on the wire and after, of a body that has to be read to find its write key (512 KiB)
	Rate           float64 // events per second and source; 0 is no limit. Our own commands have none
	// Rates are those of sources that have one of their own, by name, in place of Rate.
	Rates map[string]float64
}

// DefaultLimits are the limits of a service that was told nothing else.
var DefaultLimits = Limits{Limits: segment.DefaultLimits, Body: 16 << 20, Decoded: 32 << 20, Keyless: 512 << 10}

// Options configure a Service.
type Options struct {
	Log     Log
	Keys    Keys
	Limits  Limits
	Mapping *segment.Mapping // from names to kinds; nil takes the defaults
	// Quarantine keeps what is rejected; nil: answers alone tell of it.
	Quarantine *quarantine.Store
	// Currency is that of amounts that come without one (ISO 4217); "" leaves them without.
	Currency string
	// Machine says why no human made an event; nil takes all for humans.
	Machine segment.Judge
	// Guard keeps events of erased people out; nil keeps nobody out.
	Guard Guard
	// Origins are the web origins whose pages may send ("https://shop.example"); "*" is any, none is none.
	Origins  []string
	Registry prometheus.Registerer // nil: metrics are kept for nobody
	Logger   *slog.Logger          // nil: nothing is logged
	Now      func() time.Time      // nil: time.Now
}

// Service is the HTTP side of ingestion.
type Service struct {
	log     Log
	keys    Keys
	limits  Limits
	decoder *segment.Decoder
	guard   Guard
	origins origins
	rates   rates
	metrics *metrics
	logger  *slog.Logger
	now     func() time.Time

	quarantine *quarantine.Store // nil: none

	buffers sync.Pool // of *buffer
	columns sync.Pool // of *event.Columns
}

// New returns a service that is ready to be routed to.
func New(o Options) *Service {
	l := o.Limits
	for _, f := range []struct {
		limit    *int64
		fallback int64
	}{{&l.Body, DefaultLimits.Body}, {&l.Decoded, DefaultLimits.Decoded}, {&l.Keyless, DefaultLimits.Keyless}} {
		if *f.limit <= 0 {
			*f.limit = f.fallback
		}
	}
	var erased segment.Erased
	if o.Guard != nil {
		erased = o.Guard
	}
	decoder := segment.NewDecoder(segment.Options{Limits: l.Limits, Mapping: o.Mapping, Currency: o.Currency, Judge: o.Machine, Erased: erased})
	l.Limits = decoder.Limits()
	s := &Service{
		log: o.Log, keys: o.Keys, limits: l, decoder: decoder, origins: newOrigins(o.Origins),
		rates:   rates{perSecond: l.Rate, own: l.Rates},
		metrics: newMetrics(o.Registry), logger: o.Logger, now: o.Now, quarantine: o.Quarantine, guard: o.Guard,
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.buffers.New = func() any { return new(buffer) }
	s.columns.New = func() any { return event.New() }
	return s
}

// Routes adds the service's routes. The Echo's HTTPErrorHandler should be HandleErrors, and its IPExtractor should be set:
// without one Echo believes any X-Forwarded-For header.
func (s *Service) Routes(e *echo.Echo) {
	// Each also under its first letter: that is where Segment's SDK for browsers sends.
	for _, typ := range []string{"track", "identify", "page", "screen", "group", "alias"} {
		s.route(e, "/v1/"+typ, s.message(typ))
		s.route(e, "/v1/"+typ[:1], s.message(typ))
	}
	s.route(e, "/v1/batch", s.batch)
	s.route(e, "/v1/b", s.batch)
	s.route(e, "/v1/import", s.batch)
	s.route(e, "/v1/events", s.events)
}

func (s *Service) route(e *echo.Echo, path string, handle echo.HandlerFunc) {
	e.POST(path, s.metrics.observe(path, s.origins.allow(handle)))
	e.OPTIONS(path, s.origins.preflight)
}
