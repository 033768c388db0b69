package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"time"

	"github.com/livello/livello/ingest/sources/segment"
)

// Headers that only our own commands on this machine may send: the network never says what is not its to say.
const (
	// HeaderSource names the source of the request's events in place of the write key's own.
	HeaderSource = "X-Livello-Source"
	// HeaderReplay says that the records were rejected before, and how they had come then: a Replay as JSON.
	HeaderReplay = "X-Livello-Replay"
)

// Replay is how records that are sent again had come the first time. They are judged as if they came so now. The user agent is
// that of the request.
type Replay struct {
	ReceivedAt time.Time `json:"received_at"`    // the time of arrival, which also is that of a record without a time of its own
	Type       string    `json:"type,omitempty"` // of the messages, where the route said it
	IP         string    `json:"ip,omitempty"`   // of the connection
}

// localKey marks the context of requests that came through Local.
type localKey struct{}

// Local returns a handler for requests of our own commands: through the socket that only this user can open, or in this process.
func Local(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), localKey{}, true)))
	})
}

var sourceName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// stated is what a local request says about its records.
type stated struct {
	source string // "" is the write key's own
	replay bool
}

// local reads the headers of this file into meta. On the network each is refused: a sender that believes to have named
// its source must learn that it did not.
func local(r *http.Request, meta *segment.Meta) (stated, error) {
	source, replay := r.Header.Get(HeaderSource), r.Header.Get(HeaderReplay)
	if source == "" && replay == "" {
		return stated{}, nil
	}
	field := HeaderSource
	if source == "" {
		field = HeaderReplay
	}
	if r.Context().Value(localKey{}) == nil {
		return stated{}, &Error{Status: http.StatusForbidden, Code: "forbidden", Field: field, Message: "may not be sent over the network",
			Help: "a source is named by its write key; the setting sources adds further ones"}
	}
	if source != "" && !sourceName.MatchString(source) {
		return stated{}, &Error{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: HeaderSource,
			Message: fmt.Sprintf("%q is no name of a source", source), Help: "letters, digits, '.', '_' and '-', at most 64"}
	}
	if replay == "" {
		return stated{source: source}, nil
	}
	var was Replay
	if err := json.Unmarshal([]byte(replay), &was); err != nil || was.ReceivedAt.IsZero() || was.ReceivedAt.After(meta.ReceivedAt) {
		return stated{}, &Error{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: HeaderReplay,
			Message: "does not say when the records arrived", Help: `{"received_at":"2026-03-01T09:31:00Z"}, a time in the past`, cause: err}
	}
	meta.ReceivedAt, meta.IP = was.ReceivedAt, ""
	if was.Type != "" {
		meta.Type = was.Type
	}
	if ip, err := netip.ParseAddr(was.IP); err == nil {
		meta.IP = ip.String()
	}
	return stated{source, true}, nil
}
