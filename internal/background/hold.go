package background

import (
	"context"
	"slices"
	"sync"
)

// Hold locks the lockers in their order, however long that takes, and answers what unlocks them again; call it once. When ctx ends first the error is
// its, and nothing stays locked: a lock that is waited for cannot be given up, so the wait goes on until it is had, and it is unlocked at once.
func Hold(ctx context.Context, lockers ...sync.Locker) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	unlock := func(locked []sync.Locker) {
		for _, l := range slices.Backward(locked) {
			l.Unlock()
		}
	}
	held := make(chan struct{})
	go func() {
		for i, l := range lockers {
			l.Lock()
			if ctx.Err() != nil { // the others are not waited for while this one is locked
				unlock(lockers[:i+1])
				return
			}
		}
		select {
		case held <- struct{}{}:
		case <-ctx.Done():
			unlock(lockers)
		}
	}()
	select {
	case <-held:
		return func() { unlock(lockers) }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
