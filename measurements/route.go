package measurements

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/ingest"
)

// Path of the route.
const Path = "/v1/measurements"

const (
	insertTimeout = 30 * time.Second
	retryAfter    = 5 * time.Second
)

// Options of the route.
type Options struct {
	DB       DB
	Registry prometheus.Registerer // nil: metrics are kept for nobody
	Logger   *slog.Logger          // nil: nothing is logged
}

// route answers POST /v1/measurements.
type route struct {
	Options
	accepted *prometheus.CounterVec
	rejected prometheus.Counter
}

// Route adds POST /v1/measurements to the routes of in, which knows the senders by their keys and reads their bodies within its limits.
// The write key comes in the Authorization header.
func Route(e *echo.Echo, in *ingest.Service, o Options) {
	r := &route{Options: o,
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "livello_measurements_accepted_total", Help: "Measurements stored, by source."}, []string{"source"}),
		rejected: prometheus.NewCounter(prometheus.CounterOpts{Name: "livello_measurements_rejected_total", Help: "Records of measurements that were not stored."}),
	}
	if o.Registry != nil {
		o.Registry.MustRegister(r.accepted, r.rejected)
	}
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	in.Route(e, Path, r.answer)
}

// Answer is what a request is told: of those that are accepted, ClickHouse has them on disk.
type Answer struct {
	Accepted   int      `json:"accepted"`
	Duplicates int      `json:"duplicates"` // replaced by a later record of the same request
	Rejected   []Reject `json:"rejected"`
}

func (r *route) answer(c echo.Context, in ingest.Received) error {
	kept, replaced, rejects, err := Decode(in.Body, in.At)
	var body *BodyError
	if errors.As(err, &body) {
		if err := in.Charge(1); err != nil {
			return err
		}
		if body.TooMany {
			return &ingest.Error{Status: http.StatusRequestEntityTooLarge, Code: "too_many_records", Message: body.Reason, Help: "send smaller batches"}
		}
		return &ingest.Error{Status: http.StatusBadRequest, Code: "malformed_json", Message: body.Reason, Help: "nothing of this request was kept; docs/metrics.md says what a measurement holds"}
	}
	if err != nil {
		return err
	}
	records := len(kept) + replaced + len(rejects)
	if err := in.Charge(records); err != nil {
		return err
	}
	r.rejected.Add(float64(len(rejects)))
	if len(kept) > 0 {
		// A client that goes away must not leave the insert half made: it would not know.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), insertTimeout)
		defer cancel()
		if err := Store(ctx, r.DB, in.Source, in.At, kept); err != nil {
			in.Refund(records)
			r.Logger.Warn("measurements not stored; the sender was asked to send them again", "source", in.Source, "error", err)
			return &ingest.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "ClickHouse does not take measurements now", RetryAfter: retryAfter,
				Help: fmt.Sprintf("none of these %d measurements is accepted; send them again after the time in Retry-After, which never counts one twice", len(kept)+replaced)}
		}
	}
	r.accepted.WithLabelValues(in.Source).Add(float64(len(kept)))
	if rejects == nil {
		rejects = []Reject{} // an empty list, not null
	}
	return c.JSON(http.StatusOK, Answer{len(kept), replaced, rejects})
}
