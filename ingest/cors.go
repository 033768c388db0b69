package ingest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// origins are the web origins whose pages may read the answers to what they send (CORS). Credentials are never allowed: the
// write key is all there is.
type origins struct {
	any  bool
	list []string
}

func newOrigins(list []string) origins {
	o := origins{any: slices.Contains(list, "*")}
	for _, origin := range list {
		o.list = append(o.list, strings.ToLower(strings.TrimSuffix(origin, "/")))
	}
	return o
}

// permit sets the answer's headers for the page that asks; false when it may not.
func (o origins) permit(c echo.Context) bool {
	origin := c.Request().Header.Get(echo.HeaderOrigin)
	if origin == "" || len(o.list) == 0 {
		return false
	}
	header := c.Response().Header()
	switch {
	case o.any:
		header.Set(echo.HeaderAccessControlAllowOrigin, "*")
	case slices.Contains(o.list, strings.ToLower(origin)):
		header.Add(echo.HeaderVary, echo.HeaderOrigin)
		header.Set(echo.HeaderAccessControlAllowOrigin, origin)
	default:
		header.Add(echo.HeaderVary, echo.HeaderOrigin)
		return false
	}
	return true
}

// allow adds the headers to the answers of a route.
func (o origins) allow(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if o.permit(c) {
			c.Response().Header().Set(echo.HeaderAccessControlExposeHeaders, "Retry-After")
		}
		return next(c)
	}
}

// preflight answers the question a browser asks before it sends.
func (o origins) preflight(c echo.Context) error {
	header := c.Response().Header()
	header.Set(echo.HeaderAllow, "OPTIONS, POST")
	if o.permit(c) {
		header.Set(echo.HeaderAccessControlAllowMethods, http.MethodPost)
		header.Set(echo.HeaderAccessControlAllowHeaders, "Authorization, Content-Type, Content-Encoding, X-Retry-Count") // the last one is what Segment's SDK for browsers counts its attempts with
		header.Set(echo.HeaderAccessControlMaxAge, "86400")
	}
	return c.NoContent(http.StatusNoContent)
}
