package trust

import (
	"slices"
	"sync"
	"time"
)

// unfilled is what of the months that rollups lack could not be filled in, as far as this process tried, and what an earlier one gave up. The zero value is
// ready; it is safe for concurrent use.
type unfilled struct {
	mu sync.Mutex
	of map[owed]failed
}

// owed is a month of a rollup.
type owed struct{ table, month string }

func (l Lacking) owed() owed { return owed{l.Table, l.Month} }

// failed is how often it failed, when it is due again, why the last attempt failed, and whether that was of this process.
type failed struct {
	attempts int
	due      time.Time
	why      string
	here     bool
}

// A month that failed is tried again after firstAgain, then after twice as long each time, and in the end every lastAgain. From the attempt patience
// on nobody should wait for it: what a minute does not cure may last.
const (
	firstAgain = time.Minute
	lastAgain  = time.Hour
	patience   = 3
)

// choose answers what to fill in next, of one month; lacking has the newest first. What is not lacking any more is forgotten, and what an earlier process gave
// up is due at once, behind the others: a restart may be what mends it.
func (u *unfilled) choose(lacking []Lacking, now time.Time) (chosen []Lacking) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for o := range u.of {
		if !slices.ContainsFunc(lacking, func(l Lacking) bool { return l.owed() == o }) {
			delete(u.of, o)
		}
	}
	if u.of == nil {
		u.of = map[owed]failed{}
	}
	for _, l := range lacking {
		if _, here := u.of[l.owed()]; !here && l.Attempts > 0 {
			u.of[l.owed()] = failed{attempts: l.Attempts, due: now, why: l.Error}
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

// note remembers that the months could not be filled in, and answers after how long they are due again, whether one of them failed the first time as far as this
// process knows, and which nobody should wait for.
func (u *unfilled) note(months []Lacking, why error, now time.Time) (again time.Duration, first bool, hopeless []Lacking) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of == nil {
		u.of = map[owed]failed{}
	}
	for _, l := range months {
		f := u.of[l.owed()]
		first = first || !f.here
		again = lastAgain
		if f.attempts < 6 { // 64 minutes
			again = firstAgain << f.attempts
		}
		u.of[l.owed()] = failed{f.attempts + 1, now.Add(again), why.Error(), true}
		if f.attempts+1 >= patience {
			hopeless = append(hopeless, l)
		}
	}
	return again, first, hopeless
}

// explain is lacking with what is known of failures.
func (u *unfilled) explain(lacking []Lacking) []Lacking {
	u.mu.Lock()
	defer u.mu.Unlock()
	explained := slices.Clone(lacking)
	for i, l := range explained {
		if f, known := u.of[l.owed()]; known {
			explained[i].Attempts, explained[i].Error = f.attempts, f.why
		}
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
