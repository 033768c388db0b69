package ingest

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"
)

// burstSeconds is how much of its rate a source that was quiet may send at once.
const burstSeconds = 10

// rates limit the records per second of each source, kept or rejected.
//
// A source may go into debt: as long as it has a single record left, a body of any size passes, and what it takes too much is paid off before the next one. So every
// body that limits.batch allows can be accepted some time, however low the rate, and how long somebody has to wait does not depend on what they are about to send:
// it can be said before a body is read, and is true afterwards.
type rates struct {
	perSecond float64            // of sources that have no rate of their own; 0: no limit
	own       map[string]float64 // by source
	mu        sync.Mutex
	accounts  map[string]*account
}

// account is how many records a source may send still; below 1 it has to wait.
type account struct {
	left float64
	at   time.Time
}

// of is the rate of a source, records per second; 0 is no limit.
func (r *rates) of(source string) float64 {
	if own, ok := r.own[source]; ok {
		return own
	}
	return r.perSecond
}

// account is that of a source as of now, and how long it has to wait. r.mu is held.
func (r *rates) account(source string, perSecond float64, now time.Time) (a *account, wait time.Duration) {
	full := max(1, burstSeconds*perSecond)
	if a = r.accounts[source]; a == nil {
		if r.accounts == nil {
			r.accounts = make(map[string]*account)
		}
		a = &account{full, now}
		r.accounts[source] = a
	}
	if passed := now.Sub(a.at); passed > 0 { // a clock that was set back gives nothing and takes nothing
		a.left = min(full, a.left+passed.Seconds()*perSecond)
	}
	a.at = now
	if missing := 1 - a.left; missing > 1e-6 { // what sums of fractions are wrong by
		wait = time.Duration(math.Ceil(missing / perSecond * float64(time.Second)))
	}
	return a, wait
}

// exhausted says how long a source has to wait, before its body is read.
func (r *rates) exhausted(source string, now time.Time) time.Duration { return r.take(source, 0, now) }

// take lets n records of a source pass, or says how long to wait for any number of them.
func (r *rates) take(source string, n int, now time.Time) (wait time.Duration) {
	perSecond := r.of(source)
	if perSecond <= 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a, wait := r.account(source, perSecond, now)
	if wait == 0 {
		a.left -= float64(n)
	}
	return wait
}

// give takes back what was taken for records that were not kept for a reason that is not the sender's, who is to send them again.
func (r *rates) give(source string, n int) {
	if r.of(source) <= 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.accounts[source]; a != nil {
		a.left += float64(n)
	}
}

// limited says whether the sender of a request has a rate: our own commands have none, or a historic load would take as long as history did.
func limited(ctx context.Context) bool { return ctx.Value(localKey{}) == nil }

func tooFast(wait time.Duration) error {
	return &Error{Status: http.StatusTooManyRequests, Code: "too_many_events", RetryAfter: wait,
		Message: fmt.Sprintf("this source sends more events than it may; there is room again in %s", wait.Round(time.Millisecond)),
		Help:    "nothing of this request was kept; send it again after the time in Retry-After"}
}
