package ingest

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/livello/livello/ingest/sources/segment"
)

// Error is an answer other than success: {"error": {"code": ..., "message": ...}}.
type Error struct {
	Status     int              `json:"-"`    // of HTTP
	Code       string           `json:"code"` // for programs; never changes its meaning
	Message    string           `json:"message"`
	Field      string           `json:"field,omitempty"`    // of the message, the query or the header
	Help       string           `json:"help,omitempty"`     // the way out
	Offset     *int             `json:"offset,omitempty"`   // bytes from the start of the (decompressed) body
	Rejected   []segment.Reject `json:"rejected,omitempty"` // the records that are at fault, where there are several
	RetryAfter time.Duration    `json:"-"`                  // goes into the header, in whole seconds

	cause error
}

func (e *Error) Error() string {
	if e.Field != "" {
		return e.Field + ": " + e.Message
	}
	return e.Message
}

// Unwrap returns what the answer was made of, if anything.
func (e *Error) Unwrap() error { return e.cause }

// HTTPStatus is the status of the answer.
func (e *Error) HTTPStatus() int { return e.Status }

// bodyError says what is wrong with a body as a whole.
func bodyError(err error) error {
	var syntax *segment.SyntaxError
	var many *segment.TooManyRecordsError
	switch {
	case errors.As(err, &syntax):
		return &Error{Status: http.StatusBadRequest, Code: "malformed_json", Message: syntax.Error(), Offset: &syntax.Offset,
			Help: "nothing of this request was kept; records of NDJSON (Content-Type: application/x-ndjson) are judged line by line"}
	case errors.As(err, &many):
		return &Error{Status: http.StatusRequestEntityTooLarge, Code: "too_many_records", Message: many.Error(), Help: "send smaller batches"}
	}
	return fmt.Errorf("decode body: %w", err)
}

// rejectedError refuses a request because of its records.
func rejectedError(rejects []segment.Reject) error {
	e := &Error{Status: http.StatusBadRequest, Code: "invalid_message", Field: rejects[0].Field, Message: rejects[0].Reason, Rejected: rejects}
	if len(rejects) > 1 {
		e.Field, e.Message = "", fmt.Sprintf("%d records are not valid", len(rejects))
	}
	e.Help = "nothing of this request was kept; docs/messages.md says what a message holds"
	return e
}

// HandleErrors answers errors of handlers, ours and Echo's own, as JSON. An error with a method HTTPStatus() int is shown as
// it marshals; everything else is an "internal error" to the client and goes to the log.
func HandleErrors(logger *slog.Logger) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if c.Response().Committed {
			return
		}
		var (
			known  interface{ HTTPStatus() int }
			routed *echo.HTTPError
			body   any
			status int
		)
		switch {
		case errors.As(err, &known):
			status, body = known.HTTPStatus(), known
		case errors.As(err, &routed):
			status, body = routed.Code, echoError(c, routed)
		default:
			status, body = http.StatusInternalServerError, &Error{Code: "internal", Message: "internal error"}
			logger.Error("request failed", "method", c.Request().Method, "route", c.Path(), "error", err)
		}
		var ours *Error
		if errors.As(err, &ours) {
			if ours.RetryAfter > 0 {
				c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(int((ours.RetryAfter+time.Second-1)/time.Second)))
			}
			if status == http.StatusUnauthorized {
				c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Basic realm="livello"`)
			}
		}
		if c.Request().Method == http.MethodHead {
			err = c.NoContent(status)
		} else {
			err = c.JSON(status, map[string]any{"error": body})
		}
		if err != nil {
			logger.Debug("answer not sent", "route", c.Path(), "error", err)
		}
	}
}

// echoError is an error of Echo's router or middleware in our form.
func echoError(c echo.Context, err *echo.HTTPError) *Error {
	e := &Error{Code: strings.ReplaceAll(strings.ToLower(http.StatusText(err.Code)), " ", "_"), Message: fmt.Sprint(err.Message)}
	switch err.Code {
	case http.StatusNotFound:
		e.Message = "there is nothing at " + c.Request().URL.Path
	case http.StatusMethodNotAllowed:
		e.Message = c.Request().Method + " is not allowed here"
		if allow := c.Response().Header().Get(echo.HeaderAllow); allow != "" {
			e.Help = "allowed: " + allow
		}
	}
	return e
}

// statusOf is the status that HandleErrors answers with.
func statusOf(c echo.Context, err error) int {
	if err == nil {
		return c.Response().Status
	}
	var known interface{ HTTPStatus() int }
	var routed *echo.HTTPError
	switch {
	case errors.As(err, &known):
		return known.HTTPStatus()
	case errors.As(err, &routed):
		return routed.Code
	}
	return http.StatusInternalServerError
}
