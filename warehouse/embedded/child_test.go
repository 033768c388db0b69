package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/warehouse/embedded"
)

// Some things only another process can show. It is this test binary again, told by an environment variable what to do.
const (
	childEnv    = "LIVELLO_TEST_CHILD"
	childDirEnv = "LIVELLO_TEST_CHILD_DIR"
)

func runChild(what string) int {
	dir := os.Getenv(childDirEnv)
	ctx := context.Background()
	var err error
	switch what {
	case "hold": // takes the folder, says so, and keeps it until standard input ends
		var f *embedded.Folder
		if f, err = embedded.OpenFolder(ctx, dir, "livello serve", embedded.Options{}); err == nil {
			fmt.Println("ready")
			_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
			err = f.Close()
		}
	case "signals":
		err = checkSignals(ctx, dir)
	case "reopen":
		err = checkReopen(ctx, dir)
	case "start":
		err = checkStart(ctx, dir)
	default:
		err = fmt.Errorf("unknown child %q", what)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func child(t testing.TB, what, dir string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute) // however slow the machine
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+what, childDirEnv+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// hold starts a process that holds dir and returns what ends it.
func hold(t testing.TB, dir string) (pid int, release func(kill bool)) {
	t.Helper()
	cmd := child(t, "hold", dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || strings.TrimSpace(line) != "ready" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	ended := false
	release = func(kill bool) {
		if ended {
			return
		}
		ended = true
		if kill {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return
		}
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the other process: %v", err)
		}
	}
	t.Cleanup(func() { release(true) })
	return cmd.Process.Pid, release
}
