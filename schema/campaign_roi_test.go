package schema_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/livello/livello/test/engine"
)

// cost is a measurement of ad spend, in cents of currency.
type cost struct {
	at                time.Time
	channel, campaign string
	value             int
	currency          string
}

// campaign is a row of the query campaign_roi; money is in the base currency, and nil where it cannot be told.
type campaign struct {
	Acquisition, Campaign string
	Cost                  *float64
	Conversions           float64
	Revenue, ROI          *float64
	Customers             float64
	CAC, LTV, LTVToCAC    *float64
	Newest                string
	Problem               bool
}

// roiLine is what is added up to a row: money in ten-thousandths of the base currency, credit in millionths.
type roiLine struct {
	cost, revenue                    int64
	conversions, customers           int64
	lifetime                         float64
	newest                           string
	measured                         bool // somebody said what it cost
	costless, revenueless, worthless bool // it holds money that cannot be told
}

func (l *roiLine) add(o roiLine) {
	l.cost, l.revenue, l.conversions, l.customers, l.lifetime = l.cost+o.cost, l.revenue+o.revenue, l.conversions+o.conversions, l.customers+o.customers, l.lifetime+o.lifetime
	l.newest, l.measured = max(l.newest, o.newest), l.measured || o.measured
	l.costless, l.revenueless, l.worthless = l.costless || o.costless, l.revenueless || o.revenueless, l.worthless || o.worthless
}

// row divides the sums.
func (l *roiLine) row(acquisition, name string) campaign {
	over := func(a, b *float64) *float64 {
		if a == nil || b == nil || *b == 0 {
			return nil
		}
		q := *a / *b
		return &q
	}
	known := func(units float64, unknown bool) *float64 {
		if unknown {
			return nil
		}
		units /= 1e4
		return &units
	}
	c := campaign{Acquisition: acquisition, Campaign: name, Cost: known(float64(l.cost), l.costless || !l.measured), Revenue: known(float64(l.revenue), l.revenueless),
		Conversions: float64(l.conversions) / 1e6, Customers: float64(l.customers) / 1e6, Newest: l.newest, Problem: l.costless || l.revenueless || l.worthless}
	if c.Cost != nil && c.Revenue != nil {
		gain := *c.Revenue - *c.Cost
		c.ROI = over(&gain, c.Cost)
	}
	c.CAC = over(c.Cost, &c.Customers)
	c.LTV = over(known(l.lifetime, l.worthless), &c.Customers)
	c.LTVToCAC = over(c.LTV, c.CAC)
	return c
}

// campaigns answers campaign_roi from plain slices.
func (v visitor) campaigns(costs []cost, from, to time.Time, days, horizon int, model string) []campaign {
	type key struct{ acquisition, campaign string }
	lines := map[key]*roiLine{}
	at := func(k key) *roiLine {
		if lines[k] == nil {
			lines[k] = &roiLine{}
		}
		return lines[k]
	}
	for _, c := range v.credits(from, to.AddDate(0, 0, days), days) {
		if c.Touched == "" || c.Touched < from.Format(milli) || c.Touched >= to.Format(milli) {
			continue
		}
		share, worth := int64(c.Last), c.Amount
		switch model {
		case "first":
			share = int64(c.First)
		case "linear":
			share, worth = int64(c.Linear), c.LinearAmount
		}
		if share == 0 {
			continue
		}
		l := roiLine{conversions: share, revenueless: worth == nil}
		if worth != nil {
			l.revenue = *worth
		}
		if first, brought, known := v.lifetime(c.Person, horizon); first != nil && first.event.String() == c.Event {
			l.customers, l.lifetime, l.worthless, l.newest = share, float64(share)/1e6*float64(brought), !known, first.at.Format(milli)
		}
		at(key{c.Acquisition, c.Campaign}).add(l)
	}
	homes := map[string]string{}
	for _, k := range sortedKeys(lines, func(a, b key) bool { return a.acquisition < b.acquisition }) {
		if home := homes[k.campaign]; k.campaign != "" && (home == "" || lines[k].conversions >= lines[key{home, k.campaign}].conversions) {
			homes[k.campaign] = k.acquisition
		}
	}
	for _, c := range costs {
		if c.at.Before(from) || !c.at.Before(to) {
			continue
		}
		k := key{c.channel, c.campaign}
		if home := homes[c.campaign]; home != "" {
			k.acquisition = home
		}
		worth := v.amount(act{at: c.at, value: c.value, currency: c.currency})
		l := roiLine{measured: true, costless: worth == nil}
		if worth != nil {
			l.cost = *worth
		}
		at(k).add(l)
	}
	var all []campaign
	for _, k := range sortedKeys(lines, func(a, b key) bool {
		return a.acquisition < b.acquisition || a.acquisition == b.acquisition && a.campaign < b.campaign
	}) {
		if len(all) == 0 || all[len(all)-1].Acquisition != k.acquisition {
			var channel roiLine
			for other, l := range lines {
				if other.acquisition == k.acquisition {
					channel.add(*l)
				}
			}
			all = append(all, channel.row(k.acquisition, "*"))
		}
		all = append(all, lines[k].row(k.acquisition, k.campaign))
	}
	return all
}

func sortedKeys[K comparable, V any](m map[K]V, less func(a, b K) bool) []K {
	var keys []K
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return less(keys[i], keys[j]) })
	return keys
}

