package embedded

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
)

// Transport is an http.RoundTripper that calls a handler in this process, without sockets. Bodies are streamed in both
// directions; closing the response's body ends the request.
type Transport struct{ Handler http.Handler }

// errBroken is what a reader of a broken-off response gets, as over a socket.
var errBroken = errors.New("the response was broken off")

// RoundTrip runs the handler and returns when it has sent its headers.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, pipe := io.Pipe()
	w := &localResponse{header: http.Header{}, pipe: pipe, ready: make(chan struct{})}
	ctx, cancel := context.WithCancel(r.Context())
	in := r.WithContext(ctx)
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI = r.URL.RequestURI()
	if in.URL.Path == "" {
		u := *r.URL
		u.Path = "/"
		in.URL = &u
	}
	if user := r.URL.User; user != nil && in.Header.Get("Authorization") == "" {
		in.Header = in.Header.Clone()
		password, _ := user.Password()
		in.SetBasicAuth(user.Username(), password)
	}
	go func() {
		defer cancel()
		defer in.Body.Close()
		broken := true
		defer func() {
			// ErrAbortHandler is the agreed way to break off; any other panic is a bug and must stay one.
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
			if broken {
				w.end(errBroken)
			}
		}()
		t.Handler.ServeHTTP(w, in)
		broken = false
		w.end(nil)
	}()
	select {
	case <-w.ready:
	case <-r.Context().Done():
		cancel()
		body.CloseWithError(r.Context().Err())
		return nil, r.Context().Err()
	}
	res := &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: &localBody{body, cancel}, ContentLength: -1, Request: r,
	}
	if w.empty {
		res.ContentLength = 0
	}
	return res, nil
}

// localBody ends the request when the client closes the response early.
type localBody struct {
	*io.PipeReader
	cancel func()
}

func (b *localBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}

// localResponse hands the handler's output to the client through a pipe. Headers are ready with the first byte or at the
// end, so that an empty result is known to be empty.
type localResponse struct {
	header http.Header
	pipe   *io.PipeWriter
	once   sync.Once
	ready  chan struct{}
	status int
	sent   http.Header
	empty  bool
}

func (w *localResponse) Header() http.Header { return w.header }

func (w *localResponse) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.sent = w.header.Clone()
	}
}

func (w *localResponse) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.once.Do(func() { close(w.ready) })
	return w.pipe.Write(p)
}

func (w *localResponse) end(err error) {
	w.WriteHeader(http.StatusOK)
	w.once.Do(func() {
		w.empty = err == nil
		close(w.ready)
	})
	w.pipe.CloseWithError(err)
}

// Flush does nothing: every Write is already with the client.
func (w *localResponse) Flush() {}
