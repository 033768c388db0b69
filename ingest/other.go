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
}

// Route adds a route for what is no event: POST with a write key in the Authorization header. Keys, limits, compression, origins and
// counting are those of the routes of events; what the body holds is answer's to say.
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
		if err := s.identify(key, said.source, meta.ReceivedAt, &meta); err != nil {
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
		return answer(c, Received{Source: meta.Source, At: meta.ReceivedAt, Body: body})
	})
}
