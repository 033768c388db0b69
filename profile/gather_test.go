package profile

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
)

// However many ask at once, each gets the answer to their own key, in look-ups of no more than the limit.
func TestGatherAnswersEachItsOwn(t *testing.T) {
	var mu sync.Mutex
	largest, looks := 0, 0
	g := gather[string, int]{most: 16, find: func(keys []string) []found[int] {
		mu.Lock()
		largest = max(largest, len(keys))
		looks++
		mu.Unlock()
		answers := make([]found[int], len(keys))
		for i, k := range keys {
			answers[i].value, answers[i].err = strconv.Atoi(k)
		}
		return answers
	}}
	var all sync.WaitGroup
	for i := range 2000 {
		all.Go(func() {
			if got, err := g.get(t.Context(), strconv.Itoa(i)); err != nil || got != i {
				t.Errorf("asked for %d, got %d, %v", i, got, err)
			}
		})
	}
	all.Wait()
	if _, err := g.get(t.Context(), "no number"); err == nil {
		t.Error("the error of a key did not reach who asked for it")
	}
	if largest > 16 || looks > 2001 {
		t.Errorf("%d look-ups, the largest of %d", looks, largest)
	}
}

// Who stops waiting goes away at once; the look-up goes on for the others.
func TestGatherLetsGo(t *testing.T) {
	blocked, release := make(chan struct{}), make(chan struct{})
	g := gather[string, string]{most: 1, find: func(keys []string) []found[string] {
		close(blocked)
		<-release
		return []found[string]{{value: keys[0]}}
	}}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := g.get(ctx, "a")
		gone <- err
	}()
	<-blocked
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who went away got %v", err)
	}
	close(release)
}
