package ingest

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/sources/segment"
)

// result is what became of a request's records.
type result struct {
	accepted, duplicates int
	rejects              []segment.Reject
}

// receive does what every route does: key, body, decode, keep. With strict a single reject leaves all records out, and is
// the error. The error is an *Error where the sender can do something about it.
func (s *Service) receive(c echo.Context, shape segment.Shape, typ string, strict bool) (result, error) {
	now := s.now()
	meta := segment.Meta{Type: typ, ReceivedAt: now, UserAgent: c.Request().UserAgent(), IP: c.RealIP()}
	said, err := local(c.Request(), &meta)
	if err != nil {
		return result{}, err
	}
	key, given := headerKey(c.Request())
	if given {
		if err := s.identify(c.Request().Context(), key, said.source, now, &meta); err != nil {
			return result{}, err
		}
	}
	buf := s.buffers.Get().(*buffer)
	defer func() {
		buf.shrink()
		s.buffers.Put(buf)
	}()
	body, err := s.read(c.Request(), buf, given)
	if err != nil {
		return result{}, err
	}
	if !given {
		key = segment.WriteKey(body)
		if err := s.identify(c.Request().Context(), key, said.source, now, &meta); err != nil {
			return result{}, err
		}
	}

	events := s.columns.Get().(*event.Columns)
	defer func() {
		if events.Size() <= maxPooledColumns {
			events.Reset()
			s.columns.Put(events)
		}
	}()
	if s.guard != nil {
		s.guard.Enter()
		defer s.guard.Leave()
	}
	rejects, err := s.decoder.Decode(body, shape, meta, events)
	// What is rejected had to be read as well, and so had a body without records: it counts, or a sender of nothing else would have no limit.
	records := max(1, events.Rows()+len(rejects))
	if limited(c.Request().Context()) {
		if wait := s.rates.take(meta.Source, records, now); wait > 0 {
			return result{}, tooFast(wait)
		}
	}
	if err != nil {
		return result{}, bodyError(err)
	}
	for i := range rejects {
		s.metrics.rejected.WithLabelValues(rejects[i].Code).Inc()
	}
	if strict && len(rejects) > 0 {
		if shape == segment.Single {
			s.setAside(c, body, key, &meta, said, rejects)
		}
		return result{}, rejectedError(rejects)
	}
	if events.Rows() == 0 {
		s.setAside(c, body, key, &meta, said, rejects)
		return result{rejects: rejects}, nil
	}
	accepted, duplicates, err := s.log.Append(c.Request().Context(), events)
	if err != nil {
		if limited(c.Request().Context()) {
			s.rates.give(meta.Source, records)
		}
		return result{}, appendError(err)
	}
	s.setAside(c, body, key, &meta, said, rejects)
	s.metrics.accepted.WithLabelValues(meta.Source).Add(float64(accepted))
	s.metrics.duplicate.WithLabelValues(meta.Source).Add(float64(duplicates))
	return result{accepted, duplicates, rejects}, nil
}

// maxPooledColumns is the size in bytes of a block that is kept for the next request.
const maxPooledColumns = 16 << 20

// identify finds the source of a write key, unless it sends too fast as it is. named is the source that a local request
// names in place of the key's, or "".
func (s *Service) identify(ctx context.Context, key, named string, now time.Time, meta *segment.Meta) error {
	var ok bool
	if meta.Source, meta.Channel, ok = s.keys.WriteKey(key); !ok {
		return unauthorized(key != "")
	}
	if named != "" {
		meta.Source, meta.Channel = named, s.keys.Channel(named)
	}
	if wait := s.rates.exhausted(meta.Source, now); wait > 0 && limited(ctx) {
		return tooFast(wait)
	}
	return nil
}

// message handles one message of a type, as SDKs send them that do not batch.
func (s *Service) message(typ string) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, err := s.receive(c, segment.Single, typ, true); err != nil {
			return err
		}
		return success(c)
	}
}

// batch handles /v1/batch and /v1/import. Part of a batch being rejected is no error to SDKs, which would send all of it
// again or drop it; the answer names the rejects all the same. A batch of nothing else is one.
func (s *Service) batch(c echo.Context) error {
	r, err := s.receive(c, segment.Batch, "", false)
	switch {
	case err != nil:
		return err
	case len(r.rejects) == 0:
		return success(c)
	case r.accepted+r.duplicates == 0:
		return rejectedError(r.rejects)
	}
	return c.JSON(http.StatusOK, struct {
		Success  bool             `json:"success"`
		Rejected []segment.Reject `json:"rejected"`
	}{true, r.rejects})
}

// events handles /v1/events.
func (s *Service) events(c echo.Context) error {
	strict := false
	if c.Request().URL.RawQuery != "" { // seldom: parsing nothing still makes a map
		switch v := c.QueryParam("strict"); v {
		case "", "0", "false":
		case "1", "true":
			strict = true
		default:
			return &Error{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: "strict",
				Message: fmt.Sprintf("strict is %q", v), Help: "send strict=1 or leave it out"}
		}
	}
	shape := segment.Auto
	switch content, _, _ := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType)); content {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/jsonlines":
		shape = segment.NDJSON
	}
	r, err := s.receive(c, shape, "", strict)
	if err != nil {
		return err
	}
	if len(r.rejects) == 0 {
		return c.Blob(http.StatusAccepted, echo.MIMEApplicationJSON, answerAccepted(r.accepted, r.duplicates))
	}
	return c.JSON(http.StatusAccepted, struct {
		Accepted   int              `json:"accepted"`
		Duplicates int              `json:"duplicates"`
		Rejected   []segment.Reject `json:"rejected"`
	}{r.accepted, r.duplicates, r.rejects})
}

// answerAccepted is what the struct in events marshals to when nothing was rejected, as nearly always.
func answerAccepted(accepted, duplicates int) []byte {
	if accepted == 1 && duplicates == 0 {
		return answerOne
	}
	answer := make([]byte, 0, 64)
	answer = strconv.AppendInt(append(answer, `{"accepted":`...), int64(accepted), 10)
	answer = strconv.AppendInt(append(answer, `,"duplicates":`...), int64(duplicates), 10)
	return append(answer, ",\"rejected\":[]}\n"...)
}

// answerOne is the answer to a request of one new event.
var answerOne = []byte("{\"accepted\":1,\"duplicates\":0,\"rejected\":[]}\n")

var successBody = []byte("{\"success\":true}\n")

func success(c echo.Context) error {
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, successBody)
}

// appendError says what a sender is told about events that were not kept.
func appendError(err error) error {
	var busy interface{ RetryAfter() time.Duration }
	switch {
	case errors.As(err, &busy):
		return &Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: err.Error(), RetryAfter: max(busy.RetryAfter(), time.Second),
			Help: "nothing of this request was kept; send it again after the time in Retry-After", cause: err}
	case errors.Is(err, context.Canceled):
		return &Error{Status: statusClientGone, Code: "client_gone", Message: "the client closed the connection before the answer", cause: err}
	}
	return fmt.Errorf("append events: %w", err)
}

// statusClientGone stands in metrics for requests whose client did not wait; nobody reads the answer.
const statusClientGone = 499
