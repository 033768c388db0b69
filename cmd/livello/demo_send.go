package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/livello/livello/measurements"
	"github.com/livello/livello/simulate"
)

const (
	demoBatch   = 1000
	demoSenders = 3
)

// sendPast sends the simulation through the HTTP port, as any sender would, and waits until it can be queried.
// Messages before from are left out.
func (p *program) sendPast(ctx context.Context, s *service, sim simulate.Config, from time.Time) (came, error) {
	audience, err := simulate.New(sim)
	if err != nil {
		return came{}, err
	}
	measured, err := sendMeasurements(ctx, s, audience.Measurements())
	if err != nil {
		return came{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan []byte, demoSenders)
	var mu sync.Mutex
	in := came{measured: measured}
	bar := p.bar(sim.Start, sim.End)
	var senders sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: demoSenders}}
	began := time.Now()
	for range demoSenders {
		senders.Go(func() {
			for batch := range batches {
				answer, err := send(ctx, client, s, batch)
				if err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				in.accepted += answer.Accepted
				in.duplicates += answer.Duplicates
				in.rejected += len(answer.Rejected)
				mu.Unlock()
			}
		})
	}
	for batch := range audience.Batches(demoBatch) {
		if batch.Until.Before(from) {
			continue
		}
		select {
		case batches <- bytes.Clone(batch.NDJSON):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		if err := bar.Set64(max(0, int64(batch.Until.Sub(sim.Start)/time.Hour))); err != nil {
			return came{}, fmt.Errorf("progress bar: %w", err)
		}
	}
	close(batches)
	senders.Wait()
	if ctx.Err() != nil {
		return came{}, context.Cause(ctx)
	}
	if err := bar.Finish(); err != nil {
		return came{}, fmt.Errorf("progress bar: %w", err)
	}
	in.sending = time.Since(began)
	began = time.Now()
	if err := s.waitResolved(ctx); err != nil {
		return came{}, err
	}
	in.loading = time.Since(began)
	return in, nil
}

// bar counts simulated hours: how many events they hold is known only at the end. It is silent where nobody watches.
func (p *program) bar(start, end time.Time) *progressbar.ProgressBar {
	w := io.Discard
	if isTerminal(p.stderr) {
		w = p.stderr
	}
	return progressbar.NewOptions64(max(1, int64(end.Sub(start)/time.Hour)),
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("sending what happened"), progressbar.OptionSetWidth(40),
		progressbar.OptionSetElapsedTime(false), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
}

// sent is the answer of /v1/events and /v1/measurements.
type sent struct {
	Accepted, Duplicates int
	Rejected             []json.RawMessage
}

// send posts NDJSON events.
func send(ctx context.Context, client *http.Client, s *service, ndjson []byte) (sent, error) {
	return post(ctx, client, s, "/v1/events", ndjson)
}

// sendMeasurements posts NDJSON measurements and says how many they are. Nothing is counted twice when they were sent before.
func sendMeasurements(ctx context.Context, s *service, ndjson []byte) (int, error) {
	answer, err := post(ctx, &http.Client{}, s, measurements.Path, ndjson)
	if err == nil && len(answer.Rejected) > 0 {
		err = fmt.Errorf("send measurements: %d rejected, the first: %s", len(answer.Rejected), answer.Rejected[0])
	}
	return answer.Accepted, err
}

// post sends one NDJSON body. When the service asks to come back later it does.
func post(ctx context.Context, client *http.Client, s *service, path string, ndjson []byte) (sent, error) {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.facts.API+path, bytes.NewReader(ndjson))
		if err != nil {
			return sent{}, err
		}
		req.Header.Set("Authorization", "Bearer "+s.keys.WriteKey)
		req.Header.Set("Content-Type", "application/x-ndjson")
		answer, err := client.Do(req)
		if err != nil {
			return sent{}, fmt.Errorf("send to %s: %w", path, err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		switch {
		case err != nil:
			return sent{}, fmt.Errorf("read answer: %w", err)
		case answer.StatusCode == http.StatusServiceUnavailable, answer.StatusCode == http.StatusTooManyRequests:
			select {
			case <-time.After(time.Second):
				continue
			case <-ctx.Done():
				return sent{}, ctx.Err()
			}
		case answer.StatusCode != http.StatusAccepted && answer.StatusCode != http.StatusOK:
			return sent{}, fmt.Errorf("send to %s: %s: %s", path, answer.Status, strings.TrimSpace(string(body)))
		}
		var result sent
		if err := json.Unmarshal(body, &result); err != nil {
			return sent{}, fmt.Errorf("read answer: %w", err)
		}
		return result, nil
	}
}

// trickle lets the audience go on living, a visit or two a second, until ctx ends.
func (p *program) trickle(ctx context.Context, s *service, sim simulate.Config) error {
	live, err := simulate.NewLive(sim, uint64(time.Now().UnixNano()))
	if err != nil {
		return err
	}
	tick := time.NewTicker(700 * time.Millisecond)
	defer tick.Stop()
	client := &http.Client{}
	began, events := time.Now(), 0
	fmt.Fprintln(p.stdout, "\nLive events of the same people keep coming until Ctrl-C.")
	var body []byte
	for {
		select {
		case <-ctx.Done():
			fmt.Fprintln(p.stdout, "\nstopping")
			return nil
		case err := <-s.failed:
			return err
		case now := <-tick.C:
			var n int
			body, n = live.Next(body[:0], now)
			if n == 0 {
				continue
			}
			answer, err := send(ctx, client, s, body)
			if errors.Is(err, context.Canceled) {
				continue
			}
			if err != nil {
				return err
			}
			events += answer.Accepted
			if isTerminal(p.stdout) {
				fmt.Fprintf(p.stdout, "\r%d so far in %s ", events, time.Since(began).Round(time.Second))
			}
		}
	}
}
