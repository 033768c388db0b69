package background

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestLoop(t *testing.T) {
	type at = time.Duration
	for _, c := range []struct {
		name string
		loop Loop
		took time.Duration
		sent []at  // when news is sent
		fail []int // which of the runs fail
		want []at  // when the work begins, in the first minute
	}{
		{"nobody sends news, nobody looks longer", Loop{Every: 20 * time.Second}, 0, nil, nil, []at{0, 20 * time.Second, 40 * time.Second}},
		{"it is looked now and then", Loop{Every: time.Second, Look: 25 * time.Second}, 2 * time.Second, nil, nil, []at{0, 25 * time.Second, 50 * time.Second}},
		{"news are followed at once", Loop{Every: time.Second, Look: 50 * time.Second}, 0, []at{10 * time.Second, 20 * time.Second}, nil, []at{0, 10 * time.Second, 20 * time.Second}},
		{"news that come during the work or the rest are followed after it", Loop{Every: time.Second, Look: 50 * time.Second}, 4 * time.Second, []at{2 * time.Second, 14 * time.Second}, nil,
			[]at{0, 8 * time.Second, 16 * time.Second}},
		{"after an error it is tried again, ever more rarely", Loop{Every: 4 * time.Second, Look: time.Hour}, 0, nil, []int{0, 1, 2}, []at{0, 4 * time.Second, 12 * time.Second, 28 * time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 59*time.Second)
				defer cancel()
				var news Signal
				for _, when := range c.sent {
					time.AfterFunc(when, news.Send)
				}
				var runs []at
				told, works := 0, 0
				c.loop.News, c.loop.Failed, c.loop.Works = &news, func(error) { told++ }, func() { works++ }
				c.loop.Run(ctx, func(ctx context.Context) error {
					runs = append(runs, time.Since(began))
					if slices.Contains(c.fail, len(runs)-1) {
						return errors.New("no")
					}
					return Sleep(ctx, c.took)
				})
				if !slices.Equal(runs, c.want) {
					t.Errorf("worked at %s, want %s", runs, c.want)
				}
				if failed := min(1, len(c.fail)); told != failed || works != failed {
					t.Errorf("told %d times that it fails and %d times that it works again, want %d", told, works, failed)
				}
				if ended := time.Since(began); ended != 59*time.Second {
					t.Errorf("ended after %s, and the context after 59s", ended)
				}
			})
		})
	}
}
