package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/livello/livello/warehouse/embedded"
)

// socketPatience is how long Open waits for the socket of a folder that is held: its process may just be starting.
const socketPatience = 10 * time.Second

// openFolder takes the data folder, or finds the way to the process that has it.
func (w *Warehouse) openFolder(ctx context.Context, c Config) (*clickhouse.Options, error) {
	readable := c.Readable
	if len(readable) == 0 {
		readable = []string{DefaultDatabase + "*"}
		if c.Database != "" {
			readable = append(readable, c.Database)
		}
	}
	deadline := time.Now().Add(socketPatience)
	for {
		folder, err := embedded.OpenFolder(ctx, c.Data, c.Command, embedded.Options{
			Library: c.Engine, ReadDatabases: readable, MaxMemory: c.MaxMemory, Logger: c.Logger,
		})
		if err == nil {
			w.mode, w.folder, w.engine = Embedded, folder, folder.Engine
			return inProcess(folder.Engine), nil
		}
		var held *embedded.HeldError
		if !errors.As(err, &held) || c.Exclusive {
			return nil, err
		}
		conn, dialErr := embedded.DialFolder(ctx, c.Data)
		if dialErr == nil {
			conn.Close()
			w.mode = Remote
			return throughSocket(c.Data), nil
		}
		// The holder may be starting (no socket yet) or stopping (the lock is free in a moment).
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%w (its %s does not answer: %v)", held, embedded.SocketFile, dialErr)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", held, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// inProcess gives driver options whose requests are function calls into the engine.
func inProcess(e *embedded.Engine) *clickhouse.Options {
	transport := embedded.Transport{Handler: e.Handler()}
	return &clickhouse.Options{
		Addr:          []string{"embedded:8123"}, // a name for logs; nothing is dialled
		TransportFunc: func(*http.Transport) (http.RoundTripper, error) { return transport, nil },
	}
}

// throughSocket gives driver options that reach the engine of the process that holds the folder.
func throughSocket(dir string) *clickhouse.Options {
	return &clickhouse.Options{
		Addr: []string{"engine.sock:8123"},
		DialContext: func(ctx context.Context, _ string) (net.Conn, error) {
			return embedded.DialFolder(ctx, dir)
		},
		ReadTimeout: 24 * time.Hour, // a statement may be long; its context ends it
	}
}

// cutOff says whether err is what a client sees of a process that ends: a request nobody answered (net/http has no name for all the
// errors of one), or an answer that breaks off.
func cutOff(err error) bool {
	var unanswered *url.Error
	return errors.As(err, &unanswered) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}
