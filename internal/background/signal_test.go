package background

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Signal
		s.Send() // nobody waits
		first, second := s.Next(), s.Next()
		waits := func(woken <-chan struct{}) time.Duration {
			t.Helper()
			began := time.Now()
			if err := Wait(t.Context(), woken, time.Minute); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		if got := waits(first); got != time.Minute {
			t.Errorf("woken after %s although nothing was sent since Next", got)
		}
		// Sent between Next and Wait.
		s.Send()
		if a, b := waits(first), waits(second); a != 0 || b != 0 {
			t.Errorf("woken after %s and %s by what was sent before", a, b)
		}
		// Sent while waiting, to all who do, and again.
		for range 2 {
			woken := s.Next()
			done := make(chan time.Duration, 2)
			for range cap(done) {
				go func() { done <- waits(woken) }()
			}
			time.Sleep(time.Second)
			s.Send()
			if a, b := <-done, <-done; a != time.Second || b != time.Second {
				t.Errorf("woken after %s and %s, want a second", a, b)
			}
		}
		if got := waits(nil); got != time.Minute {
			t.Errorf("woken by nobody after %s", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := Wait(ctx, s.Next(), time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the context ended: %v", err)
		}
		if err := Wait(ctx, nil, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the context had ended: %v", err)
		}
	})
}
