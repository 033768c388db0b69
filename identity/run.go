package identity

import (
	"context"
	"time"

	"github.com/livello/livello/internal/background"
)

// every is how long Run rests at least.
const every = 500 * time.Millisecond

// Run calls Tick whenever there is news, and now and then without, until ctx ends. What goes wrong is logged when it begins, and tried again.
func (r *Resolver) Run(ctx context.Context) {
	r.running.Store(true)
	defer r.running.Store(false)
	r.RunBeside(ctx)
}

// RunBeside is Run where another resolver may run on the same database, which is the one that has the last word (Options.Shared).
func (r *Resolver) RunBeside(ctx context.Context) {
	background.Loop{
		Every: every, Look: r.look, News: r.news, Busy: r.busy,
		Failed: func(err error) { r.log.Warn("identities do not follow the events; trying again", "error", err) },
		Works:  func() { r.log.Info("identities follow the events again") },
	}.Run(ctx, func(ctx context.Context) error {
		_, err := r.Tick(ctx)
		return err
	})
}

// Forget has the next Tick read from the database how far identities are: another resolver may have been at it.
func (r *Resolver) Forget() {
	r.one.Lock()
	defer r.one.Unlock()
	r.known = false
	r.seen.forget()
}
