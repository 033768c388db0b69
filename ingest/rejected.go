package ingest

import (
	"github.com/labstack/echo/v4"

	"github.com/livello/livello/ingest/quarantine"
	"github.com/livello/livello/ingest/sources/segment"
)

// setAside gives a request's rejects to the quarantine. It is called once it is certain what the request's answer says about
// them: a request that is refused as a whole, to be sent again, would bring them again. Records that are in quarantine already
// are not put there a second time.
func (s *Service) setAside(c echo.Context, body []byte, key string, meta *segment.Meta, said stated, rejects []segment.Reject) {
	if s.quarantine == nil || said.replay || len(rejects) == 0 {
		return
	}
	route := c.Path()
	if meta.Type != "" {
		route = "/v1/" + meta.Type // also of its short form
	}
	agent := meta.UserAgent
	if len(agent) > segment.DefaultLimits.URL {
		agent = "" // nor would it be an event's
	}
	records := make([]quarantine.Record, 0, len(rejects))
	for i := range rejects {
		r := &rejects[i]
		if r.Code == segment.CodeErased || s.guard != nil && s.guard.Erased(r.IDs...) >= 0 {
			continue // to keep it here is what they asked not to happen
		}
		records = append(records, quarantine.Record{Index: r.Index, Code: r.Code, Field: r.Field, Reason: r.Reason, MessageID: r.MessageID, IDs: r.IDs, Payload: body[r.From:r.To]})
	}
	if len(records) == 0 {
		return
	}
	s.quarantine.Keep(quarantine.Request{
		At: meta.ReceivedAt, Source: meta.Source, Route: route, Envelope: segment.Envelope(body), IP: meta.IP, UserAgent: agent,
		Redact: func(text []byte) []byte { return segment.Redact(text, key) },
	}, records)
}
