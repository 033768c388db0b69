package background

import (
	"context"
	"time"
)

// Loop is work that is done again and again: whenever there is news, and now and then without.
type Loop struct {
	Every  time.Duration // it rests this long at least, see Rest
	Look   time.Duration // it is done after this long although nobody sent news; less than Every: Every
	News   *Signal       // says that there may be something to do; nil: nobody does
	Busy   func() bool   // says that something more urgent needs the processors; nil: never
	Failed func(error)   // is told of the first error in a row; nil: nobody is
	Works  func()        // is told that it works again; nil: nobody is
}

// longestRetry is the longest wait after an error. It begins with Every, and doubles.
const longestRetry = 30 * time.Second

// Run does work, at once for the first time, until ctx ends.
func (l Loop) Run(ctx context.Context, work func(context.Context) error) {
	retry := time.Duration(0)
	for {
		news := l.News.Next() // before the work, so that nothing is missed between
		began := time.Now()
		err := work(ctx)
		took := time.Since(began)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if l.Failed != nil && retry == 0 {
				l.Failed(err)
			}
			retry = min(max(l.Every, 2*retry), longestRetry)
			if Sleep(ctx, retry) != nil {
				return
			}
			continue
		case retry > 0:
			if retry = 0; l.Works != nil {
				l.Works()
			}
		}
		if Rest(ctx, l.Every, took, l.Busy) != nil || Wait(ctx, news, l.Look-time.Since(began)) != nil {
			return
		}
	}
}
