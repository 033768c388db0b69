package queries_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// did is one event of the naive world: who did what when. The person is known here, the database has to find it by ids.
type did struct {
	person  int
	kind    string
	at      time.Time
	machine bool
	columns map[string]any
}

// Worlds live one after the other in one database, far enough apart to know nothing of each other: world n begins on a
// Monday, worldGap days after the one before, and its people are nobody else's.
const (
	worldDays = 35
	worldGap  = 70
	mostWorld = 600
)

func worldStart(n int) time.Time {
	return time.Date(1980, 1, 7, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n*worldGap)
}

// drawWorld makes up people, some of whom come under an anonymous id before or beside their user id. Times are coarse, so
// that events at the same time and intervals of exactly a window are common.
func drawWorld(t *rapid.T, world int) []did {
	kinds := []string{"page_view", "page_view", "cart_add", "checkout_start", "purchase", "email_sent", "content_download"}
	people := rapid.IntRange(1, 6).Draw(t, "people")
	id := func(prefix string, who int) string { return fmt.Sprintf("%s%d.%d", prefix, world, who) }
	known := make([]bool, people) // who was ever seen with both ids
	for i := range known {
		known[i] = rapid.Bool().Draw(t, "known")
	}
	var events []did
	for n := rapid.IntRange(0, 60).Draw(t, "events"); n > 0; n-- {
		who := rapid.IntRange(0, people-1).Draw(t, "who")
		e := did{
			person:  who,
			kind:    rapid.SampledFrom(kinds).Draw(t, "kind"),
			at:      worldStart(world).Add(time.Duration(rapid.IntRange(0, worldDays*4-1).Draw(t, "quarter")) * 6 * time.Hour),
			machine: rapid.IntRange(0, 9).Draw(t, "machine") == 0,
			columns: map[string]any{},
		}
		ids := "anonymous"
		if known[who] {
			ids = rapid.SampledFrom([]string{"anonymous", "user", "both"}).Draw(t, "ids")
		}
		if ids != "user" {
			e.columns["anonymous_id"] = id("a", who)
		}
		if ids != "anonymous" {
			e.columns["user_id"] = id("u", who)
		}
		if e.kind == "purchase" {
			e.columns["value"], e.columns["currency"] = rapid.IntRange(0, 9999).Draw(t, "value"), rapid.SampledFrom([]string{"EUR", "USD"}).Draw(t, "currency")
		}
		events = append(events, e)
	}
	for who := range known {
		if known[who] {
			events = append(events, did{person: who, kind: "identify", at: worldStart(world), columns: map[string]any{
				"anonymous_id": id("a", who), "user_id": id("u", who), "type": "identify"}})
		}
	}
	return events
}

// rows reads an answer in ndjson.
func rows[T any](t *rapid.T, ndjson string) []T {
	var all []T
	for d := json.NewDecoder(strings.NewReader(ndjson)); ; {
		var row T
		if err := d.Decode(&row); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatalf("%v in %s", err, ndjson)
		}
		all = append(all, row)
	}
}

func share(k, n int) *float64 {
	if n == 0 {
		return nil
	}
	f := math.Round(float64(k)/float64(n)*1e6) / 1e6
	return &f
}

