package tiers

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const moves = "SELECT concat(person_id, ' ', toString(from_tier), from_segment, '>', toString(tier), micro_segment, ' ', toString(toDate(at)), ' ', toString(score), ' ', arrayStringConcat(criteria_met, ',')) FROM tier_history WHERE at < '2026-03-20' ORDER BY person_id, at"

// A replay of the past finds what would have been found then: the same events, in one database day by day, in the other all at once and replayed.
func TestReplayEqualsLive(t *testing.T) {
	r := newRig(t)
	for _, seed := range []uint64{1, rand.Uint64()} {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { replayEqualsLive(t, r, seed) })
	}
	start := time.Date(2026, 3, 13, 0, 0, 0, 0, time.UTC)
	for what, span := range map[string][2]time.Time{
		"midnight":      {start.Add(time.Hour), start.AddDate(0, 0, 1)},
		"is not before": {start, start},
		"is not over":   {start, start.AddDate(1, 0, 0)},
	} {
		if _, err := r.Replay(t.Context(), span[0], span[1]); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v: %v", span, err)
		}
	}
}

func replayEqualsLive(t *testing.T, r *rig, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	start := time.Date(2026, 3, 13, 0, 0, 0, 0, time.UTC)
	const days = 3
	kinds := []string{"page_view", "content_download", "email_open", "email_open", "email_click", "chat_message", "form_submission", "purchase", "identify"}
	var byDay [days][]happened
	for range 250 {
		day, n := random.IntN(days), random.IntN(20)
		e := happened{at: start.AddDate(0, 0, day).Add(time.Duration(random.Int64N(int64(23 * time.Hour)))), kind: kinds[random.IntN(len(kinds))], anon: fmt.Sprint("a", n)}
		if e.kind == "identify" || random.IntN(5) == 0 {
			e.user = fmt.Sprint("u", n/2)
		}
		byDay[day] = append(byDay[day], e)
	}
	whole := r
	r = &rig{t: t, Warehouse: whole.Warehouse, count: whole.count}
	defer func() { whole.count = r.count }()
	times := 1 // of the fixed events; of the others it is repeated
	if seed != 1 {
		times = 2
	}
	var live, replayed []string
	r.sub("live", func(r *rig) {
		for day, events := range byDay {
			r.insert(events...)
			r.clock = start.AddDate(0, 0, day+1).Add(-time.Second)
			r.tick()
			r.due()
		}
		live = r.rows(moves)
	})
	r.sub("replayed", func(r *rig) {
		for _, events := range byDay {
			r.insert(events...)
		}
		r.tick()
		now := r.rows("SELECT toString((person_id, tier, micro_segment)) FROM person_tiers ORDER BY person_id")
		for range times { // a replay may be repeated
			if done, err := r.Replay(r.t.Context(), start, start.AddDate(0, 0, days)); err != nil || done.Days != days {
				r.t.Fatalf("%+v, %v", done, err)
			}
			replayed = r.rows(moves)
			if strings.Join(live, "\n") != strings.Join(replayed, "\n") {
				r.t.Errorf("live:\n%s\nreplayed:\n%s", strings.Join(live, "\n"), strings.Join(replayed, "\n"))
			}
		}
		r.tick()
		r.want("SELECT toString((person_id, tier, micro_segment)) FROM person_tiers ORDER BY person_id", now...)
		r.want("SELECT toString(countIf(now.since != h.last)) FROM person_tiers AS now INNER JOIN (SELECT person_id, max(at) AS last FROM tier_history GROUP BY person_id) AS h ON h.person_id = now.person_id", "0")
		if times == 1 {
			return
		}
		// What comes later never changes what was known then.
		before := r.rows("SELECT toString((person_id, at, features, score)) FROM tier_history WHERE at < '2026-03-14' ORDER BY person_id, at")
		r.insert(engaged(time.Date(2026, 3, 14, 1, 0, 0, 0, time.UTC), "a1", "")...)
		r.tick()
		if _, err := r.Replay(r.t.Context(), start, start.AddDate(0, 0, days)); err != nil {
			r.t.Fatal(err)
		}
		r.want("SELECT toString((person_id, at, features, score)) FROM tier_history WHERE at < '2026-03-14' ORDER BY person_id, at", before...)
	})
	if len(live) < 10 {
		t.Errorf("only %d changes", len(live))
	}
}
