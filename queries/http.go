package queries

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// Routes adds the catalogue to e, for those whom allowed lets pass:
//
//	GET /v1/queries         all queries with their parameters and columns, JSON
//	GET /v1/queries/{name}  the answer; every query parameter but format is one of the query's own
//
// The format is ?format= or what Accept prefers, else JSON. An array is given as steps=a&steps=b or steps=a,b. Errors the
// caller can mend are answered here, as {"error":{"code","field","message","help"}}; others are returned to Echo's error
// handler. A caller who goes away cancels the statement.
func Routes(e *echo.Echo, r Runner, allowed ...echo.MiddlewareFunc) {
	e.GET("/v1/queries", r.list, allowed...)
	e.GET("/v1/queries/:name", r.answer, allowed...)
}

// link is a query of the list, with the place where its answer is.
type link struct {
	Query
	URL string `json:"url"`
}

func (r Runner) list(c echo.Context) error {
	set, err := r.set()
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(c.Request().URL.Path, "/")
	links := []link{}
	for _, q := range set.All() {
		links = append(links, link{q, base + "/" + q.Name})
	}
	return c.JSON(http.StatusOK, map[string]any{"queries": links})
}

func (r Runner) answer(c echo.Context) error { return r.Answer(c, c.Param("name"), nil) }

// Answer is the answer of one query in a route of the caller's, with the parameters of the address and those that the route fixes.
func (r Runner) Answer(c echo.Context, name string, fixed map[string]string) error {
	set, err := r.set()
	if err != nil {
		return err
	}
	q, err := set.Get(name)
	if err != nil {
		return refuse(c, err)
	}
	values, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return refuse(c, &Error{Code: CodeInvalidParam, Message: "the query part of the address cannot be read: " + err.Error(), Help: "escape values as in a URL"})
	}
	format, err := negotiate(values["format"], c.Request().Header.Values("Accept"))
	if err != nil {
		return refuse(c, err)
	}
	delete(values, "format")
	for param, value := range fixed {
		values[param] = []string{value}
	}
	params, err := q.flatten(values)
	if err != nil {
		return refuse(c, err)
	}
	f, err := formatByName(format)
	if err != nil {
		return refuse(c, err)
	}
	w := &held{c: c, media: f.media}
	if err := r.Run(c.Request().Context(), q.Name, params, format, w); err != nil {
		if !w.sent {
			return refuse(c, err)
		}
		return errors.Join(err, cut(c))
	}
	return w.send()
}

// flatten makes one text of each parameter: repeated ones become the JSON form of an array.
func (q Query) flatten(values url.Values) (map[string]string, error) {
	params := make(map[string]string, len(values))
	for name, given := range values {
		p, known := q.Param(name)
		switch {
		case !known || len(given) == 1:
			params[name] = given[0]
		case strings.HasPrefix(p.Type, "Array("):
			list, err := json.Marshal(given)
			if err != nil {
				return nil, fmt.Errorf("join values of %s: %w", name, err)
			}
			params[name] = string(list)
		default:
			return nil, p.invalid(fmt.Sprintf("%d values were given", len(given)), "give one")
		}
	}
	return params, nil
}

// negotiate picks the format: the parameter, else the best of what Accept names, else JSON.
func negotiate(param, accept []string) (string, error) {
	if len(param) > 0 {
		f, err := formatByName(param[len(param)-1])
		return f.name, err
	}
	best, quality := "", 0.0
	for _, item := range strings.Split(strings.Join(accept, ","), ",") {
		media, options, _ := strings.Cut(strings.TrimSpace(item), ";")
		q := 1.0
		for _, option := range strings.Split(options, ";") {
			if text, ok := strings.CutPrefix(strings.TrimSpace(option), "q="); ok {
				if parsed, err := strconv.ParseFloat(text, 64); err == nil {
					q = parsed
				}
			}
		}
		if name := formatOf(strings.ToLower(strings.TrimSpace(media))); name != "" && q > quality {
			best, quality = name, q
		}
	}
	if best == "" {
		best = "json"
	}
	return best, nil
}

// formatOf returns the format of a media range, "" when none of ours is meant by it.
func formatOf(media string) string {
	switch media {
	case "application/json", "application/*", "*/*":
		return "json"
	case "text/csv":
		return "csv"
	case "application/x-ndjson", "application/ndjson", "application/jsonl":
		return "ndjson"
	case "text/plain", "text/*":
		return "table"
	}
	return ""
}

// held keeps the first part of an answer back, so that an error in it still gets its own status. What is longer is streamed.
type held struct {
	c     echo.Context
	media string
	first bytes.Buffer
	sent  bool
}

const holdBytes = 1 << 20

func (w *held) Write(p []byte) (int, error) {
	if !w.sent && w.first.Len()+len(p) <= holdBytes {
		return w.first.Write(p)
	}
	if err := w.send(); err != nil {
		return 0, err
	}
	return w.c.Response().Write(p)
}

// send writes what was held back.
func (w *held) send() error {
	if w.sent {
		return nil
	}
	w.sent = true
	header := w.c.Response().Header()
	header.Set(echo.HeaderContentType, w.media)
	header.Set(echo.HeaderCacheControl, "no-store")
	header.Add(echo.HeaderVary, echo.HeaderAccept)
	header.Set(echo.HeaderXContentTypeOptions, "nosniff")
	w.c.Response().WriteHeader(http.StatusOK)
	_, err := w.c.Response().Write(w.first.Bytes())
	return err
}

// cut closes the connection without ending the answer, so that a caller who got a part of it cannot take it for the whole.
func cut(c echo.Context) error {
	conn, _, err := http.NewResponseController(c.Response().Writer).Hijack()
	if err != nil {
		return fmt.Errorf("cut the answer short: %w", err)
	}
	return conn.Close()
}

var statuses = map[string]int{
	CodeUnknownQuery:  http.StatusNotFound,
	CodeTooManyRows:   http.StatusUnprocessableEntity,
	CodeTooMuchMemory: http.StatusUnprocessableEntity,
	CodeTooSlow:       http.StatusGatewayTimeout,
}

// refuse answers an [*Error] as JSON; any other error goes to Echo's handler.
func refuse(c echo.Context, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	status, ok := statuses[e.Code]
	if !ok {
		status = http.StatusBadRequest
	}
	return c.JSON(status, map[string]any{"error": e})
}
