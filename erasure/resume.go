package erasure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/internal/background"
	"github.com/livello/livello/internal/lease"
)

// Run goes on with what was cut off, by the end of the last process or by an error, until ctx ends.
func (e *Eraser) Run(ctx context.Context) {
	for {
		cutOff := e.cutOff.Next()
		for wait := firstResume; ; wait = min(2*wait, lastResume) {
			err := e.Resume(ctx)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				break
			}
			if wait == firstResume {
				e.o.Logger.Warn("an erasure that was cut off could not go on; trying again", "error", err)
			}
			if background.Sleep(ctx, wait) != nil {
				return
			}
		}
		var look <-chan time.Time
		if e.o.Shared {
			look = time.After(lookForOthers)
		}
		select {
		case <-cutOff:
		case <-look:
		case <-ctx.Done():
			return
		}
	}
}

// Times of Run: how long it waits before it tries again what fails, and how often it looks what other services on the database have left; and how long
// nothing was heard of an erasure of another service when this one goes on with it. Until then it is for the service in whose data folder it began, which
// has files of the person, too, and may only be starting again.
const (
	firstResume   = time.Second
	lastResume    = time.Minute
	lookForOthers = time.Minute
	abandoned     = 10 * time.Minute
)

// Resume reads what the tables say, and goes on with what was cut off: at once with what began in this data folder, and with what another service on the
// database began when it was abandoned.
func (e *Eraser) Resume(ctx context.Context) error {
	if quiet, err := e.quiet(ctx); err != nil || quiet {
		return err
	}
	e.one.Lock()
	defer e.one.Unlock()
	if e.o.Shared {
		if todo, err := e.todo(ctx); err != nil || !todo {
			return err
		}
	}
	return e.alone(ctx, func(ctx context.Context) error { return e.goOn(ctx, e.due) })
}

// quiet says that nothing has happened in a shared database since erasures were read, and nothing is to be done. It keeps nobody waiting: this is asked every minute,
// and the database may be away.
func (e *Eraser) quiet(ctx context.Context) (bool, error) {
	e.one.RLock()
	known, seen := e.o.Shared && e.read && len(e.begun) == 0, e.seen
	e.one.RUnlock()
	if !known {
		return false, nil
	}
	now, err := ask.Texts(ctx, e.o.DB, "SELECT concat(toString(count()), ' ', toString(countIf(state = 'begun') + (SELECT count() FROM erased_ids))) FROM erasures FINAL")
	if err != nil {
		return false, fmt.Errorf("look for erasures of other services: %w", err)
	}
	return len(now) == 1 && now[0] == fmt.Sprint(seen, " 0"), nil
}

// todo says whether there is something to go on with.
func (e *Eraser) todo(ctx context.Context) (bool, error) {
	e.read = false
	if err := e.load(ctx); err != nil {
		return false, err
	}
	for i := range e.begun {
		if e.due(&e.begun[i]) {
			return true, nil
		}
	}
	strays, err := e.strays(ctx)
	return len(strays) > 0, err
}

func (e *Eraser) due(w *work) bool { return !w.others || e.o.Now().Sub(w.heard) >= abandoned }

// goOn goes on with what was cut off, as far as it is meant.
func (e *Eraser) goOn(ctx context.Context, meant func(*work) bool) error {
	if e.o.Shared { // others have a say in it
		e.read = false
	}
	if err := e.load(ctx); err != nil {
		return err
	}
	if err := e.forget(ctx); err != nil {
		return err
	}
	var left []work
	for len(e.begun) > 0 {
		w := e.begun[0]
		if !meant(&w) {
			left, e.begun = append(left, w), e.begun[1:]
			continue
		}
		e.o.Logger.Info("going on with an erasure", "request", w.Request, "step", w.step)
		if err := e.run(ctx, &w); err != nil {
			e.begun = append(left, e.begun...)
			e.read = false
			return fmt.Errorf("go on with erasure %s: %w", w.Request, err)
		}
		e.begun = e.begun[1:]
	}
	e.begun = left
	return nil
}

// leaseName is the lease of the one service that erases.
const leaseName = "erasures"

// alone does something that only one of the services on the database may do at a time, as long as that one has the lease: two who erase would count and note
// the same rows, and recompute rollups into one another's shadows. Another one's erasure is waited for, however long it takes.
func (e *Eraser) alone(ctx context.Context, do func(context.Context) error) error {
	if !e.o.Shared {
		return do(ctx)
	}
	// Who waits for a lease waits for the database, too.
	if _, err := ask.Number(ctx, e.o.DB, "SELECT count() FROM leases"); err != nil {
		return fmt.Errorf("look who erases: %w", err)
	}
	waiting, end := context.WithCancel(ctx)
	defer end()
	err := errNeverAlone
	holding := lease.Lease{DB: e.o.DB, Name: leaseName, For: e.leaseFor, Logger: e.o.Logger}
	holding.While(waiting, func(ctx context.Context) {
		defer end()
		err = do(ctx)
	})
	return err
}

var errNeverAlone = errors.New("another service on the database erases, and did so until this one ended")
