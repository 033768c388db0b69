package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/warehouse/embedded"
)

func TestCloseAndOpenAgain(t *testing.T) {
	if out, err := child(t, "reopen", t.TempDir()).Output(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// checkReopen runs in a process of its own: engines one after the other, on the same and on other folders, the last one
// closed while a statement runs.
func checkReopen(ctx context.Context, dir string) error {
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	post := func(f *embedded.Folder, sql string) (string, error) {
		client := &http.Client{Transport: embedded.Transport{Handler: f.Engine.Handler()}}
		res, err := client.Post("http://engine/", "", strings.NewReader(sql))
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		out, err := io.ReadAll(res.Body)
		return string(out), err
	}
	for i, step := range []struct{ dir, sql, want string }{
		{one, "CREATE DATABASE d", ""}, {one, "CREATE TABLE d.t (n UInt8) ENGINE = MergeTree ORDER BY n", ""}, {one, "INSERT INTO d.t VALUES (1)", ""},
		{two, "SELECT count() FROM system.databases WHERE name = 'd'", "0\n"}, {one, "SELECT n FROM d.t", "1\n"},
	} {
		f, err := embedded.OpenFolder(ctx, step.dir, "test", embedded.Options{})
		if err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		if out, err := post(f, step.sql); err != nil || out != step.want {
			return fmt.Errorf("step %d: %q, %w", i, out, err)
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		if out, err := post(f, "SELECT 1"); err != nil || !strings.Contains(out, embedded.ErrClosed.Error()) {
			return fmt.Errorf("step %d: after Close: %q, %w", i, out, err)
		}
	}

	f, err := embedded.OpenFolder(ctx, two, "test", embedded.Options{CloseGrace: 100 * time.Millisecond})
	if err != nil {
		return err
	}
	ended := make(chan string, 1)
	go func() {
		out, err := post(f, "SELECT count() AS still_running FROM numbers(1000000000000) WHERE sipHash64(number) = 1")
		ended <- fmt.Sprint(out, err)
	}()
	for {
		out, err := post(f, "SELECT count() FROM system.processes WHERE query LIKE '%still_running%' AND query NOT LIKE '%system.processes%'")
		if err != nil {
			return err
		}
		if out == "1\n" {
			break
		}
	}
	begin := time.Now()
	if err := f.Close(); err != nil {
		return err
	}
	if took := time.Since(begin); took > 30*time.Second {
		return fmt.Errorf("Close took %v with a statement running", took)
	}
	select {
	case out := <-ended:
		if !strings.Contains(out, "Code: 394.") {
			return fmt.Errorf("the statement that ran ended with %q", out)
		}
	case <-time.After(10 * time.Second):
		return errors.New("the statement goes on after Close")
	}
	return nil
}
