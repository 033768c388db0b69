package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livello/livello/warehouse/embedded"
)

func TestStartInTheWayOfSomething(t *testing.T) {
	if out, err := child(t, "start", t.TempDir()).Output(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// checkStart runs in a process of its own. Whatever keeps the engine from starting is named, and once it is gone the same process can start it.
func checkStart(ctx context.Context, dir string) error {
	start := func(ctx context.Context, log *slog.Logger) error {
		f, err := embedded.OpenFolder(ctx, dir, "test", embedded.Options{Logger: log})
		if err != nil {
			return err
		}
		return f.Close()
	}
	if err := start(ctx, nil); err != nil {
		return err
	}

	// The process before is leaving: the folder's lock is free, the engine's is not yet.
	status, err := os.OpenFile(filepath.Join(dir, "engine", "status"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer status.Close()
	if _, err := status.WriteString("PID: 4711\n"); err != nil {
		return err
	}
	if err := unix.Flock(int(status.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if err := start(short, nil); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "PID: 4711") {
		return fmt.Errorf("with the engine's lock held: %w", err)
	}
	leave := &onMessage{Handler: slog.DiscardHandler, part: "waiting for another process", do: func() { err = unix.Flock(int(status.Fd()), unix.LOCK_UN) }}
	if started := start(ctx, slog.New(leave)); started != nil || err != nil || !leave.done {
		return fmt.Errorf("while the engine's lock is given back: %w, %w, waited: %v", started, err, leave.done)
	}

	// What the engine prints, and what it only logs.
	broken := filepath.Join(dir, "engine", "metadata", "broken.sql")
	if err := errors.Join(os.MkdirAll(filepath.Dir(broken), 0o700), os.WriteFile(broken, []byte("no statement"), 0o600)); err != nil {
		return err
	}
	if err := start(ctx, nil); err == nil || !strings.Contains(err.Error(), "Syntax error") {
		return fmt.Errorf("with broken metadata: %w", err)
	}
	metadata := filepath.Dir(broken)
	if err := errors.Join(os.RemoveAll(metadata), os.Symlink("metadata", metadata)); err != nil {
		return err
	}
	if err := start(ctx, nil); err == nil || !strings.Contains(err.Error(), "Too many levels of symbolic links") {
		return fmt.Errorf("with metadata that points at itself: %w", err)
	}
	if err := os.Remove(metadata); err != nil {
		return err
	}
	return start(ctx, nil)
}

// onMessage does something when a message is logged, once.
type onMessage struct {
	slog.Handler
	once sync.Once
	part string
	do   func()
	done bool
}

func (*onMessage) Enabled(context.Context, slog.Level) bool { return true }

func (h *onMessage) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, h.part) {
		h.once.Do(func() { h.do(); h.done = true })
	}
	return nil
}
