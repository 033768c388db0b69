package embedded_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/warehouse/embedded"
)

// overSocket asks the process that holds dir.
func overSocket(t *testing.T, dir, sql string) (string, error) {
	t.Helper()
	client := &http.Client{Timeout: 3 * time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return embedded.DialFolder(ctx, dir)
		},
	}}
	res, err := client.Post("http://engine/", "", strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

func TestFolderHeldByAnotherProcess(t *testing.T) {
	// A name longer than a socket's may be, so that the detour is taken.
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 25), "data")
	pid, release := hold(t, dir)

	_, err := embedded.OpenFolder(context.Background(), dir, "second", embedded.Options{})
	var held *embedded.HeldError
	if !errors.As(err, &held) {
		t.Fatalf("second start: %v", err)
	}
	if held.Holder.PID != pid || held.Holder.Command != "livello serve" || time.Since(held.Holder.Since) > time.Hour {
		t.Errorf("held by %+v, want process %d", held.Holder, pid)
	}
	for _, part := range []string{dir, "livello serve", "since"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message does not say %s: %v", part, err)
		}
	}

	for name, mode := range map[string]os.FileMode{embedded.SocketFile: 0o600, embedded.LockFile: 0o600, "engine": 0o700} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, %v; want %v", name, info.Mode().Perm(), err, mode)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("the folder holds %v", entries)
	}
	for _, sql := range []string{"CREATE DATABASE d", "CREATE TABLE d.t (n UInt64) ENGINE = MergeTree ORDER BY n", "INSERT INTO d.t VALUES (42)"} {
		if out, err := overSocket(t, dir, sql); err != nil || out != "" {
			t.Fatalf("%s: %q, %v", sql, out, err)
		}
	}

	// After kill -9 the lock is free, the socket a leftover, and what was acknowledged is there.
	release(true)
	if _, err := os.Stat(filepath.Join(dir, embedded.SocketFile)); err != nil {
		t.Fatalf("the socket of the killed process: %v", err)
	}
	_, release = hold(t, dir)
	if out, err := overSocket(t, dir, "SELECT n FROM d.t"); err != nil || out != "42\n" {
		t.Errorf("after kill -9: %q, %v", out, err)
	}

	// A clean end leaves no socket.
	release(false)
	if _, err := os.Stat(filepath.Join(dir, embedded.SocketFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket after a clean end: %v", err)
	}
	if _, err := overSocket(t, dir, "SELECT 1"); err == nil {
		t.Error("nobody holds the folder, and somebody answered")
	}
}

// This process runs one engine already; a second one must be refused with the reason instead of blocking in the library.
func TestOneEnginePerProcess(t *testing.T) {
	openEngine(t)
	_, err := embedded.OpenFolder(context.Background(), t.TempDir(), "second", embedded.Options{})
	if err == nil || !strings.Contains(err.Error(), "one data path at a time") {
		t.Errorf("second engine: %v", err)
	}
}

func TestSignalsStayGos(t *testing.T) {
	out, err := child(t, "signals", t.TempDir()).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
