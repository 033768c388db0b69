package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/livello/livello/access"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse/embedded"
)

// The tests of this package drive the real binary, built once.
var binary struct {
	sync.Once
	dir, path string
	err       error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if binary.dir != "" {
		os.RemoveAll(binary.dir)
	}
	os.Exit(code)
}

// livello is the path of the binary.
func livello(t *testing.T) string {
	t.Helper()
	binary.Do(func() {
		if binary.dir, binary.err = os.MkdirTemp(engine.Folder(), "livello-test-"); binary.err != nil {
			return
		}
		binary.path = filepath.Join(binary.dir, "livello")
		if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary.path, ".").CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return binary.path
}

// patience bounds every wait: past it a test has failed, however slow the machine. It does not bound how long a service lives, because a test with many
// steps takes longer than that where much else is going on.
const patience = 3 * time.Minute

// command prepares the binary with an environment of its own: nothing of the developer's settings, free ports. It is killed at the end of the test, or
// when the test binary is about to be stopped, so that nothing is left running.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	library, err := embedded.Find("")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if deadline, ok := t.Deadline(); ok {
		ctx, cancel = context.WithDeadline(context.Background(), deadline.Add(-10*time.Second))
	}
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, livello(t), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LIVELLO_ENGINE=" + library,
		"LIVELLO_LISTEN=127.0.0.1:0", "LIVELLO_SQL_LISTEN=127.0.0.1:0"}
	return cmd
}

// run runs a command to its end and returns what it printed.
func runCommand(t *testing.T, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := command(t, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) }) // which prints where it hangs
	defer late.Stop()
	err = cmd.Wait()
	return out.String(), errs.String(), err
}

// must runs a command that has to succeed and returns its output.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, err := runCommand(t, "", args...)
	if err != nil {
		t.Fatalf("livello %s: %v\n%s%s", strings.Join(args, " "), err, out, errs)
	}
	return out
}

// fails runs a command that has to fail, with wanted in its complaint.
func fails(t *testing.T, wanted string, args ...string) {
	t.Helper()
	out, errs, err := runCommand(t, "", args...)
	if err == nil || !strings.Contains(errs, wanted) {
		t.Errorf("livello %s: %v, want a failure that says %q\n%s%s", strings.Join(args, " "), err, wanted, out, errs)
	}
}

// template is a data folder with the schema in it, made once.
var template struct {
	sync.Once
	err error
}

// dataFolder is a data folder as the first start leaves it, with nothing in it but the schema: making that takes longer than most of what
// is tried on it. It lies in memory, where there is room.
func dataFolder(t *testing.T) string {
	t.Helper()
	livello(t)
	from, to := filepath.Join(binary.dir, "template"), filepath.Join(engine.TempDir(t), "data")
	template.Do(func() {
		if template.err = os.Mkdir(from, 0o700); template.err != nil {
			return
		}
		template.err = errors.New("making the first data folder went wrong")
		must(t, "migrate", "up", "--data", from)
		template.err = nil
	})
	if template.err != nil {
		t.Fatal(template.err)
	}
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil { // symbolic links, too
		t.Fatalf("copy the data folder: %v\n%s", err, out)
	}
	return to
}

// running is a `livello serve` under test.
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	data string
	facts
	keys access.Keys

	mu  sync.Mutex
	log bytes.Buffer
	end chan error
}

// serve starts a service on data and returns when it says that it is ready.
func serve(t *testing.T, data string, args ...string) *running {
	t.Helper()
	s := &running{t: t, data: data, end: make(chan error, 1)}
	s.cmd = command(t, append([]string{"serve", "--data", data}, args...)...)
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan bool, 1)
	go func() {
		for lines := bufio.NewReader(stderr); ; { // however long a line is: a pipe that nobody reads would end the service
			line, err := lines.ReadBytes('\n')
			s.mu.Lock()
			s.log.Write(line)
			s.mu.Unlock()
			var entry struct{ Msg string }
			if json.Unmarshal(line, &entry) == nil && entry.Msg == "ready" {
				ready <- true
			}
			if err != nil {
				break
			}
		}
		close(ready)
		s.end <- s.cmd.Wait()
		close(s.end)
	}()
	t.Cleanup(s.leave)
	select {
	case started := <-ready:
		if !started {
			t.Fatalf("livello serve ended: %v\n%s", <-s.end, s.logs())
		}
	case <-time.After(patience):
		t.Fatal("livello serve is not ready")
	}
	if s.facts, err = readFacts(data); err != nil {
		t.Fatal(err)
	}
	if s.keys, err = access.Load(data); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *running) logs() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// stop asks the service to end and wants it to end well.
func (s *running) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.end:
		if err != nil {
			s.t.Fatalf("livello serve: %v\n%s", err, s.logs())
		}
	case <-time.After(patience):
		_ = s.cmd.Process.Signal(syscall.SIGQUIT) // its log says then where it hangs
		s.t.Fatalf("livello serve does not stop: %v\n%s", <-s.end, s.logs())
	}
}

// leave ends what is left of the process, and says of a failed test how it was doing: when a service is gone, its clients only see that nobody answers.
func (s *running) leave() {
	how := "was stopped by the test"
	select {
	case err, news := <-s.end:
		if news {
			how = fmt.Sprintf("had ended: %v", err)
		}
	default:
		how = "was running"
		_ = s.cmd.Process.Kill()
		for range s.end { // so that nobody writes any more when the folder is removed
		}
	}
	if s.t.Failed() {
		lines := strings.SplitAfter(s.logs(), "\n")
		s.t.Logf("livello serve, process %d, %s. The end of its log:\n%s", s.cmd.Process.Pid, how, strings.Join(lines[max(0, len(lines)-40):], ""))
	}
}

// ask sends a request and returns status and body.
func (s *running) ask(method, url, key, body string) (int, string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// want asks and compares the status and a part of the body.
func (s *running) want(status int, part, method, url, key, body string) {
	s.t.Helper()
	got, text := s.ask(method, url, key, body)
	if got != status || !strings.Contains(text, part) {
		s.t.Errorf("%s %s: %d %s, want %d with %q", method, url, got, text, status, part)
	}
}

// settle returns when everything accepted so far can be queried.
func (s *running) settle() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client := runningService(ctx, s.data)
	if client == nil {
		s.t.Fatal("the local socket does not answer")
	}
	if err := drain(ctx, client); err != nil {
		s.t.Fatal(err)
	}
}

// count is what `livello sql` answers to a statement with one number.
func count(t *testing.T, data, statement string) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(must(t, "sql", "--data", data, "-o", "tsv", statement)), "\n")
	return lines[len(lines)-1]
}
