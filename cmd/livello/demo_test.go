package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/livello/livello/test/engine"
)

var smallDemo = []string{"--people", "80", "--days", "4"}

func TestDemoTwice(t *testing.T) {
	t.Parallel()
	data := filepath.Join(engine.TempDir(t), "demo")
	args := append([]string{"demo", "--once", "--data", data}, smallDemo...)
	out := must(t, args...)
	for _, part := range []string{
		"80 simulated people over 4 days", " measurements (", ", 0 rejected", "end of each of the 3 days before",
		"tier 1 ", "Whom to talk to first", "roi ", "advocacy_rate", "too few to tell", "How often signs mislead", "came by", "Where to look next",
	} {
		if !strings.Contains(out, part) {
			t.Errorf("the page does not say %q:\n%s", part, out)
		}
	}
	strength := "Nobody has had two or more kinds of signs" // so it is after a weekend
	if strings.Contains(must(t, "query", "--data", data, "signal_strength"), "at least 2") {
		strength = "at least 2"
	}
	if !strings.Contains(out, strength) {
		t.Errorf("the page does not say %q:\n%s", strength, out)
	}
	for _, line := range strings.Split(out[:strings.Index(out, "Where to look next")], "\n") {
		if width := utf8.RuneCountInString(line); width > 110 && !strings.HasPrefix(line, "starting") {
			t.Errorf("%d columns are too wide for a terminal: %s", width, line)
		}
	}
	if strings.Contains(out, "no rate from") {
		t.Errorf("a rate is missing:\n%s", out)
	}
	before := count(t, data, "SELECT count() FROM events")
	measured := count(t, data, "SELECT count() FROM measurements FINAL")
	moves := count(t, data, "SELECT count() FROM tier_history WHERE replayed")
	if moves == "0" {
		t.Error("nobody moved between tiers in the past")
	}
	again := must(t, args...)
	if !strings.Contains(again, "already there: ") {
		t.Errorf("the second page:\n%s", again)
	}
	// Seconds have passed: a few events may be new, none may be there twice.
	if twice := count(t, data, "SELECT count() - uniqExact(event_id) FROM events"); twice != "0" {
		t.Errorf("%s events are there twice; %s after the first run", twice, before)
	}
	if twice := count(t, data, "SELECT count() FROM measurements FINAL"); twice != measured {
		t.Errorf("%s measurements after the first run, %s after the second", measured, twice)
	}
	if twice := count(t, data, "SELECT count() FROM tier_history WHERE replayed"); twice != moves {
		t.Errorf("%s replayed moves after the first run, %s after the second", moves, twice)
	}
	fails(t, "holds the demo of 80 people", "demo", "--once", "--data", data, "--people", "81", "--days", "4")
	other := dataFolder(t)
	serve(t, other).stop()
	fails(t, "holds other data", "demo", "--once", "--data", other)
}

// Every command that the page prints is pasted into a shell while the demo runs.
func TestDemoPrintsCommandsThatWork(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	data := filepath.Join(engine.TempDir(t), "demo with a space")
	cmd := command(t, append([]string{"demo", "--data", data}, smallDemo...)...)
	for i, v := range cmd.Env {
		if strings.HasPrefix(v, "LIVELLO_LISTEN=") {
			cmd.Env[i] = "LIVELLO_LISTEN=" + taken.Addr().String()
		}
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	var commands []string
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		page.WriteString(lines.Text() + "\n")
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, livello(t)+" ") || strings.HasPrefix(line, "curl ") {
			commands = append(commands, line)
		}
		if strings.Contains(line, "Live events") {
			break
		}
	}
	if !strings.Contains(page.String(), taken.Addr().String()+" is taken by another program: using a free port") {
		t.Errorf("the page does not say that the port is taken:\n%s", page.String())
	}
	if len(commands) < 7 {
		t.Fatalf("the page prints %d commands:\n%s", len(commands), page.String())
	}
	for _, line := range commands {
		if _, err := exec.LookPath("curl"); err != nil && strings.HasPrefix(line, "curl ") {
			t.Logf("no curl here for: %s", line)
			continue
		}
		paste := exec.Command("sh", "-c", line)
		paste.Env = cmd.Env
		out, err := paste.CombinedOutput()
		if err != nil || len(out) == 0 || json.Valid(out) && strings.Contains(string(out), `"error"`) || strings.Contains(string(out), "DB::Exception") {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
		if strings.Contains(line, "/v1/track") {
			if err := drain(context.Background(), runningService(context.Background(), data)); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(line, "engagement_history") && !strings.Contains(string(out), "content_download") {
			t.Errorf("the event sent before is not found: %s\n%s", line, out)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // to the end, so that Wait can close the pipe
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the demo after Ctrl-C: %v", err)
	}
}
