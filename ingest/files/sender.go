package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Doer is what sends requests: an *http.Client, over the network or a unix socket, or a service in the same process.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// answer is what POST /v1/events says about a request.
type answer struct {
	Accepted   int64     `json:"accepted"`
	Duplicates int64     `json:"duplicates"`
	Rejected   []refusal `json:"rejected"`
}

// refusal is a message that the service does not take. Index is that of the message in the request.
type refusal struct {
	Index  int    `json:"index"`
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// StoppedError says that the service refused a request in a way that trying again does not mend.
type StoppedError struct {
	Status  int    // of HTTP
	Message string // the service's own
}

func (e *StoppedError) Error() string {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Sprintf("the service refuses the write key (%d): %s", e.Status, e.Message)
	}
	return fmt.Sprintf("the service refuses the messages (%d): %s", e.Status, e.Message)
}

// busyError says that a request may be sent again, and when.
type busyError struct {
	reason string
	after  time.Duration // 0: not said
}

func (e *busyError) Error() string { return e.reason }

func (e *busyError) Unwrap() error {
	if e.after > 0 {
		return &backoff.RetryAfterError{Duration: e.after}
	}
	return nil
}

var errTooLarge = errors.New("request too large")

// sender posts batches. Sending one again is safe, because every message has its id.
type sender struct {
	client    Doer
	url       string
	key       string
	source    string // "" leaves it to the key
	firstWait time.Duration
	giveUp    time.Duration
	onRetry   func(error, time.Duration)
}

// send posts messages [from, to) of a batch until the service has answered for each, and gives the answers to each.
// A request that is too large for the service is halved.
func (s *sender) send(ctx context.Context, b *batch, from, to int, each func(from int, a *answer)) error {
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.MaxInterval = s.firstWait, 30*time.Second
	a, err := backoff.Retry(ctx, func() (*answer, error) { return s.post(ctx, b.messages(from, to), to-from) },
		backoff.WithBackOff(waits), backoff.WithMaxElapsedTime(s.giveUp), backoff.WithNotify(s.onRetry))
	var busy *busyError
	switch {
	case err == nil:
		each(from, a)
		return nil
	case errors.Is(err, errTooLarge) && to-from > 1:
		middle := (from + to) / 2
		if err := s.send(ctx, b, from, middle, each); err != nil {
			return err
		}
		return s.send(ctx, b, middle, to, each)
	case errors.Is(err, errTooLarge):
		reason := fmt.Sprintf("a message of %d bytes is too large for the service", len(b.messages(from, to)))
		each(from, &answer{Rejected: []refusal{{Reason: reason}}})
		return nil
	case errors.As(err, &busy):
		return fmt.Errorf("gave up after %v of trying, load the file again to go on: %w", s.giveUp, err)
	}
	return err
}

// post sends one request. An error that is not permanent may be tried again.
func (s *sender) post(ctx context.Context, body []byte, messages int) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return nil, backoff.Permanent(fmt.Errorf("make request: %w", err))
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("User-Agent", "livello-load")
	if s.key != "" {
		req.Header.Set("Authorization", "Bearer "+s.key)
	}
	if s.source != "" {
		req.Header.Set("X-Livello-Source", s.source)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, backoff.Permanent(context.Cause(ctx))
		}
		return nil, &busyError{reason: err.Error()}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, &busyError{reason: "read answer: " + err.Error()}
	}
	switch code := resp.StatusCode; {
	case code == http.StatusOK || code == http.StatusAccepted:
		a, err := readAnswer(text, messages)
		if err != nil {
			return nil, backoff.Permanent(err)
		}
		return a, nil
	case code == http.StatusRequestEntityTooLarge:
		return nil, backoff.Permanent(errTooLarge)
	case code == http.StatusTooManyRequests || code >= 500:
		return nil, &busyError{fmt.Sprintf("the service answers %d: %s", code, message(text)), retryAfter(resp.Header.Get("Retry-After"))}
	default:
		return nil, backoff.Permanent(&StoppedError{code, message(text)})
	}
}

// readAnswer reads what became of a request's messages and checks that every one is accounted for.
func readAnswer(text []byte, messages int) (*answer, error) {
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, fmt.Errorf("read the answer of the service: %w; is this the address of Livello?", err)
	}
	if n := a.Accepted + a.Duplicates + int64(len(a.Rejected)); n != int64(messages) {
		return nil, fmt.Errorf("the service was sent %d messages and accounts for %d: %s", messages, n, clip(text))
	}
	for _, r := range a.Rejected {
		if r.Index < 0 || r.Index >= messages {
			return nil, fmt.Errorf("the service rejects message %d of %d", r.Index, messages)
		}
	}
	return &a, nil
}

// message is what an error answer says, whichever of the usual forms it has.
func message(text []byte) string {
	var forms struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
		Reason  string          `json:"reason"`
	}
	if json.Unmarshal(text, &forms) == nil {
		var plain string
		var inner struct{ Message, Help string }
		if json.Unmarshal(forms.Error, &plain) != nil && json.Unmarshal(forms.Error, &inner) == nil {
			plain = inner.Message
			if inner.Help != "" {
				plain += "; " + inner.Help
			}
		}
		var said []string
		for _, s := range []string{plain, forms.Message, forms.Reason} {
			if s != "" {
				said = append(said, s)
			}
		}
		if len(said) > 0 {
			return strings.Join(said, ": ")
		}
	}
	const most = 500
	return strings.TrimSpace(string(text[:min(most, len(text))]))
}

// retryAfter reads the header's seconds or date.
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
