package main

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/livello/livello/ingest"
	"github.com/livello/livello/ingest/loader"
	"github.com/livello/livello/profile"
	"github.com/livello/livello/queries"
)

// longestID is longer than any id that is accepted from a sender.
const longestID = 512

// peopleRoutes answer about one person, by any of their ids: GET /v1/people/{id}, with recent=false without their last events, and .../history, which takes the parameters and formats
// of the query engagement_history.
func peopleRoutes(e *echo.Echo, people *profile.Reader, ask queries.Runner, allowed echo.MiddlewareFunc) {
	e.GET("/v1/people/:id", func(c echo.Context) error {
		id, err := personOf(c, "")
		if err != nil {
			return err
		}
		recent, err := recentWanted(c)
		if err != nil {
			return err
		}
		p, err := people.Get(c.Request().Context(), id, recent)
		if errors.Is(err, profile.ErrUnknown) {
			return &ingest.Error{Status: http.StatusNotFound, Code: "unknown_person", Field: "id", Message: "nobody has this id",
				Help: "a person is here two seconds after their first event; ids are case-sensitive"}
		}
		if loader.Unreachable(err) {
			return away(c.Request().Context(), err)
		}
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, p)
	}, allowed)
	e.GET("/v1/people/:id/history", func(c echo.Context) error {
		id, err := personOf(c, "/history")
		if err != nil {
			return err
		}
		return ask.Answer(c, "engagement_history", map[string]string{"person": id})
	}, allowed)
}

// recentWanted says whether last events, best channel and best hour are asked for: unless recent=false.
func recentWanted(c echo.Context) (bool, error) {
	switch c.QueryParam("recent") {
	case "", "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, &ingest.Error{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: "recent", Message: "is neither true nor false",
		Help: "recent=false leaves out best and last_events"}
}

// personOf is the id in the address, which may hold any character, a slash among them, when it is URL-encoded.
func personOf(c echo.Context, suffix string) (string, error) {
	_, rest, _ := strings.Cut(c.Request().URL.EscapedPath(), "/people/")
	id, err := url.PathUnescape(strings.TrimSuffix(rest, suffix))
	if err != nil || id == "" || len(id) > longestID {
		return "", &ingest.Error{Status: http.StatusBadRequest, Code: "invalid_parameter", Field: "id", Message: "is no id", Help: "write it URL-encoded behind /v1/people/"}
	}
	return id, nil
}
