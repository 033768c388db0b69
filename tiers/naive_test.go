package tiers

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/livello/livello/definitions"
)

// naive decides as the definitions say, over plain slices.
func naive(d *definitions.Definitions, features map[string]float64, known bool) string {
	fits := func(conditions []definitions.Condition) bool {
		for _, c := range conditions {
			if v := features[c.Feature]; math.IsNaN(v) || v < c.AtLeast || v > c.AtMost {
				return false
			}
		}
		return true
	}
	var met, reasons, lifecycle []string
	score := 0.0
	for _, c := range d.Criteria {
		if fits(c.Conditions) {
			met = append(met, c.Name)
		}
		reached := 0.0
		for _, target := range c.Targets {
			if v := features[target.Feature]; v > 0 {
				reached += math.Min(1, v/target.Target)
			}
		}
		if points := math.Floor(8*c.Weight*(reached/float64(len(c.Targets)))) / 8; points > 0 {
			score += points
			reasons = append(reasons, fmt.Sprintf("%s %g", c.Name, points))
		}
	}
	for _, rule := range d.ContextRules {
		if fits(rule.Conditions) {
			taken := math.Min(rule.Penalty, score)
			score -= taken
			reasons = append(reasons, fmt.Sprintf("%s %g", rule.Name, 0-taken))
		}
	}
	tier := uint8(0)
	if known {
		tier = 1
	}
	if len(met) >= int(d.Tier2Needs) {
		tier = 2
	}
	segment, action := "", d.TierActions[fmt.Sprint(tier)]
	for _, s := range d.MicroSegments {
		if s.Tier == tier && fits(s.Conditions) {
			if segment = s.Name; s.Action != "" {
				action = s.Action
			}
			break
		}
	}
	for _, l := range d.Lifecycle {
		if fits(l.Conditions) {
			lifecycle = append(lifecycle, l.Name)
		}
	}
	return fmt.Sprintf("%d|%s|%s|%g|%s|%s|%s", tier, segment, strings.Join(met, ","), score, strings.Join(reasons, ","), strings.Join(lifecycle, ","), action)
}

// The view and a plain implementation say the same of random people whose features lie at borders, at unknown, and in between.
func TestStatesEqualNaive(t *testing.T) {
	r := newRig(t)
	d, err := definitions.Default()
	if err != nil {
		t.Fatal(err)
	}
	names := d.FeatureNames()
	borders := map[string][]float64{}
	add := func(conditions []definitions.Condition) {
		for _, c := range conditions {
			for _, v := range []float64{c.AtLeast, c.AtMost} {
				if !math.IsInf(v, 0) {
					borders[c.Feature] = append(borders[c.Feature], v, math.Nextafter(v, math.Inf(-1)), math.Nextafter(v, math.Inf(1)), v+1)
				}
			}
		}
	}
	for _, c := range d.Criteria {
		add(c.Conditions)
	}
	for _, s := range d.MicroSegments {
		add(s.Conditions)
	}
	for _, l := range d.Lifecycle {
		add(l.Conditions)
	}
	for _, rule := range d.ContextRules {
		add(rule.Conditions)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var rows []string
	want := map[string]string{}
	for i := range 3000 {
		features, values := map[string]float64{}, make([]string, len(names))
		for j, name := range names {
			v := float64(random.IntN(8)) / 2
			switch of := borders[name]; {
			case random.IntN(12) == 0:
				v = math.NaN()
			case random.IntN(3) == 0:
				v = 0
			case len(of) > 0 && random.IntN(3) > 0:
				v = of[random.IntN(len(of))]
			}
			features[name], values[j] = v, fmt.Sprint(v)
		}
		known, id := random.IntN(2) == 0, fmt.Sprint("p", i)
		want[id] = naive(d, features, known)
		rows = append(rows, fmt.Sprintf("('%s', [%s], %t)", id, strings.ReplaceAll(strings.Join(values, ","), "NaN", "nan"), known))
	}
	r.exec("CREATE TABLE given (person_id String, features Array(Float64), known Bool) ENGINE = MergeTree ORDER BY person_id")
	r.exec("INSERT INTO given VALUES " + strings.Join(rows, ","))
	r.exec("CREATE OR REPLACE VIEW person_features_at AS SELECT person_id, features, known, toDateTime('2026-01-01', 'UTC') AS next_change, toDateTime64('2026-01-01', 3, 'UTC') AS first_seen, first_seen AS last_seen, first_seen AS last_action_at, first_seen AS first_purchase_at, first_seen AS last_purchase_at, map()::Map(String, Decimal(38, 4)) AS revenue_365d, revenue_365d AS revenue_total FROM given WHERE toDateTime({at:DateTime('UTC')}) > 0 AND {batch:UUID} = toUUID('00000000-0000-0000-0000-000000000000')")
	wrong, tiers := 0, map[string]int{}
	for _, row := range r.rows("SELECT concat(person_id, '\t', toString(tier), '|', micro_segment, '|', arrayStringConcat(criteria_met, ','), '|', toString(score), '|', arrayStringConcat(arrayMap(x -> concat(x.name, ' ', toString(x.points)), reasons), ','), '|', arrayStringConcat(lifecycle, ','), '|', action_required) FROM person_states_at(at = '2026-03-20 12:00:00', batch = '00000000-0000-0000-0000-000000000000')") {
		id, got, _ := strings.Cut(row, "\t")
		tiers[got[:1]]++
		if got = strings.ReplaceAll(got, " -0", " 0"); got != want[id] {
			if wrong++; wrong < 5 {
				t.Errorf("%s\n got: %s\nwant: %s", id, got, want[id])
			}
		}
	}
	if tiers["0"]+tiers["1"]+tiers["2"] != 3000 || tiers["0"] < 100 || tiers["1"] < 100 || tiers["2"] < 100 {
		t.Errorf("tiers %v are no test of all", tiers)
	}
	r.want("SELECT toString(count()) FROM person_states_at(at = '2026-03-20 12:00:00', batch = '00000000-0000-0000-0000-000000000000') WHERE arraySum(reasons.points) != score OR score < 0 OR score > 100", "0")
}
