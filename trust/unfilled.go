package trust

import (
	"slices"
	"sync"
	"time"
)

// unfilled is what of the months that rollups lack could not be filled in, as far as this process tried. The zero value is ready; it is safe for
// concurrent use.
type unfilled struct {
	mu sync.Mutex
	of map[owed]failed
}

// owed is a month of a rollup.
type owed struct{ table, month string }

func (l Lacking) owed() owed { return owed{l.Table, l.Month} }

// failed is how often it failed, when it is due again, and why the last attempt failed.
type failed struct {
	attempts int
	due      time.Time
	why      string
}

// A month that failed is tried again after firstAgain, then after twice as long each time, and in the end every lastAgain. From the attempt patience
// on nobody should wait for it: what a minute does not cure may last.
const (
	firstAgain = time.Minute
	lastAgain  = time.Hour
	patience   = 3
)

// choose answers what to fill in next, of one month; lacking has the newest first. What is not lacking any more is forgotten.
func (u *unfilled) choose(lacking []Lacking, now time.Time) (chosen []Lacking) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for o := range u.of {
		if !slices.ContainsFunc(lacking, func(l Lacking) bool { return l.owed() == o }) {
			delete(u.of, o)
		}
	}
	for _, l := range lacking {
		if _, before := u.of[l.owed()]; !before && (len(chosen) == 0 || chosen[0].Month == l.Month) {
			chosen = append(chosen, l)
		}
	}
	if len(chosen) > 0 {
		return chosen
	}
	for _, l := range lacking {
		if !now.Before(u.of[l.owed()].due) {
			return []Lacking{l}
		}
	}
	return nil
}

// note remembers that the months could not be filled in, and answers after how long they are due again, and whether one of them failed the first time.
func (u *unfilled) note(months []Lacking, why error, now time.Time) (again time.Duration, first bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of == nil {
		u.of = map[owed]failed{}
	}
	for _, l := range months {
		f := u.of[l.owed()]
		first = first || f.attempts == 0
		again = lastAgain
		if f.attempts < 6 { // 64 minutes
			again = firstAgain << f.attempts
		}
		u.of[l.owed()] = failed{f.attempts + 1, now.Add(again), why.Error()}
	}
	return again, first
}

// explain is lacking with what is known of failures.
func (u *unfilled) explain(lacking []Lacking) []Lacking {
	u.mu.Lock()
	defer u.mu.Unlock()
	explained := slices.Clone(lacking)
	for i, l := range explained {
		f := u.of[l.owed()]
		explained[i].Attempts, explained[i].Error = f.attempts, f.why
	}
	return explained
}

func (u *unfilled) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.of)
}

func tablesOf(lacking []Lacking) (tables []string) {
	for _, l := range lacking {
		tables = append(tables, l.Table)
	}
	return tables
}
