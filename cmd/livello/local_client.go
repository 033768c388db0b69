package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/livello/livello/ingest/files"
)

// localURL stands for the service behind api.sock: the host name is not used.
const localURL = "http://livello.local"

// runningService returns a client of the service that runs on the folder, or nil when none does.
func runningService(ctx context.Context, data string) *http.Client {
	path := filepath.Join(data, socketName)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		address, done, err := unixAddress(path)
		if err != nil {
			return nil, err
		}
		defer done()
		var d net.Dialer
		return d.DialContext(ctx, "unix", address)
	}
	conn, err := dial(ctx, "", "")
	if err != nil {
		return nil
	}
	conn.Close()
	// A connection is given up here before the service does: a request that meets the end of its connection is not sent again.
	return &http.Client{Transport: localTransport{&http.Transport{DialContext: dial, IdleConnTimeout: idleTimeout / 2}}}
}

// localTransport says what it means when a service on this machine does not answer: HTTP says EOF.
type localTransport struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (t localTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := t.Transport.RoundTrip(req)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return nil, fmt.Errorf("the service ended before it answered, and its log says why; it may have done what was asked: %w", err)
	}
	return answer, err
}

// drain waits until the service behind client has loaded everything it accepted before.
func drain(ctx context.Context, client files.Doer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, localURL+drainPath, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("wait for loading: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		return errors.Join(fmt.Errorf("wait for loading: %s: %s", answer.Status, strings.TrimSpace(string(text))), err)
	}
	return nil
}

// direct sends requests to a handler of this process, without any port.
type direct struct{ handler http.Handler }

// Do answers the request; it implements files.Doer.
func (d direct) Do(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	req.RemoteAddr = "127.0.0.1:0"
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	d.handler.ServeHTTP(rec, req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", rec.status, http.StatusText(rec.status)), StatusCode: rec.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: rec.header, Body: io.NopCloser(&rec.body),
		ContentLength: int64(rec.body.Len()), Request: req,
	}, nil
}

// recorder keeps an answer in memory.
type recorder struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.wrote, r.status = true, status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	return r.body.Write(b)
}

// askLocal sends body as JSON to a route of the local socket and reads the answer.
func askLocal(ctx context.Context, client *http.Client, method, path string, body, answer any) error {
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return fmt.Errorf("ask the service: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, localURL+path, &sent)
	if err != nil {
		return fmt.Errorf("ask the service: %w", err)
	}
	got, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the service: %w", err)
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(got.Body, 4<<10))
		return errors.Join(fmt.Errorf("the running service: %s", strings.TrimSpace(string(text))), err)
	}
	if err := json.NewDecoder(got.Body).Decode(answer); err != nil {
		return fmt.Errorf("read the service's answer: %w", err)
	}
	return nil
}
