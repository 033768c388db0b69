package trust

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// counted are the measures that go up by at most one for each copy of an event that a rollup counts too often, in whichever table they are; so do those that begin with
// "signal ". unmoved are those that a copy leaves as they are. What is neither, sums of money and of hashes, goes up by what nobody can tell afterwards.
var (
	counted = []string{
		"events", "human_events", "actions", "page_views", "downloads", "email_opens", "email_clicks", "chats", "forms", "carts", "checkouts", "purchases", "visit_times",
		"hits", "responses", "promoters", "passives", "detractors", "satisfied", "evidence", "orders", "key_pages", "sentiments",
	}
	unmoved = []string{
		"people", "first_at", "last_at", "last_action_at", "last_purchase_at", "named_at", "nps", "csat", "milestones", "by_row", "origins", "by_origin", "traits", "latest_values",
	}
)

// explainedBy says whether so many copies, counted too often, may be why these sums of one table and day differ: a count is too high, by no more than that, none is too low, and what
// copies leave alone is right.
func explainedBy(copies uint64, sums []sum) bool {
	more := false
	for _, s := range sums {
		if s.expected == s.found {
			continue
		}
		if slices.Contains(unmoved, s.measure) {
			return false
		}
		if !slices.Contains(counted, s.measure) && !strings.HasPrefix(s.measure, "signal ") {
			continue
		}
		expected, err1 := strconv.ParseFloat(s.expected, 64)
		found, err2 := strconv.ParseFloat(s.found, 64)
		if err1 != nil || err2 != nil || found <= expected || found-expected > float64(copies) {
			return false
		}
		more = true
	}
	return more
}

// mendRepeats makes rollups again that differ from their events because they counted events that were accepted again after the deduplication window, for the months in which a
// verification found them to. A table of which anything in the month differs without that explanation is left to a person, and so
// is a month that lacks an event. It answers how many months of tables were made again.
func (v *Verifier) mendRepeats(ctx context.Context, r Report) (mended int, err error) {
	found := map[time.Time][]string{} // by month
	for _, d := range r.Differences {
		if slices.Contains(checks[1:], d.Table) {
			day, err := time.Parse(time.DateOnly, d.Day)
			if err != nil {
				return mended, fmt.Errorf("mend %s: %w", d.Day, err)
			}
			if month := firstOfMonth(day); !slices.Contains(found[month], d.Table) {
				found[month] = append(found[month], d.Table)
			}
		}
	}
	for month, tables := range found {
		done, err := v.mendRepeatsOf(ctx, month, tables)
		if mended += done; err != nil {
			return mended, err
		}
	}
	return mended, nil
}

func (v *Verifier) mendRepeatsOf(ctx context.Context, month time.Time, tables []string) (mended int, err error) {
	whole := span{month, month.AddDate(0, 1, 0)}
	copies, err := v.copies(ctx, whole)
	if err != nil || len(copies) == 0 {
		return 0, err
	}
	// All of the month: that is what is made again. Were an event lost, its rollups would be what is left of it.
	release, err := v.Hold.hold(ctx)
	if err != nil {
		return 0, err
	}
	sums, err := v.compare(ctx, whole, append([]string{"events"}, tables...))
	release()
	if err != nil || len(offDays(sums)) > 0 {
		return 0, err
	}
	tables = explained(sums, copies)
	if len(tables) == 0 {
		return 0, nil
	}
	v.logger().Warn("events that were sent again after the deduplication window are counted twice in rollups, which are made again", "month", month.Format("2006-01"), "tables", tables)
	m := Mender{Verifier: v, Rebuilder: v.Rebuilder, Logger: v.Logger}
	return m.mend(ctx, whole, tables)
}

// explained are those tables of the sums of a month that differ because of copies alone, on each day that they differ on.
func explained(sums []sum, copies map[time.Time]uint64) (tables []string) {
	var all uint64
	for _, n := range copies {
		all += n
	}
	for _, table := range differing(sums) {
		byDay := map[time.Time][]sum{}
		for _, s := range sums {
			if s.table == table {
				byDay[midnight(s.day)] = append(byDay[midnight(s.day)], s)
			}
		}
		right := true
		for day, of := range byDay {
			n := copies[day]
			if slices.Contains(byMonth, table) {
				n = all
			}
			right = right && (!differ(of) || explainedBy(n, of))
		}
		if right {
			tables = append(tables, table)
		}
	}
	return tables
}
