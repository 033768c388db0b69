package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/livello/livello/ingest"
	"github.com/livello/livello/ingest/loader"
	"github.com/livello/livello/warehouse"
)

// away is the answer to a question while ClickHouse cannot be reached; a caller who went away gets none.
func away(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return &ingest.Error{Status: http.StatusServiceUnavailable, Code: "database_away", Message: "ClickHouse cannot be asked now",
		Help: "events are accepted and kept meanwhile; ask again after the time in Retry-After", RetryAfter: 5 * time.Second}
}

// answers returns nil when ClickHouse can do work. Work that takes as long as it takes has no time limit of its own: whoever asks for some is to learn at once
// that a server is away or silent. The error is an *awayError then.
func (s *service) answers(ctx context.Context) error {
	if s.cfg.DSN == "" { // the engine is in this process
		return nil
	}
	probe, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := s.db.Exec(probe, "SELECT 1"); err != nil {
		if !s.prepared.isReached() && ctx.Err() == nil { // its database may not be there yet
			return &awayError{s.cfg.DSN, err}
		}
		return s.cfg.sayAway(ctx, err)
	}
	return nil
}

// awayError says in one line that the server of a DSN cannot be reached. What the driver says of it is layers deep, and names no way out.
type awayError struct {
	dsn   string
	cause error
}

func (e *awayError) Error() string {
	at := "the server"
	if hosts := warehouse.Hosts(e.dsn); hosts != nil { // without user and password
		at = strings.Join(hosts, ", ")
	}
	return fmt.Sprintf("ClickHouse does not answer at %s (%s): try again when it runs and the setting dsn is right; a running service accepts and keeps events meanwhile",
		at, shortly(e.cause))
}

func (e *awayError) Unwrap() error { return e.cause }

// sayAway makes an *awayError of an error that says that the server cannot be reached; other errors, and those of a caller who went away, stay as they are.
func (c *Config) sayAway(ctx context.Context, err error) error {
	var said *awayError
	if c.DSN == "" || ctx.Err() != nil || errors.As(err, &said) || !loader.Unreachable(err) {
		return err
	}
	return &awayError{c.DSN, err}
}

// shortly is what the network has said, without who called whom.
func shortly(err error) string {
	var network net.Error
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &dns):
		return dns.Err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "the connection was closed"
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return line[:min(len(line), 200)]
}
