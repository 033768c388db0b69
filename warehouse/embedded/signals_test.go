package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/livello/livello/warehouse/embedded"
)

// checkSignals runs in a process of its own: it starts an engine, works with it, and sees that every signal still has Go's
// handler and that what Go does with them works.
func checkSignals(ctx context.Context, dir string) error {
	changed, err := embedded.ChangedSignals(func() error {
		e, err := embedded.Open(ctx, embedded.Options{Path: dir})
		if err != nil {
			return err
		}
		client := &http.Client{Transport: embedded.Transport{Handler: e.Handler()}}
		for _, sql := range []string{
			"SELECT sum(number) FROM numbers_mt(10000000)",
			"SELECT throwIf(1)",
			"SELECT groupArray(number) FROM numbers(100000000) SETTINGS max_memory_usage = 1000000",
			"CREATE TABLE default.t (n UInt64) ENGINE = MergeTree ORDER BY n", "INSERT INTO default.t SELECT number FROM numbers(1000000)", "OPTIMIZE TABLE default.t FINAL",
			"SELECT " + strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500),
		} {
			res, err := client.Post("http://engine/", "", strings.NewReader(sql))
			if err != nil {
				return err
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(changed) > 0 {
		return fmt.Errorf("signals with another action than before: %v", changed)
	}

	if err := nilDereference(); err != nil {
		return err
	}

	// SIGURG preempts: without it, a loop that calls nothing would keep the one processor to itself.
	runtime.GOMAXPROCS(1)
	var stop atomic.Bool
	spun := make(chan struct{})
	go func() {
		defer close(spun)
		for n := 0; !stop.Load(); n++ {
			for i := 0; i < 1000; i++ {
				n ^= i
			}
		}
	}()
	runtime.Gosched()
	stop.Store(true)
	select {
	case <-spun:
	case <-time.After(20 * time.Second):
		return errors.New("the busy goroutine was not preempted")
	}

	// Signals that a service waits for arrive.
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGTERM)
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-got:
		return nil
	case <-time.After(20 * time.Second):
		return errors.New("SIGTERM did not arrive")
	}
}

// nilDereference says whether SIGSEGV still becomes a Go panic.
func nilDereference() (err error) {
	defer func() {
		if r, ok := recover().(runtime.Error); !ok {
			err = fmt.Errorf("a nil dereference became %v", r)
		}
	}()
	var p *[4]int
	return fmt.Errorf("a nil dereference gave %d", p[2])
}