func TestQueriesEqualNaive(t *testing.T) {
	db := openDatabase(t)
	world := 0
	rapid.Check(t, func(r *rapid.T) {
		if world++; world > mostWorld {
			r.Skip("there is no more time in the database")
		}
		events := drawWorld(r, world)
		inserted := make([]map[string]any, len(events))
		for i, e := range events {
			inserted[i] = e.columns
			e.columns["kind"], e.columns["ts"], e.columns["channel"] = e.kind, e.at.Format("2006-01-02 15:04:05"), "web"
			if e.machine {
				e.columns["machine"] = "crawler"
			}
		}
		insertEvents(t, db, world*1000, inserted)
		// Half of the ranges are whole weeks: borders are where mistakes are.
		first := rapid.IntRange(0, worldDays-1).Draw(r, "first")
		days := rapid.IntRange(1, worldDays+3-first).Draw(r, "days")
		if rapid.Bool().Draw(r, "weeks") {
			first, days = first/7*7, (days+6)/7*7
		}
		last := first + days
		from, to := worldStart(world).AddDate(0, 0, first), worldStart(world).AddDate(0, 0, last)
		params := func(more ...string) map[string]string {
			m := map[string]string{"from": from.Format("2006-01-02"), "to": to.Format("2006-01-02")}
			for i := 0; i < len(more); i += 2 {
				m[more[i]] = more[i+1]
			}
			return m
		}

		steps := rapid.Permutation([]string{"page_view", "cart_add", "checkout_start", "purchase"}).Draw(r, "steps")[:rapid.IntRange(2, 4).Draw(r, "length")]
		window := time.Duration(rapid.IntRange(1, 60).Draw(r, "window")) * 6 * time.Hour
		if shortest := shortestWay(events, rapid.IntRange(0, 5).Draw(r, "border"), steps, from, to); shortest > 0 {
			window = shortest
		}
		got := rows[funnelRow](r, ask(t, db, "funnel", "ndjson", params("steps", strings.Join(steps, ","), "window", fmt.Sprint(int(window.Seconds())))))
		if diff := cmp.Diff(naiveFunnel(events, steps, from, to, window), got); diff != "" {
			r.Errorf("funnel (- naive, + query):\n%s", diff)
		}
		if diff := cmp.Diff(naiveRetention(events, worldStart(world), from, to, 4), rows[retentionRow](r, ask(t, db, "weekly_retention", "ndjson", params("weeks", "4")))); diff != "" {
			r.Errorf("weekly_retention (- naive, + query):\n%s", diff)
		}
		if diff := cmp.Diff(naiveRepeat(events, from, to), rows[repeatRow](r, ask(t, db, "repeat_purchase_rate", "ndjson", params()))[0]); diff != "" {
			r.Errorf("repeat_purchase_rate (- naive, + query):\n%s", diff)
		}
		if diff := cmp.Diff(naiveActive(events, from, to), rows[activeRow](r, ask(t, db, "active_people", "ndjson", params()))); diff != "" {
			r.Errorf("active_people (- naive, + query):\n%s", diff)
		}
	})
}

type funnelRow struct {
	Step         int      `json:"step"`
	Kind         string   `json:"kind"`
	People       int      `json:"people"`
	Rate         *float64 `json:"rate"`
	PreviousRate *float64 `json:"previous_rate"`
}

// naiveFunnel tries every start: from it on, the earliest next step is as good as any later one.
func naiveFunnel(events []did, steps []string, from, to time.Time, window time.Duration) []funnelRow {
	best := map[int]int{}
	for _, start := range events {
		if start.kind != steps[0] || !counts(start, from, to) {
			continue
		}
		level, now := 1, start.at
		for level < len(steps) {
			next := time.Time{}
			for _, e := range events {
				if e.person == start.person && e.kind == steps[level] && counts(e, from, to) && !e.at.Before(now) && e.at.Sub(start.at) <= window &&
					(next.IsZero() || e.at.Before(next)) {
					next = e.at
				}
			}
			if next.IsZero() {
				break
			}
			level, now = level+1, next
		}
		best[start.person] = max(best[start.person], level)
	}
	reached := make([]int, len(steps))
	for _, level := range best {
		for i := range level {
			reached[i]++
		}
	}
	out := make([]funnelRow, len(steps))
	for i, kind := range steps {
		out[i] = funnelRow{Step: i + 1, Kind: kind, People: reached[i], Rate: share(reached[i], reached[0])}
		if i > 0 {
			out[i].PreviousRate = share(reached[i], reached[i-1])
		}
	}
	return out
}

