package background

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := Sleep(t.Context(), time.Hour); err != nil || time.Since(began) != time.Hour {
			t.Errorf("slept %s: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		if err := Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("slept %s although the context ended: %v", time.Since(began), err)
		}
		if err := Sleep(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a context that has ended: %v", err)
		}
	})
}

func TestRest(t *testing.T) {
	const every = time.Second / 2
	for _, c := range []struct {
		name      string
		took      time.Duration
		busyUntil time.Duration
		want      time.Duration
	}{
		{"a short tick", time.Millisecond, 0, every},
		{"a long one", 70 * time.Second, 0, 70 * time.Second},
		{"a short one while loading is behind", time.Millisecond, time.Hour, 10 * every},
		{"a long one while loading is behind", 70 * time.Second, time.Hour, 700 * time.Second},
		{"loading is behind no longer than the rest that is due anyway", 70 * time.Second, 30 * time.Second, 70 * time.Second},
		{"loading is behind a little longer", 70 * time.Second, 71 * time.Second, 71 * time.Second},
		{"in the middle of a step", time.Millisecond, 700 * time.Millisecond, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				if err := Rest(t.Context(), every, c.took, func() bool { return time.Since(began) < c.busyUntil }); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(began); got != c.want {
					t.Errorf("rested %s, want %s", got, c.want)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		if err := Rest(t.Context(), every, 0, nil); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		if err := Rest(ctx, every, 0, func() bool { return true }); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 2*time.Second {
			t.Errorf("rested %s although the context ended: %v", time.Since(began), err)
		}
	})
}
