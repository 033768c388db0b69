package ingest

import (
	"time"

	"github.com/labstack/echo/v4"

	"github.com/livello/livello/ingest/sources/segment"
)

// Received is a body that is no events, from a known sender.
type Received struct {
	Source string    // of the write key
	At     time.Time // of receipt
	Body   []byte    // decompressed; valid until the answer

	rates *rates // nil: no limit
}

// Charge counts records of the body against the rate of the source, kept or rejected: 1 for a body without any, which had to be read. The error is the
// answer to a source that sends too fast; nothing may be kept then.
func (r *Received) Charge(records int) error {
	if r.rates == nil {
		return nil
	}
	if wait := r.rates.take(r.Source, max(1, records), r.At); wait > 0 {
		return tooFast(wait)
	}
	return nil
}

// Refund takes a charge back when the sender is asked to send the same again.
func (r *Received) Refund(records int) {
	if r.rates != nil {
		r.rates.give(r.Source, max(1, records))
	}
}

// Route adds a route for what is no event: POST with a write key in the Authorization header. Keys, limits, compression, origins and
// counting are those of the routes of events; what the body holds is answer's to say, and to charge.
func (s *Service) Route(e *echo.Echo, path string, answer func(echo.Context, Received) error) {
	s.route(e, path, func(c echo.Context) error {
		meta := segment.Meta{ReceivedAt: s.now()}
		said, err := local(c.Request(), &meta)
		if err != nil {
			return err
		}
		key, given := headerKey(c.Request())
		if !given {
			return unauthorized(false)
		}
		if err := s.identify(c.Request().Context(), key, said.source, meta.ReceivedAt, &meta); err != nil {
			return err
		}
		buf := s.buffers.Get().(*buffer)
		defer func() {
			buf.shrink()
			s.buffers.Put(buf)
		}()
		body, err := s.read(c.Request(), buf, true)
		if err != nil {
			return err
		}
		received := Received{Source: meta.Source, At: meta.ReceivedAt, Body: body}
		if limited(c.Request().Context()) {
			received.rates = &s.rates
		}
		return answer(c, received)
	})
}
