package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// runSingle sends single events on o.connections connections, to the service and to a bare Echo route in turn.
func runSingle(ctx context.Context, o options, load workload, work string) (err error) {
	p, err := startProcess(ctx, o, work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	bare, barePID, stop, err := startBareEcho(ctx)
	if err != nil {
		return err
	}
	defer stop()
	var ours, theirs, ourCPU, theirCPU []float64
	for i := range o.runs {
		a, err := hammer(o, p.api, p.cmd.Process.Pid, p.key, load, i)
		if err != nil {
			return err
		}
		b, err := hammer(o, bare, barePID, p.key, load, i)
		if err != nil {
			return err
		}
		ours, theirs = append(ours, a.rate), append(theirs, b.rate)
		ourCPU, theirCPU = append(ourCPU, a.cpu), append(theirCPU, b.cpu)
		fmt.Printf("  run %d: service %6.0f requests/s (p50 %s, p99 %s), bare Echo %6.0f (p99 %s), ratio %.2f\n", i+1, a.rate,
			quantile(a.took, .5), quantile(a.took, .99), b.rate, quantile(b.took, .99), a.rate/b.rate)
	}
	fmt.Printf("single events, %d connections, answered after fsync: %.0f requests/s, ratio to a bare Echo route %.2f\n",
		o.connections, median(ours), median(ratios(ours, theirs)))
	fmt.Printf("processor time a request: service with its engine %.0f us, bare Echo %.0f us\n", median(ourCPU)*1e6, median(theirCPU)*1e6)
	return nil
}

type hammered struct {
	rate float64
	cpu  float64         // seconds of processor time of the server, a request
	took []time.Duration // sorted
}

// hammer keeps every connection busy for o.length with a client that does no more than it must.
func hammer(o options, api string, pid int, key string, load workload, run int) (hammered, error) {
	u, err := url.Parse(api)
	if err != nil {
		return hammered{}, err
	}
	var messages [][]byte
	for _, body := range load.bodies[:min(len(load.bodies), 20)] {
		messages = append(messages, bytes.Split(bytes.TrimSpace(body), []byte{'\n'})...)
	}
	perConnection := make([][]time.Duration, o.connections)
	errs := make([]error, o.connections)
	deadline := time.Now().Add(o.length)
	began, used := time.Now(), processorTime(pid)
	var wg sync.WaitGroup
	for i := range o.connections {
		wg.Go(func() {
			conn, err := net.Dial("tcp", u.Host)
			if err != nil {
				errs[i] = err
				return
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			var request []byte
			for n := 0; time.Now().Before(deadline); n++ {
				body := bytes.Clone(messages[(n*o.connections+i)%len(messages)])
				renew(body, run*o.connections+i, n)
				request = fmt.Appendf(request[:0], "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", key, len(body))
				request = append(request, body...)
				sent := time.Now()
				if _, errs[i] = conn.Write(request); errs[i] != nil {
					return
				}
				if errs[i] = readAnswer(in); errs[i] != nil {
					return
				}
				perConnection[i] = append(perConnection[i], time.Since(sent))
			}
		})
	}
	wg.Wait()
	took := slices.Concat(perConnection...)
	slices.Sort(took)
	for _, err := range errs {
		if err != nil {
			return hammered{}, err
		}
	}
	return hammered{float64(len(took)) / time.Since(began).Seconds(), (processorTime(pid) - used).Seconds() / float64(len(took)), took}, nil
}

// renew makes a message a new event that happens now, as that of somebody who sends events one by one does. sender and n tell it from all others.
func renew(message []byte, sender, n int) {
	const id, when = `"messageId":"`, `"timestamp":"`
	if at := bytes.Index(message, []byte(id)); at >= 0 {
		copy(message[at+len(id):], fmt.Sprintf("%02x%06x", sender, n))
	}
	if at := bytes.Index(message, []byte(when)); at >= 0 {
		copy(message[at+len(when):], time.Now().UTC().Format("2006-01-02T15:04:05"))
	}
}

// readAnswer reads one HTTP answer with a Content-Length and expects success.
func readAnswer(in *bufio.Reader) error {
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		text := strings.TrimSpace(string(line))
		if first && !strings.Contains(text, " 20") {
			return fmt.Errorf("the answer is %s", text)
		}
		if text == "" {
			break
		}
		if name, value, ok := strings.Cut(text, ":"); ok && strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
	}
	_, err := in.Discard(length)
	return err
}

// bareEchoFlag makes this program the bare Echo server.
const bareEchoFlag = "-bare-echo"

// startBareEcho runs it in a process of its own, as the service is.
func startBareEcho(ctx context.Context) (api string, pid int, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", 0, nil, err
	}
	cmd := exec.CommandContext(ctx, self, bareEchoFlag)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", 0, nil, err
	}
	stop = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	line, err := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line), cmd.Process.Pid, stop, err
}

// serveBareEcho reads and discards bodies.
func serveBareEcho() error {
	e := echo.New()
	e.POST("/v1/events", func(c echo.Context) error {
		if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
			return err
		}
		return c.JSONBlob(http.StatusAccepted, []byte(`{"accepted":1}`))
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	return http.Serve(listener, e)
}
