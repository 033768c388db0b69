package background

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// turn is a lock of the kind whose waiting the clock of a test knows of: it stands still while a sync.Mutex is waited for.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) Lock()   { t <- struct{}{} }
func (t turn) Unlock() { <-t }

func (t turn) free() bool { return len(t) == 0 }

func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newTurn(), newTurn()
		release, err := Hold(t.Context(), a, b)
		if err != nil {
			t.Fatal(err)
		}
		if a.free() || b.free() {
			t.Fatal("held, and not locked")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := Hold(ctx, a, b); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Fatalf("held twice, after %s: %v", time.Since(began), err)
		}
		if _, err := Hold(ctx, a); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the context had ended: %v", err)
		}
		release()
		synctest.Wait() // the one that gave up has both now, and lets them go
		if !a.free() || !b.free() {
			t.Error("what was given up or released is still locked")
		}
	})
}

func TestHoldGivesUpHalfway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newTurn(), newTurn()
		second.Lock()
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := Hold(ctx, first, second)
			failed <- err
		}()
		time.Sleep(time.Second)
		if first.free() {
			t.Error("the first was not locked in its turn")
		}
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		second.Unlock()
		synctest.Wait()
		if !first.free() || !second.free() {
			t.Error("what was given up is still locked")
		}
	})
}
