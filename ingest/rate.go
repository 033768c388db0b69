package ingest

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// rates limit the records per second of each source, kept or rejected. A burst may be as large as the largest body, so that every body can be
// accepted some time.
type rates struct {
	perSecond float64 // 0: no limit
	burst     int

	mu       sync.Mutex
	limiters map[string]*rate.Limiter
}

func (r *rates) limiter(source string) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.limiters[source]
	if l == nil {
		if r.limiters == nil {
			r.limiters = make(map[string]*rate.Limiter)
		}
		l = rate.NewLimiter(rate.Limit(r.perSecond), max(r.burst, int(r.perSecond)))
		r.limiters[source] = l
	}
	return l
}

// exhausted says how long a source has to wait for a single event, before its body is read.
func (r *rates) exhausted(source string, now time.Time) time.Duration {
	if r.perSecond <= 0 {
		return 0
	}
	if missing := 1 - r.limiter(source).TokensAt(now); missing > 0 {
		return time.Duration(missing / r.perSecond * float64(time.Second))
	}
	return 0
}

// charge counts a body that holds no records but had to be read. Whoever has nothing left is not stopped now but the next time.
func (r *rates) charge(source string, n int, now time.Time) {
	if r.perSecond > 0 {
		r.limiter(source).ReserveN(now, n)
	}
}

// take lets n records of a source pass, or says how long to wait.
func (r *rates) take(source string, n int, now time.Time) time.Duration {
	if r.perSecond <= 0 {
		return 0
	}
	reservation := r.limiter(source).ReserveN(now, n)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

func tooFast(wait time.Duration) error {
	return &Error{Status: http.StatusTooManyRequests, Code: "too_many_events", RetryAfter: wait,
		Message: fmt.Sprintf("this source sends more events than it may; there is room again in %s", wait.Round(time.Millisecond)),
		Help:    "nothing of this request was kept; send it again after the time in Retry-After"}
}
