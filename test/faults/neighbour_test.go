package faults

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/livello/livello/warehouse/embedded"
)

// trouble is what the way to ClickHouse does with an INSERT.
type trouble int32

const (
	none        trouble = iota
	refusing            // connections are reset
	loseAnswer          // ClickHouse does it, the answer is lost
	freezing            // ClickHouse gets half of a segment; from then on nothing moves until the trouble is over, and then the connections break
	cutRequests         // ClickHouse gets half of a segment
)

// way is a real HTTP proxy between the service and ClickHouse, with troubles.
type way struct {
	url    string
	state  atomic.Int32
	frozen atomic.Bool  // while freezing: a segment is stuck
	struck atomic.Int64 // segments that met trouble; while refusing, requests
}

func (w *way) set(t trouble) {
	w.frozen.Store(false)
	w.state.Store(int32(t))
}

// segment says whether the request is the INSERT of one.
func segment(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Query().Get("query"), "INSERT INTO events")
}

var errTrouble = errors.New("the line is cut")

// newWay leads to the ClickHouse whose engine runs on the data folder.
func newWay(t *testing.T, data string) *way {
	t.Helper()
	w := &way{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "clickhouse"}) },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return embedded.DialFolder(ctx, data)
		}},
		ModifyResponse: func(r *http.Response) error {
			if trouble(w.state.Load()) == loseAnswer && strings.Contains(r.Request.URL.Query().Get("query"), "INSERT") {
				_, _ = io.Copy(io.Discard, r.Body) // it is done
				if segment(r.Request) {
					w.struck.Add(1)
				}
				return errTrouble
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // cut the connection
		ErrorLog:     nil,
	}
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch trouble(w.state.Load()) {
		case refusing:
			w.struck.Add(1)
			panic(http.ErrAbortHandler)
		case freezing:
			if w.frozen.Load() {
				w.wait(r.Context())
				panic(http.ErrAbortHandler)
			}
			if segment(r) {
				w.half(r, func() {
					w.frozen.Store(true)
					w.wait(r.Context())
				})
			}
		case cutRequests:
			if segment(r) {
				w.half(r, func() {})
			}
		}
		proxy.ServeHTTP(rw, r)
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_ = server.Serve(listener)
		close(done)
	}()
	t.Cleanup(func() {
		w.set(none)
		_ = server.Close()
		<-done
	})
	w.url = "http://default@" + listener.Addr().String() + "/livello"
	return w
}

// wait returns when the freeze is over, or nobody waits for an answer any more.
func (w *way) wait(ctx context.Context) {
	for trouble(w.state.Load()) == freezing && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
}

// half has the first half of the request's body go on its way. When the other end wants more, before is called, and the connection breaks.
func (w *way) half(r *http.Request, before func()) {
	whole, err := io.ReadAll(r.Body) // a server notices that its client is gone only once it has read the body
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), brokenBody(func() {
		w.struck.Add(1)
		before()
	})))
}

// brokenBody ends with an error after a call.
type brokenBody func()

func (b brokenBody) Read([]byte) (int, error) {
	b()
	return 0, errTrouble
}

// ClickHouse is another process here, and the way to it fails in turn in every manner; in between it is killed.
func TestClickHouseInTrouble(t *testing.T) {
	for name, sort := range map[string]trouble{
		"connections to ClickHouse refused":         refusing,
		"INSERT done, its answer lost":              loseAnswer,
		"connection to ClickHouse frozen, then cut": freezing,
		"INSERT cut in the middle":                  cutRequests,
	} {
		t.Run(name, func(t *testing.T) {
			clickhouse := migrated(t, folder(t))
			neighbour := start(t, clickhouse)
			t.Cleanup(func() { neighbour.kill() })
			line := newWay(t, clickhouse)
			w := newWorld(t, folder(t), "--dsn", line.url)
			w.events = clickhouse
			n := times(1, 10)
			for i := range n {
				w.pause(time.Second)
				struck := line.struck.Load()
				line.set(sort)
				switch {
				case sort != freezing:
					line.meets(t, struck+2)
				case i%5 == 4: // until the loader gives the INSERT up, and it is sent again into the ice
					line.meets(t, struck+1)
					time.Sleep(stalledFor)
				default:
					line.meets(t, struck+1)
					w.pause(2 * time.Second)
				}
				line.set(none)
				w.look(name)
			}
			w.finishNextDoor(name, n, &neighbour)
		})
	}
	t.Run("ClickHouse killed with kill -9", func(t *testing.T) {
		clickhouse := migrated(t, folder(t))
		neighbour := start(t, clickhouse)
		t.Cleanup(func() { neighbour.kill() })
		line := newWay(t, clickhouse)
		w := newWorld(t, folder(t), "--dsn", line.url)
		w.events = clickhouse
		n := times(1, 30)
		for range n {
			w.pause(time.Second)
			neighbour.kill()
			neighbour = start(t, clickhouse)
			w.look("ClickHouse killed")
		}
		w.finishNextDoor("ClickHouse killed with kill -9", n, &neighbour)
	})
}

// stalledFor is longer than the loader waits for a ClickHouse that answers no probe while an INSERT is under way.
const stalledFor = 36 * time.Second

// meets waits until so many INSERTs have met trouble.
func (w *way) meets(t *testing.T, many int64) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); w.struck.Load() < many; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no INSERT met the trouble, so nothing was tried")
		}
	}
}

// finishNextDoor is finish where ClickHouse is another process.
func (w *world) finishNextDoor(fault string, times int, neighbour **service) {
	w.t.Helper()
	w.lastLook(fault)
	w.service.terminate(w.t)
	(*neighbour).terminate(w.t)
	w.enter(fault, times)
}