// shortestWay returns the shortest time in which a person went from the first to the last of the steps, 0 when never: a window
// of exactly that tries its border.
func shortestWay(events []did, person int, steps []string, from, to time.Time) time.Duration {
	shortest := time.Duration(0)
	for _, a := range events {
		for _, b := range events {
			if a.person == person && b.person == person && a.kind == steps[0] && b.kind == steps[len(steps)-1] && counts(a, from, to) && counts(b, from, to) {
				if d := b.at.Sub(a.at); d > 0 && (shortest == 0 || d < shortest) {
					shortest = d
				}
			}
		}
	}
	return shortest
}

func counts(e did, from, to time.Time) bool {
	return !e.machine && e.kind != "identify" && !e.at.Before(from) && e.at.Before(to)
}

func acted(e did) bool { return !e.machine && e.kind != "identify" && e.kind != "email_sent" }

type retentionRow struct {
	Cohort   string   `json:"cohort"`
	Week     int      `json:"week"`
	People   int      `json:"people"`
	Of       int      `json:"of"`
	Rate     *float64 `json:"rate"`
	Complete bool     `json:"complete"`
}

func naiveRetention(events []did, start, from, to time.Time, weeks int) []retentionRow {
	weekOf := func(at time.Time) int { return int(at.Sub(start).Hours()) / (24 * 7) }
	first := map[int]int{}
	active := map[[2]int]bool{} // person, week
	for _, e := range events {
		if !acted(e) || !e.at.Before(to) {
			continue
		}
		w := weekOf(e.at)
		if f, seen := first[e.person]; !seen || w < f {
			first[e.person] = w
		}
		active[[2]int{e.person, w}] = true
	}
	var out []retentionRow
	for cohort := 0; cohort < worldDays/7; cohort++ {
		monday := start.AddDate(0, 0, 7*cohort)
		var members []int
		for person, f := range first {
			if f == cohort {
				members = append(members, person)
			}
		}
		if monday.Before(from) || len(members) == 0 {
			continue
		}
		for week := 0; week < weeks && monday.AddDate(0, 0, 7*week).Before(to); week++ {
			row := retentionRow{Cohort: monday.Format("2006-01-02"), Week: week, Of: len(members), Complete: !monday.AddDate(0, 0, 7*(week+1)).After(to)}
			for _, person := range members {
				if active[[2]int{person, cohort + week}] {
					row.People++
				}
			}
			row.Rate = share(row.People, row.Of)
			out = append(out, row)
		}
	}
	return out
}

type repeatRow struct {
	Purchases    int      `json:"purchases"`
	Buyers       int      `json:"buyers"`
	RepeatBuyers int      `json:"repeat_buyers"`
	Rate         *float64 `json:"rate"`
	Note         string   `json:"note"`
}

func naiveRepeat(events []did, from, to time.Time) repeatRow {
	row := repeatRow{Note: "too few to tell"}
	bought := map[int]int{}
	for _, e := range events {
		if e.kind == "purchase" && counts(e, from, to) {
			bought[e.person]++
			row.Purchases++
		}
	}
	for _, n := range bought {
		row.Buyers++
		if n >= 2 {
			row.RepeatBuyers++
		}
	}
	row.Rate = share(row.RepeatBuyers, row.Buyers)
	return row
}

type activeRow struct {
	Day        string   `json:"day"`
	Daily      int      `json:"daily"`
	Weekly     int      `json:"weekly"`
	Monthly    int      `json:"monthly"`
	Stickiness *float64 `json:"stickiness"`
}

func naiveActive(events []did, from, to time.Time) []activeRow {
	within := func(day time.Time, days int) int {
		people := map[int]bool{}
		for _, e := range events {
			if acted(e) && e.at.Before(day.AddDate(0, 0, 1)) && !e.at.Before(day.AddDate(0, 0, 1-days)) {
				people[e.person] = true
			}
		}
		return len(people)
	}
	var out []activeRow
	for day := from; day.Before(to); day = day.AddDate(0, 0, 1) {
		row := activeRow{Day: day.Format("2006-01-02"), Daily: within(day, 1), Weekly: within(day, 7), Monthly: within(day, 30)}
		row.Stickiness = share(row.Daily, row.Monthly)
		out = append(out, row)
	}
	return out
}
