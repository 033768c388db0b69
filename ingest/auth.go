package ingest

import (
	"net/http"
	"strings"
)

// headerKey is the write key of the Authorization header: the user name of Basic, or a Bearer token. given is false when
// there is no such header: then the key may stand in the body.
func headerKey(r *http.Request) (key string, given bool) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "", false
	}
	if user, _, ok := r.BasicAuth(); ok {
		return user, true
	}
	if scheme, token, ok := strings.Cut(header, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token), true
	}
	return "", true
}

// unauthorized refuses a request; given says whether it had a key at all.
func unauthorized(given bool) error {
	message := "the write key is missing"
	if given {
		message = "the write key is not known"
	}
	return &Error{Status: http.StatusUnauthorized, Code: "unauthorized", Message: message,
		Help: "send it as the user name of Basic authorization, as a Bearer token, or as writeKey in the body; `livello keys` prints the service's own"}
}
