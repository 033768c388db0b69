package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// LockFile is the name of the lock in a data folder. The kernel holds the lock (flock), so it ends with its process however
// that ends; the text in it is only for people.
const LockFile = "LOCK"

// Holder says which process holds a data folder.
type Holder struct {
	PID     int
	Command string
	Since   time.Time
}

func (h Holder) String() string {
	if h.PID == 0 {
		return "a process that has not written its name yet"
	}
	return fmt.Sprintf("process %d (%s) since %s", h.PID, h.Command, h.Since.Format(time.RFC3339))
}

// HeldError says that another process holds the data folder, and which one.
type HeldError struct {
	Dir    string
	Holder Holder
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("data folder %s is held by %s; stop it, or choose another folder", e.Dir, e.Holder)
}

// LockFolder takes the folder's lock without waiting; Unlock gives it back. OpenFolder does so itself: this is for a process
// that must be alone in a data folder without an engine in it. The error is a *HeldError when somebody has the lock.
func LockFolder(dir, command string) (*flock.Flock, error) {
	name := filepath.Join(dir, LockFile)
	lock := flock.New(name, flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	if !ok {
		holder, err := readHolder(name)
		if err != nil {
			return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
		}
		return nil, &HeldError{Dir: dir, Holder: holder}
	}
	text := fmt.Sprintf("pid=%d\ncommand=%s\nsince=%s\n", os.Getpid(), strings.ReplaceAll(command, "\n", " "), time.Now().UTC().Format(time.RFC3339))
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		_ = lock.Unlock()
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	return lock, nil
}

func readHolder(name string) (Holder, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return Holder{}, err
	}
	var h Holder
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "pid":
			h.PID, _ = strconv.Atoi(value) // what cannot be read stays unknown
		case "command":
			h.Command = value
		case "since":
			h.Since, _ = time.Parse(time.RFC3339, value)
		}
	}
	return h, nil
}
