package faults

import (
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
	freezing            // nothing moves until the trouble is over, then the connection breaks
	cutRequests         // ClickHouse gets a part of the request
)

// way is a real HTTP proxy between the service and ClickHouse, with troubles.
type way struct {
	url    string
	state  atomic.Int32
	struck atomic.Int64 // INSERTs that met trouble
}

func (w *way) set(t trouble) { w.state.Store(int32(t)) }

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
				w.struck.Add(1)
				return errTrouble
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // cut the connection
		ErrorLog:     nil,
	}
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		insert := strings.Contains(r.URL.Query().Get("query"), "INSERT")
		switch trouble(w.state.Load()) {
		case refusing:
			w.struck.Add(1)
			panic(http.ErrAbortHandler)
		case freezing:
			w.struck.Add(1)
			for trouble(w.state.Load()) == freezing && r.Context().Err() == nil {
				time.Sleep(5 * time.Millisecond)
			}
			panic(http.ErrAbortHandler)
		case cutRequests:
			if insert {
				w.struck.Add(1)
				r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, 3000), brokenBody{}))
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

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errTrouble }

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
			for range n {
				w.pause(time.Second)
				line.set(sort)
				struck, deadline := line.struck.Load(), time.Now().Add(20*time.Second)
				for line.struck.Load() < struck+2 && time.Now().Before(deadline) {
					time.Sleep(5 * time.Millisecond)
				}
				line.set(none)
			}
			if line.struck.Load() == 0 {
				t.Error("no request met the trouble")
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
		n := times(2, 30)
		for range n {
			w.pause(time.Second)
			neighbour.kill()
			neighbour = start(t, clickhouse)
		}
		w.finishNextDoor("ClickHouse killed with kill -9", n, &neighbour)
	})
}

// finishNextDoor is finish where ClickHouse is another process, which has to let go of its folder before it is looked into.
func (w *world) finishNextDoor(fault string, times int, neighbour **service) {
	w.t.Helper()
	w.stop()
	w.sending.Wait()
	waitLoaded(w.t, w.service, w.data, "segment", "sending", "doubtful") // verify sees the neighbour's folder alone
	w.service.terminate(w.t)
	(*neighbour).terminate(w.t)
	w.account(fault, times)
}
