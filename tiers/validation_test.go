package tiers

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/queries"
)

func (r *rig) ask(name string, params map[string]string) string {
	r.t.Helper()
	var out bytes.Buffer
	if err := (queries.Runner{DB: r.Warehouse, Now: func() time.Time { return r.clock }}).Run(r.t.Context(), name, params, "csv", &out); err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
	return strings.TrimSpace(out.String())
}

// observed writes a state of so many people of one kind down.
func (r *rig) observed(prefix string, people int, at time.Time, tier int, segment string, criteria int) {
	r.exec(fmt.Sprintf(`INSERT INTO tier_observations (person_id, at, version, tier, micro_segment, criteria_met)
SELECT concat('%s', toString(number)), '%s', 1, %d, '%s', arrayMap(i -> toString(i), range(%d)) FROM numbers(%d)`,
		prefix, at.UTC().Format(milliseconds), tier, segment, criteria, people))
}

func (r *rig) bought(prefix string, people int, at time.Time) {
	var events []happened
	for i := range people {
		events = append(events, happened{at: at, kind: "purchase", user: fmt.Sprint(prefix, i)})
	}
	r.insert(events...)
}

func TestValidation(t *testing.T) {
	r := newRig(t)
	r.sub("gold at 15 known outcomes and 60 percent", gold)
	r.sub("two signals and three", strength)
}

func gold(r *rig) {
	const day = 24 * time.Hour
	entered := r.clock.Add(-60 * day)
	r.observed("h", 15, entered, 2, "high", 4)
	r.bought("h", 9, entered.Add(29*day))  // 60 %
	r.bought("h1", 1, entered.Add(30*day)) // h10, a moment too late
	r.bought("h1", 1, entered.Add(-day))   // before they came
	r.observed("m", 14, entered, 2, "medium", 3)
	r.bought("m", 14, entered.Add(day))
	r.observed("k", 20, entered, 1, "", 0)
	r.bought("k", 1, entered.Add(day))
	// Young ones are not known yet, whether they converted or not.
	r.observed("y", 5, r.clock.Add(-29*day), 1, "", 0)
	r.bought("y", 3, r.clock.Add(-28*day))
	// Before the time that is asked about; and one that only moves within the tier.
	r.observed("o", 5, r.clock.Add(-200*day), 1, "", 0)
	r.observed("m", 1, entered.Add(2*day), 2, "high", 4)
	compareNumbers(r.t, r.ask("segment_outcomes", nil), strings.Join([]string{
		"segment,people,known,conversions,rate,rate_low,rate_high,lift,verdict,warning",
		"tier 2,29,29,23,0.793103," + wilson(23, 29) + ",15.862069,gold,",
		"tier 1,25,20,1,0.05," + wilson(1, 20) + ",0.063043,not gold,",
		"tier 2 medium,14,14,14,1," + wilson(14, 14) + ",1.777778,too few to tell,",
		"tier 2 high,16,16,9,0.5625," + wilson(9, 16) + ",0.5625,not gold,",
	}, "\n"))
	// Without the one who moved, 9 of 15 are gold: 60 % exactly.
	r.exec("ALTER TABLE tier_observations DELETE WHERE person_id = 'm0' AND micro_segment = 'high' SETTINGS mutations_sync = 2")
	if got := r.ask("segment_outcomes", nil); !strings.HasSuffix(got, `"tier 2 high",15,15,9,0.6,`+wilson(9, 15)+`,0.6,"gold",""`) {
		r.t.Errorf("9 of 15:\n%s", got)
	}
	if got := r.ask("segment_outcomes", map[string]string{"days": "90"}); !strings.Contains(got, `"tier 2",29,0,0,\N,\N,\N,\N,"too few to tell"`) {
		r.t.Errorf("waiting for 90 days nothing is known:\n%s", got)
	}
	// As of a month ago none of the outcomes was known.
	if got := r.ask("segment_outcomes", map[string]string{"as_of": r.clock.Add(-31 * day).Format(time.RFC3339)}); !strings.Contains(got, `"tier 2",29,0,0,`) {
		r.t.Errorf("as of a month ago:\n%s", got)
	}
	r.exec("INSERT INTO definitions SELECT * REPLACE (version + 1 AS version, arrayMap(i -> (concat('s', toString(i)), 2, '', [], ''), range(7)) AS micro_segments) FROM definitions")
	if got := r.ask("segment_outcomes", nil); !strings.Contains(got, "7 micro-segments: more than six") {
		r.t.Errorf("seven segments raise no warning:\n%s", got)
	}
}

// wilson is the interval by its definition: the rates from which the observed one is 1.96 standard errors away, the roots of
// (k/n - p)^2 = z^2 p (1 - p) / n.
func wilson(k, n float64) string {
	const z2 = 1.959963984540054 * 1.959963984540054
	a, b, c := 1+z2/n, -(2*k/n + z2/n), k*k/n/n
	root := math.Sqrt(b*b - 4*a*c)
	round := func(x float64) string { return strconv.FormatFloat(math.Round(x*1e6)/1e6, 'f', -1, 64) }
	return round((-b-root)/2/a) + "," + round((-b+root)/2/a)
}

// compareNumbers compares tables of which the last digit does not matter.
func compareNumbers(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(g) != len(w) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
		return
	}
	for i := range g {
		gf, wf := strings.Split(strings.ReplaceAll(g[i], "\"", ""), ","), strings.Split(w[i], ",")
		same := len(gf) == len(wf)
		for j := 0; same && j < len(gf); j++ {
			var a, b float64
			if _, err := fmt.Sscan(gf[j]+" "+wf[j], &a, &b); err == nil {
				same = a-b < 2e-6 && b-a < 2e-6
			} else {
				same = gf[j] == wf[j]
			}
		}
		if !same {
			t.Errorf("line %d\n got: %s\nwant: %s", i, g[i], w[i])
		}
	}
}

func strength(r *rig) {
	const day = 24 * time.Hour
	at := r.clock.Add(-60 * day)
	r.observed("a", 20, at, 0, "", 2)
	r.observed("b", 20, at.Add(day), 2, "medium", 3)
	r.bought("a", 2, at.Add(day))
	r.bought("b", 12, at.Add(2*day))
	r.observed("c", 9, at, 0, "", 1)
	compareNumbers(r.t, r.ask("signal_strength", nil), strings.Join([]string{
		"signals,people,known,conversions,false_positives,rate,rate_low,rate_high,note",
		"at least 2,40,40,14,26,0.65," + wilson(26, 40) + ",",
		"at least 3,20,20,12,8,0.4," + wilson(8, 20) + ",",
	}, "\n"))
}