// lifetime is a person's first order and what they bring within so many days from it; known says whether all of that has a rate.
func (v visitor) lifetime(person string, horizon int) (first *act, brought int64, known bool) {
	var moved []act
	for _, a := range v.human() {
		if v.person(a.id) != person || !slices.Contains([]string{"purchase", "opportunity_won", "refund"}, a.kind) {
			continue
		}
		moved = append(moved, a)
		if a.kind != "refund" && (first == nil || a.at.Before(first.at)) {
			first = &moved[len(moved)-1]
		}
	}
	known = true
	for _, a := range moved {
		if first == nil || a.at.Before(first.at) || !a.at.Before(first.at.AddDate(0, 0, horizon)) {
			continue
		}
		if worth := v.amount(a); worth == nil {
			known = false
		} else {
			brought += *worth
		}
	}
	return first, brought, known
}

// Costs, conversions, revenue, ROI, CAC and LTV of campaigns are what a naive reading of events and measurements says, for each model, also where
// rates are missing. The text is that of the catalogue, which this package does not import.
func TestCampaignROIEqualsNaive(t *testing.T) {
	engine.Checks(t, 8)
	text, err := os.ReadFile("../queries/sql/campaign_roi.sql")
	if err != nil {
		t.Fatal(err)
	}
	w := warehouseWithVisits(t)
	everything := visitDefinitions
	everything.persons = map[string]string{}
	var costs []cost
	world := 0
	told := map[string]int{} // that the draws reach what is to be seen
	rapid.Check(t, func(r *rapid.T) {
		world++
		v := drawVisits(r, fmt.Sprintf("r%d-", world))
		for i := range v.acts { // a person's first order is one, not two at the same time
			v.acts[i].at = v.acts[i].at.Add(time.Duration(i) * time.Millisecond)
		}
		tell(t, w, fmt.Sprint("roi-", world), v.acts...)
		join(t, w, v.persons)
		everything.acts = append(everything.acts, v.acts...)
		for id, person := range v.persons {
			everything.persons[id] = person
		}
		for n := range rapid.IntRange(0, 3).Draw(r, "costs") {
			c := cost{at: time.Date(2026, 1, 1+rapid.IntRange(0, 35).Draw(r, "spent"), 0, 0, 0, 0, time.UTC), channel: rapid.SampledFrom([]string{"ads", "email", "direct"}).Draw(r, "through"),
				campaign: rapid.SampledFrom([]string{"", "spring", "unseen"}).Draw(r, "for"), value: rapid.SampledFrom([]int{0, 100, 12345}).Draw(r, "cost"),
				currency: rapid.SampledFrom([]string{"EUR", "EUR", "USD", "CHF"}).Draw(r, "in")}
			costs = append(costs, c)
			exec(t, w, fmt.Sprintf("INSERT INTO measurements (kind, channel, campaign, ts, source, value, currency, received_at) VALUES ('ad_spend', '%s', '%s', '%s', 'w%d-%d', %d / 100, '%s', now64(3))",
				c.channel, c.campaign, c.at.Format(milli), world, n, c.value, c.currency))
		}
		from := time.Date(2026, 1, rapid.IntRange(0, 12).Draw(r, "from"), 0, 0, 0, 0, time.UTC)
		to := from.Add(time.Duration(rapid.IntRange(1, 40*24).Draw(r, "hours")) * time.Hour)
		days, horizon := rapid.SampledFrom([]int{0, 1, 7, 30}).Draw(r, "days"), rapid.SampledFrom([]int{1, 8, 365}).Draw(r, "horizon")
		for _, model := range []string{"first", "last", "linear"} {
			sql := strings.NewReplacer("{from:DateTime64(3)}", "toDateTime64('"+from.Format(milli)+"', 3, 'UTC')", "{to:DateTime64(3)}", "toDateTime64('"+to.Format(milli)+"', 3, 'UTC')",
				"{days:UInt16}", fmt.Sprint("toUInt16(", days, ")"), "{horizon:UInt16}", fmt.Sprint("toUInt16(", horizon, ")"), "{model:String}", "'"+model+"'").Replace(string(text))
			want := everything.campaigns(costs, from, to, days, horizon, model)
			got := answers[campaign](r, w, `SELECT acquisition AS Acquisition, campaign AS Campaign, toFloat64(cost) AS Cost, toFloat64(conversions) AS Conversions, toFloat64(revenue) AS Revenue, roi AS ROI,
				toFloat64(customers) AS Customers, cac AS CAC, ltv AS LTV, ltv_to_cac AS LTVToCAC, coalesce(toString(newest_at), '') AS Newest, toBool(problem != '') AS Problem FROM (`+sql+`)`)
			if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-3, 1e-3)); diff != "" {
				r.Fatalf("%s, from %s to %s, %d days, horizon %d (- naive, + query):\n%s", model, from, to, days, horizon, diff)
			}
			for _, c := range want {
				for what, seen := range map[string]bool{"cost": c.Cost != nil && *c.Cost > 0, "a cost of nothing": c.Cost != nil && *c.Cost == 0, "no cost": c.Cost == nil, "no revenue": c.Revenue == nil, "roi": c.ROI != nil, "cac": c.CAC != nil, "ltv": c.LTV != nil, "no ltv": c.Customers > 0 && c.LTV == nil} {
					if seen {
						told[what]++
					}
				}
			}
		}
	})
	if t.Failed() {
		return
	}
	t.Logf("rows with: %v", told)
	var any uint64
	if err := w.QueryRow(context.Background(), "SELECT count() FROM measurements").Scan(&any); err != nil || any == 0 {
		t.Errorf("%d costs, %v: nothing was tried", any, err)
	}
}
