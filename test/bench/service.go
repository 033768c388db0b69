package main

import (
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
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/livello/livello/internal/background"
	"github.com/livello/livello/warehouse"
	"github.com/livello/livello/warehouse/embedded"
)

// serviceRun is one run of the real binary.
type serviceRun struct {
	acknowledged, loaded time.Duration // from the first request
	peakMemory           int64         // bytes resident, of the process
	rows                 [][]byte      // what came in, as NDJSON rows, when asked for
}

// rowsPerPiece is how many rows one INSERT of the bare engine gets: as many as fit a segment.
const rowsPerPiece = 100_000

// process is the real binary on a fresh data folder.
type process struct {
	cmd      *exec.Cmd
	data     string
	api, key string // where it is, and its write key
	readKey  string
	keep     bool // the folder, after the stop
	logs     *bytes.Buffer
}

func startProcess(ctx context.Context, o options, work string) (*process, error) {
	data, err := os.MkdirTemp(work, "data-")
	if err != nil {
		return nil, err
	}
	return startOn(ctx, o, data, false)
}

// startOn starts the real binary on a folder, which is removed at the stop unless it is to be kept.
func startOn(ctx context.Context, o options, data string, keep bool) (*process, error) {
	p := &process{data: data, keep: keep, logs: new(bytes.Buffer)}
	p.cmd = exec.CommandContext(ctx, o.binary, "serve", "--data", data, "--listen", "127.0.0.1:0", "--sql-listen", "")
	if library, err := embedded.Find(""); err == nil { // the binary may lie elsewhere
		p.cmd.Env = append(os.Environ(), "LIVELLO_ENGINE="+library)
	}
	p.cmd.Stdout, p.cmd.Stderr = p.logs, p.logs
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	var err error
	if p.api, p.key, p.readKey, err = reach(ctx, o.binary, data); err != nil {
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, p.logs), p.stop())
	}
	return p, nil
}

// stop ends the process and removes its folder, unless it is to be kept.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	err := p.cmd.Wait()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, p.logs)
	}
	if p.keep {
		return err
	}
	return errors.Join(err, os.RemoveAll(p.data))
}

// untilMetric waits until a metric has a value.
func (p *process) untilMetric(ctx context.Context, name, value string) error {
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.api+"/metrics", nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+p.readKey)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || bytes.Contains(text, []byte("\n"+name+" "+value+"\n")) {
			return err
		}
		if err := background.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

func runService(ctx context.Context, o options, load workload, work string, keepRows bool) (r serviceRun, err error) {
	p, err := startProcess(ctx, o, work)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	began := time.Now()
	if err := send(ctx, o, load, p.api, p.key); err != nil {
		return r, err
	}
	r.acknowledged = time.Since(began)
	for p.waiting() > 0 {
		time.Sleep(2 * time.Millisecond)
	}
	r.loaded = time.Since(began)
	r.peakMemory = peakMemory(p.cmd.Process.Pid)

	w, err := warehouse.Open(ctx, warehouse.Config{Data: p.data})
	if err != nil {
		return r, err
	}
	defer w.Close()
	var stored uint64
	if err := w.QueryRow(ctx, "SELECT count() FROM events").Scan(&stored); err != nil {
		return r, err
	}
	if stored != uint64(load.events) {
		return r, fmt.Errorf("%d events are stored, %d were sent", stored, load.events)
	}
	if keepRows {
		r.rows, err = readRows(ctx, w)
	}
	return r, err
}

// reach waits until the service is ready and answers where it is, its write key and its read key.
func reach(ctx context.Context, binary, data string) (api, key, readKey string, err error) {
	var facts struct {
		API string `json:"api"`
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) || ctx.Err() != nil {
			return "", "", "", errors.New("the service is not ready")
		}
		text, err := os.ReadFile(filepath.Join(data, "service.json"))
		if err != nil || json.Unmarshal(text, &facts) != nil {
			continue
		}
		if answer, err := http.Get(facts.API + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				break
			}
		}
	}
	out, err := exec.CommandContext(ctx, binary, "keys", "--data", data).Output()
	if err != nil {
		return "", "", "", err
	}
	var keys struct {
		WriteKey string `json:"write_key"`
		ReadKey  string `json:"read_key"`
	}
	err = json.Unmarshal(out, &keys)
	return facts.API, keys.WriteKey, keys.ReadKey, err
}

// send posts every body once, in order, on o.connections connections.
func send(ctx context.Context, o options, load workload, api, key string) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: o.connections}}
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range o.connections {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(load.bodies) {
					return nil
				}
				if _, err := post(ctx, client, api, key, load.bodies[i]); err != nil {
					return fmt.Errorf("request %d: %w", i, err)
				}
			}
		})
	}
	return g.Wait()
}

// peakMemory reads the process's high-water mark; 0 where /proc has none.
func peakMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, found := bytes.Cut(status, []byte("VmHWM:"))
	if !found {
		return 0
	}
	var kib int64
	if _, err := fmt.Sscan(string(after[:min(len(after), 40)]), &kib); err != nil {
		return 0
	}
	return kib << 10
}

// clockTick is the unit of /proc/PID/stat: Linux has a hundred a second wherever Go runs.
const clockTick = 10 * time.Millisecond

// processorTime is what a process has used so far, user and kernel; 0 where /proc has none.
func processorTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(text, []byte(") ")) // the name may hold anything but this
	fields := bytes.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	var user, system int64
	if _, err := fmt.Sscan(string(fields[11])+" "+string(fields[12]), &user, &system); err != nil {
		return 0
	}
	return time.Duration(user+system) * clockTick
}
