package simulate

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What shows foretells what comes, but not for sure: that is what the demo's tiers find out.
func TestProjectsShowAndOftenEndInAnOrder(t *testing.T) {
	cfg := demo
	cfg.People = 3000
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	type sums struct{ people, converted, visits, demos int }
	var keen, weighing, none sums
	w := newWorld(s.cfg)
	of := func(p *person) *sums {
		switch {
		case p.project.from == never || p.project.to == 0 || int(p.project.to)+20 > cfg.Days:
			return &none
		case p.project.keen:
			return &keen
		default:
			return &weighing
		}
	}
	converted := map[int32]bool{}
	for m := range s.messages(w) {
		p := m.person
		n := int32((m.ts - s.cfg.Start.UnixMilli()) / day)
		during := n >= p.project.from && n < p.project.to
		switch {
		case m.do == pageView && during:
			of(p).visits++
		case m.do == emailClick && during && pages[m.item].path == "/demo":
			of(p).demos++
		case (m.do == purchase || m.do == opportunityWon) && n >= p.project.from && n < p.project.from+30 && !converted[p.number]:
			converted[p.number] = true
			of(p).converted++
		}
	}
	for i := range w.people {
		of(&w.people[i]).people++
	}
	rate := func(n, of int) float64 { return float64(n) / float64(max(of, 1)) }
	t.Logf("keen %+v, weighing %+v, none %+v", keen, weighing, none)
	if keen.people < 50 || weighing.people < 50 {
		t.Fatal("too few projects to compare")
	}
	if rate(keen.visits, keen.people) < 1.5*rate(weighing.visits, weighing.people) || rate(keen.demos, keen.people) < 1.5*rate(weighing.demos, weighing.people) {
		t.Error("of a keen project not much more shows")
	}
	if k, wg := rate(keen.converted, keen.people), rate(weighing.converted, weighing.people); k < 0.6 || k > 0.95 || wg < 0.3 || wg > 0.7 {
		t.Errorf("%.2f of keen projects and %.2f of others end with an order", k, wg)
	}
}

// Some look interested and are not: definitions have rules against them.
func TestFalseLeads(t *testing.T) {
	bursts, proxies := 0, map[string]int{}
	clicks := map[string]bool{}
	downloads := map[string][]time.Time{}
	for _, m := range demoMessages(t) {
		who := m.UserID + m.AnonymousID
		switch m.Event {
		case "Content Downloaded":
			recent := append(downloads[who], m.Timestamp)
			for len(recent) > 0 && m.Timestamp.Sub(recent[0]) > time.Minute {
				recent = recent[1:]
			}
			if len(recent) == 5 {
				bursts++
			}
			downloads[who] = recent
		case "Email Opened":
			proxies[m.UserID]++
		case "Email Link Clicked":
			clicks[m.UserID] = true
		}
	}
	silent := 0
	for who, opens := range proxies {
		if opens >= 10 && !clicks[who] {
			silent++
		}
	}
	t.Log(bursts, "bursts of downloads,", silent, "open and never click")
	if bursts < 5 || silent < 5 {
		t.Errorf("%d bursts of downloads and %d people who open and never click", bursts, silent)
	}
}

func TestMeasurements(t *testing.T) {
	cfg := demo
	cfg.People, cfg.Days = 300, 20
	cfg.End = cfg.Start.Add(15*24*time.Hour + 13*time.Hour)
	of := func() []string {
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(s.Measurements())), "\n")
	}
	first := of()
	if again := of(); !slices.Equal(first, again) {
		t.Error("another time, other measurements")
	}
	cfg.End = cfg.Start.AddDate(0, 0, 18)
	later := of()
	whole := cfg.Start.AddDate(0, 0, 15).Format(time.DateOnly)
	for _, line := range first {
		if !strings.Contains(line, whole) && !slices.Contains(later, line) {
			t.Errorf("a later end changes %s", line)
		}
	}
	kinds := map[string]int{}
	for _, line := range first {
		for _, part := range []string{`"ad_spend"`, `"followers"`, `"exchange_rate"`, `"campaign":"always-on-google"`, `"channel":"social.linkedin"`, `"currency":"USD"`} {
			if strings.Contains(line, part) {
				kinds[part]++
			}
		}
	}
	if kinds[`"ad_spend"`] < 15 || kinds[`"followers"`] != 3*16 || kinds[`"exchange_rate"`] < 200 || kinds[`"campaign":"always-on-google"`] < 8 || kinds[`"channel":"social.linkedin"`] != 16 || kinds[`"currency":"USD"`] < 100 {
		t.Errorf("measurements: %v", kinds)
	}
}
