package ingest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

func pages(n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(`{"type":"page","userId":"u"},`, n), ",") + "]"
}

// Whoever waits as long as Retry-After says is let in, with a body of any size; and over an hour nobody sends more than their rate, 10 s of it and one body.
func TestRetryAfterIsTrue(t *testing.T) {
	for _, c := range []struct {
		rate float64
		body int // events
	}{{0.05, 1}, {0.3, 7}, {5, 1}, {5, 500}, {7.7, 20}, {100, 500}, {100, 20_000}} {
		t.Run(fmt.Sprintf("%d at once, %g a second", c.body, c.rate), func(t *testing.T) {
			r := rates{perSecond: c.rate}
			now := arrival
			var sent int
			for now.Before(arrival.Add(time.Hour)) {
				wait := r.take("web", c.body, now)
				if wait == 0 {
					sent += c.body
					continue
				}
				if said := r.exhausted("web", now); said != wait {
					t.Fatalf("before the body is read %s are to wait, after that %s", said, wait)
				}
				now = now.Add(wait)
				if again := r.take("web", c.body, now); again != 0 {
					t.Fatalf("after %s there are %s to wait still", wait, again)
				}
				sent += c.body
			}
			if most, least := c.rate*(3600+burstSeconds)+float64(2*c.body)+1, c.rate*3600-float64(c.body); float64(sent) > most || float64(sent) < least {
				t.Errorf("%d events in an hour, want %g to %g", sent, least, most)
			}
		})
	}
}

func TestRates(t *testing.T) {
	now := arrival
	s := start(t, func(o *Options) {
		o.Limits.Rate, o.Limits.Rates = 5, map[string]float64{"shop": 0}
		o.Now = func() time.Time { return now }
	})
	send := func(body string) answer { return s.post(t, "/v1/events", body) }
	wants := func(what string, a answer, status int, after string) {
		t.Helper()
		if a.status != status || a.header.Get("Retry-After") != after || status == 429 && a.Body.Error.Code != "too_many_events" {
			t.Errorf("%s: %d, Retry-After %q, %s; want %d, %q", what, a.status, a.header.Get("Retry-After"), a.text, status, after)
		}
	}
	wants("10 s of the rate at once", send(pages(50)), 202, "")
	wants("one more", send(pages(1)), 429, "1")
	now = now.Add(10 * time.Second)
	wants("more than 10 s of the rate", send(pages(500)), 202, "")
	wants("which is paid off", send(pages(1)), 429, "91")
	now = now.Add(90 * time.Second)
	wants("not yet", send(pages(500)), 429, "1")
	now = now.Add(time.Second)
	wants("after that any number", send(pages(500)), 202, "")
	for i := range 3 { // no limit of its own
		if a := s.post(t, "/v1/events", pages(500), "Authorization", "Bearer "+shopKey); a.status != 202 {
			t.Errorf("body %d of a source without a limit: %d %s", i+1, a.status, a.text)
		}
	}

	// What is rejected costs as much: ten without a type; no JSON at all; nothing at all.
	for rejected, cost := range map[string]int{strings.Repeat("{\"userId\":\"u\"}\n", 10): 10, "{": 1, "[]": 1} {
		now = now.Add(time.Hour)
		wants("before "+rejected, send(pages(50-cost)), 202, "")
		if a := send(rejected); a.status == 429 {
			t.Errorf("%q: %d %s", rejected, a.status, a.text)
		}
		wants("after "+rejected, send(pages(1)), 429, "1")
	}

	// What cannot be kept for our reasons costs nothing.
	now = now.Add(time.Hour)
	s.log.fails = errors.New("disk")
	if a := send(pages(500)); a.status != 500 {
		t.Errorf("%d %s", a.status, a.text)
	}
	s.log.fails = nil
	wants("the same again", send(pages(500)), 202, "")

	// Our own commands on this machine have no limit.
	w := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(pages(500)))
	req.Header.Set("Authorization", "Bearer "+ownKey)
	Local(s.Config.Handler).ServeHTTP(w, req)
	if w.Code != http.StatusAccepted {
		t.Errorf("a command of our own: %d %s", w.Code, w.Body)
	}
	wants("and do not help others", send(pages(1)), 429, "91")
}

// What is no event counts as well, as the one who answers for it says.
func TestRateOfOtherRoutes(t *testing.T) {
	now := arrival
	records, fails := 1, false
	s := start(t, func(o *Options) {
		o.Limits.Rate = 0.5
		o.Now = func() time.Time { return now }
	})
	s.service.Route(s.echo, "/v1/other", func(c echo.Context, in Received) error {
		if err := in.Charge(records); err != nil {
			return err
		}
		if fails {
			in.Refund(records)
			return errors.New("not now")
		}
		return c.NoContent(http.StatusOK)
	})
	for i, c := range []struct {
		records, status int
		fails           bool
	}{{4, 200, false}, {3, 500, true}, {3, 200, false}, {1, 429, false}, {1, 200, false}} {
		records, fails = c.records, c.fails
		a := s.post(t, "/v1/other", "x")
		if a.status != c.status {
			t.Fatalf("request %d: %d %s, want %d", i+1, a.status, a.text, c.status)
		}
		if after := a.header.Get("Retry-After"); after != "" {
			seconds, err := strconv.Atoi(after)
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Duration(seconds) * time.Second)
		}
	}
}
