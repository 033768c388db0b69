// Package faults drives the real binary while bad things happen to it, and counts.
package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse/embedded"
)

// binary is the real livello, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp(engine.Folder(), "livello-faults-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "livello")
	out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "github.com/livello/livello/cmd/livello").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build livello: %w\n%s", err, out)
	}
	return path, nil
})

// template is a data folder with the schema in it, made once: making one takes longer than most of what is tried on it.
var template = sync.OnceValues(func() (string, error) {
	path, err := binary()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(path), "template")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	command := exec.Command(path, "migrate", "up", "--data", dir)
	command.Env = append(os.Environ(), "LIVELLO_ENGINE="+library())
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make a data folder: %w\n%s", err, out)
	}
	return dir, nil
})

// folder is for a service's data: on a disk in the long form, in memory in the short one. What is killed here is the process, which takes nothing of what it
// wrote with it.
func folder(t *testing.T) string {
	t.Helper()
	if long() {
		return t.TempDir()
	}
	return engine.TempDir(t)
}

// migrated puts the schema into an empty data folder.
func migrated(t *testing.T, data string) string {
	t.Helper()
	from, err := template()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", from+"/.", data).CombinedOutput(); err != nil { // symbolic links, too
		t.Fatalf("copy the data folder: %v\n%s", err, out)
	}
	return data
}

// library is where the engine is: the binary does not lie in the checkout and would not find it by itself.
var library = sync.OnceValue(func() string {
	path, err := embedded.Find("")
	if err != nil {
		return "" // the service says what to do
	}
	return path
})

// service is one life of the process on a data folder.
type service struct {
	cmd  *exec.Cmd
	api  string
	logs *bytes.Buffer
	gone chan struct{} // closed when the process has ended
}

// patience bounds every wait for a service, however slow the machine.
const patience = 3 * time.Minute

// start runs `livello serve` on the folder and waits until it is ready.
func start(t *testing.T, data string, flags ...string) *service {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	facts := filepath.Join(data, "service.json")
	if err := os.Remove(facts); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	s := &service{logs: new(bytes.Buffer), gone: make(chan struct{})}
	s.cmd = exec.Command(path, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--sql-listen", ""}, flags...)...)
	s.cmd.Env = append(os.Environ(), "LIVELLO_ENGINE="+library())
	s.cmd.Stdout, s.cmd.Stderr = s.logs, s.logs
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // a kill is no fault here
		close(s.gone)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case <-s.gone:
			t.Fatalf("the service ended instead of starting:\n%s", s.logs)
		case <-ctx.Done():
			s.kill()
			t.Fatalf("the service is not ready after %v:\n%s", patience, s.logs)
		case <-tick.C:
		}
		var f struct {
			API string `json:"api"`
		}
		text, err := os.ReadFile(facts)
		if err != nil || json.Unmarshal(text, &f) != nil {
			continue
		}
		answer, err := http.Get(f.API + "/readyz")
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			s.api = f.API
			return s
		}
	}
}

// kill is kill -9: nothing of the process gets to run.
func (s *service) kill() {
	_ = s.cmd.Process.Kill()
	<-s.gone
}

// terminate is SIGTERM: the service finishes and ends.
func (s *service) terminate(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.gone:
	case <-time.After(patience):
		s.kill()
		t.Fatalf("the service did not end within %v of SIGTERM:\n%s", patience, s.logs)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("after SIGTERM the service ended with status %d:\n%s", code, s.logs)
	}
}

// writeKey reads the folder's key as `livello keys` prints it.
func writeKey(t *testing.T, data string) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "keys", "--data", data).Output()
	if err != nil {
		t.Fatalf("livello keys: %v", err)
	}
	var keys struct {
		WriteKey string `json:"write_key"`
	}
	if err := json.Unmarshal(out, &keys); err != nil || keys.WriteKey == "" {
		t.Fatalf("livello keys printed %q: %v", out, err)
	}
	return keys.WriteKey
}
