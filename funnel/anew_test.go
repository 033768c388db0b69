package funnel_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/funnel"
	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/measurements"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"

	"github.com/shopspring/decimal"
)

// TestKeptIsWhatIsComputedAnew does, one after the other, everything that changes what days know, and has a process that starts in
// between compute what it finds due. What is kept then has to be what all days give when they are computed anew.
func TestKeptIsWhatIsComputedAnew(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := engine.Migrated(t)
	today := dayOf(time.Now())
	now := today.Add(12 * time.Hour)
	at := func(daysAgo int, clock string) time.Time {
		of, err := time.Parse(time.TimeOnly, clock)
		if err != nil {
			t.Fatal(err)
		}
		return today.AddDate(0, 0, -daysAgo).Add(of.Sub(of.Truncate(aDay)))
	}
	saw := func(id string, daysAgo int, clock string) did {
		return did{at: at(daysAgo, clock), person: id, id: id, kind: "page_view", channel: "web"}
	}
	paid := func(id string, daysAgo, value int, currency string) did {
		return did{at: at(daysAgo, "12:00:00"), person: id, id: id, kind: "purchase", channel: "store", value: int64(value), currency: currency}
	}
	came := func(events ...did) func() { return func() { store(t, db, "", world{}, events) } }
	exec := func(statement string, args ...any) {
		t.Helper()
		if err := db.Exec(ctx, statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	decided := func(at int, places ...string) func() { // id=person
		return func() {
			for _, place := range places {
				id, person, _ := strings.Cut(place, "=")
				exec("INSERT INTO person_map (distinct_id, person_id, since, at) VALUES (?, ?, '1980-01-01', fromUnixTimestamp64Milli(toInt64(?), 'UTC'))", id, person, at)
			}
		}
	}
	gone := func(id string) {
		for _, table := range []string{"events", "person_day", "person_month", "visit_day", "milestones"} {
			exec("DELETE FROM "+table+" WHERE distinct_id = ? SETTINGS lightweight_deletes_sync = 2", id)
		}
	}
	written := func() (last time.Time) {
		if err := db.QueryRow(ctx, "SELECT max(computed_at) FROM person_term_days").Scan(&last); err != nil {
			t.Fatal(err)
		}
		return last
	}
	keeper := func() *funnel.Keeper {
		return funnel.New(funnel.Options{DB: db, Now: func() time.Time { return now }})
	}

	for _, step := range []struct {
		what string
		do   func()
	}{
		{"history", came(
			saw("ann", 58, "09:00:00"), saw("ann", 56, "23:50:00"), saw("ann", 55, "00:10:00"), saw("ann", 40, "09:00:00"), paid("ann", 30, 20, "EUR"),
			saw("ann-phone", 57, "10:00:00"), saw("ann-phone", 52, "10:00:00"), saw("ann-phone", 39, "09:20:00"), paid("ann-phone", 45, 30, "EUR"),
			saw("bob", 50, "08:00:00"), saw("bob", 48, "08:00:00"), saw("bob", 3, "08:00:00"), saw("bob", 1, "23:45:00"), paid("bob", 3, 5, "USD"),
			saw("eve", 20, "08:00:00"), saw("eve", 20, "08:20:00"), saw("eve", 12, "08:00:00"), paid("eve", 12, 50, "EUR"))},
		// Of days before the span that is computed, who came back before it counts as well: with days that begin in the middle, they were left out once.
		{"a late event, between those of a person who came back earlier", came(saw("eve", 46, "10:00:00"))},
		{"a visit of yesterday that goes on after midnight", came(saw("bob", 0, "00:05:00"))},
		{"two ids become one person, who had ordered before and was there in between", decided(1000, "ann-phone=ann")},
		{"a second row of the same decision becomes visible later", decided(1000, "bob=eve")},
		{"an id is another person's", decided(2000, "ann-phone=bob")},
		{"the two are separated", decided(3000, "ann-phone=ann-phone", "bob=bob")},
		{"the clock is set back, and an event comes", func() {
			now = now.Add(-3 * time.Hour)
			came(saw("bob", 0, "08:00:00"))()
		}},
		{"a first event and a first order come late, weeks after they happened", came(saw("eve", 59, "08:00:00"), paid("ann", 58, 1, "EUR"))},
		{"a rate", func() {
			rate := measurements.Measurement{Kind: "exchange_rate", Campaign: "USD/EUR", Time: at(3, "00:00:00"), Value: decimal.NewFromFloat(0.75), Currency: "USD"}
			if err := measurements.Store(ctx, db, "", time.Now().Add(time.Second), []measurements.Measurement{rate}); err != nil {
				t.Fatal(err)
			}
		}},
		{"other definitions: a shorter session, another conversion", func() {
			d, err := definitions.Parse("livello.yaml", []byte("session_timeout: 15m\nconversions: {kinds: [opportunity_won]}\n"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := (&definitions.Store{DB: db}).Apply(ctx, d, "test", ""); err != nil {
				t.Fatal(err)
			}
		}},
		{"a month is rebuilt", func() {
			gone("ann-phone")
			if err := keeper().Recount(ctx, at(75, "00:00:00"), at(30, "00:00:00")); err != nil {
				t.Fatal(err)
			}
		}},
		{"a person is erased", func() {
			gone("eve")
			if err := keeper().Anew(ctx); err != nil {
				t.Fatal(err)
			}
		}},
		{"a day passes", func() { now = now.Add(aDay) }},
		{"the process was not there for some days, and nothing happened", func() { now = now.Add(8 * aDay) }},
	} {
		step.do()
		before := written()
		if err := keeper().Tick(ctx); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if written() == before {
			t.Errorf("%s: changes nothing, and tries nothing", step.what)
		}
		if differences := differsFromAnew(t, db, now); len(differences) > 0 {
			t.Fatalf("%s: kept is not what is computed anew:\n%s", step.what, strings.Join(differences, "\n"))
		}
	}
}

// differsFromAnew compares person_term_days with what its views say of all days up to a moment.
func differsFromAnew(t *testing.T, db *warehouse.Warehouse, now time.Time) []string {
	t.Helper()
	var views []string
	last := dayOf(now)
	between := func(from time.Time, days int) string {
		return fmt.Sprintf("_terms_between(from = '%s', to = '%s')", from.Format(time.DateOnly), from.AddDate(0, 0, days).Format(time.DateOnly))
	}
	first, middle := last.AddDate(0, 0, -69), last.AddDate(0, 0, -34) // at most 35 days of activity at once
	views = append(views, "activity"+between(first, 35), "activity"+between(middle, 35), "visit"+between(first, 70), "customer_terms")
	for i, view := range views {
		views[i] = "SELECT day, toString(channel) AS channel, toString(term) AS term, amount AS anew, 0 AS kept, problem FROM " + view
	}
	all, err := ask.Texts(context.Background(), db, `SELECT concat(toString(day), ' ', channel, ' ', term, ': ', toString(sum(kept)), ', anew ', toString(sum(anew)), ' ', max(problem), ' ', min(problem))
FROM
(
    SELECT day, toString(channel) AS channel, toString(term) AS term, toFloat64(0) AS anew, amount AS kept, problem FROM person_term_days FINAL WHERE day > toDate(0) AND amount != 0
    UNION ALL
    `+strings.Join(views, "\n    UNION ALL\n    ")+`
)
WHERE day <= toDate(?)
GROUP BY day, channel, term
HAVING isNaN(sum(kept)) != isNaN(sum(anew)) OR abs(sum(kept) - sum(anew)) > 1e-6 OR max(problem) != min(problem)
ORDER BY 1`, last.Format(time.DateOnly))
	if err != nil {
		t.Fatal(err)
	}
	return all
}
