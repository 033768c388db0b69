package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// statusFile is the engine's own lock in its folder, and says which process has it.
const statusFile = "status"

// statusPatience is how long the engine's own lock is waited for. A process that was killed gives back its files one after the other, and ours may be
// free before the engine's.
const statusPatience = 10 * time.Second

// start makes the first connection, which starts the engine. A library that gives none says why in several places or nowhere, so it is asked once more
// with its log on: what was in the way may have passed, and if not, the error says what it is.
func (e *Engine) start(ctx context.Context) (*session, error) {
	if err := e.awaitStatus(ctx); err != nil {
		return nil, err
	}
	s, err := e.connect()
	if err == nil {
		return s, nil
	}
	s, said, err := e.connectAloud()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	// It would go on logging for as long as it runs.
	s.close()
	e.log.Warn("the engine started only when asked a second time", "path", e.path)
	return e.connect()
}

// awaitStatus returns when no other process has the engine's lock.
func (e *Engine) awaitStatus(ctx context.Context) error {
	name := filepath.Join(e.path, statusFile)
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	for told := false; ; told = true {
		free, err := unlocked(name)
		if err != nil {
			return fmt.Errorf("look at the engine's lock: %w", err)
		}
		if free {
			return nil
		}
		if !told {
			e.log.Info("waiting for another process to leave the engine's folder", "lock", name)
		}
		select {
		case <-ctx.Done():
			holder, _ := os.ReadFile(name) // only to say who
			return fmt.Errorf("another process has %s (%s): %w", name, strings.Join(strings.Fields(string(holder)), " "), ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// unlocked says whether nobody has the lock on a file; one that does not exist has none.
func unlocked(name string) (bool, error) {
	file, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close() // with it goes the lock
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// connectAloud connects with the engine's log of errors in a file, and standard error too, where it prints some of them. said is why it gave no
// connection.
func (e *Engine) connectAloud() (s *session, said string, err error) {
	log, err := os.CreateTemp("", "livello-engine-*.log") // the disk of the data may be what is full
	if err != nil {
		return nil, "what it says cannot be kept: " + err.Error(), errNoConnection
	}
	defer os.Remove(log.Name())
	defer log.Close()
	const standardError = 2
	before, err := unix.Dup(standardError)
	if err != nil {
		return nil, "what it prints cannot be kept: " + err.Error(), errNoConnection
	}
	unix.CloseOnExec(before)
	if err := unix.Dup2(int(log.Fd()), standardError); err != nil {
		return nil, "what it prints cannot be kept: " + err.Error(), errors.Join(errNoConnection, unix.Close(before))
	}
	s, err = e.connect("--log-level=error", "--logger.log="+log.Name())
	if back := errors.Join(unix.Dup2(before, standardError), unix.Close(before)); back != nil {
		err = errors.Join(err, fmt.Errorf("give standard error back: %w", back))
	}
	text, readErr := os.ReadFile(log.Name())
	return s, reason(text), errors.Join(err, readErr)
}

// maxReason bounds the reason: the engine may quote whole statements, several times.
const maxReason = 2000

// reason picks from what the engine said why it did not start.
func reason(log []byte) string {
	var lines []string
	for line := range bytes.Lines(log) {
		text := strings.TrimSpace(string(line))
		if _, message, logged := strings.Cut(text, "<Error> EmbeddedServer: "); logged {
			text = message
		} else if !strings.HasPrefix(text, "Code: ") {
			continue // stack traces, and what others logged
		}
		text, _, _ = strings.Cut(text, ", Stack trace (when copying")
		lines = append(lines, text)
	}
	all := strings.Join(lines, "; ")
	switch {
	case all == "":
		return "it said nothing; is there space on the disk, and memory?"
	case len(all) > maxReason:
		return strings.ToValidUTF8(all[:maxReason], "") + " ..."
	}
	return all
}
