package simulate

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// What is measured beside people: what ads cost, how many follow, what money is worth.
const (
	perClick      = 2400 // cents
	perImpression = 150
	ratesBefore   = historyDays + 10 // days before Start for which there are exchange rates, for the orders of the year before
)

// followersAtStart are those of networks, in order.
var followersAtStart = [...]int64{8450, 12300, 5120}

// ratesToEUR are the middle of what one unit was worth, and how far it swings.
var ratesToEUR = []struct {
	currency      string
	middle, swing float64
}{{"USD", 0.915, 0.025}, {"GBP", 1.165, 0.02}}

// Measurements yields what the company's other tools would report of the same time, one measurement a line as POST /v1/measurements takes
// them: ad spend by campaign and day, followers of each network by day, exchange rates of bank days. Times are days,
// so a simulation with a later End reports the same again, and more of its last day.
func (s *Simulation) Measurements() []byte {
	ads, follows := s.count()
	var b []byte
	for from := s.cfg.Start; from.Before(s.cfg.End); from = from.AddDate(0, 0, 1) {
		n := int(from.Sub(s.cfg.Start) / (24 * time.Hour))
		for _, c := range ads[n].campaigns {
			// Bids differ from day to day.
			bid := 0.85 + 0.3*unit(mix(s.cfg.Seed, uint64(from.Unix())), uint64(len(c.name)))
			b = measured(b, "ad_spend", from)
			b = append(b, `,"channel":"ads","campaign":"`...)
			b = append(append(b, c.name...), `","currency":"EUR"`...)
			b = valued(b, math.Round(bid*float64(perClick*c.clicks+perImpression*c.impressions))/100)
		}
		for i, network := range networks {
			b = measured(b, "followers", from)
			b = append(append(append(b, `,"channel":"`...), network...), '"')
			b = valued(b, float64(followersAtStart[i]+follows[n][i]))
		}
	}
	for from := s.cfg.Start.AddDate(0, 0, -ratesBefore); from.Before(s.cfg.End); from = from.AddDate(0, 0, 1) {
		if from.Weekday() == time.Saturday || from.Weekday() == time.Sunday {
			continue
		}
		for i, rate := range ratesToEUR {
			wave := math.Sin(float64(from.Unix()/86400)/37 + float64(i))
			b = measured(b, "exchange_rate", from)
			b = append(append(append(b, `,"currency":"`...), rate.currency...), `","base":"EUR"`...)
			b = valued(b, math.Round((rate.middle+rate.swing*wave)*1e4)/1e4)
		}
	}
	return b
}

func measured(b []byte, kind string, day time.Time) []byte {
	b = append(append(append(b, `{"kind":"`...), kind...), `","ts":"`...)
	return append(day.AppendFormat(b, time.DateOnly), '"')
}

func valued(b []byte, value float64) []byte {
	b = append(b, `,"value":`...)
	return append(strconv.AppendFloat(b, value, 'f', -1, 64), "}\n"...)
}

// unit is a number in [0, 1) made of two.
func unit(a, b uint64) float64 { return float64(mix(a, b)>>11) / (1 << 53) }

// adDay is what ads did on a day.
type adDay struct{ campaigns []adCampaign }

type adCampaign struct {
	name                string
	clicks, impressions int
}

// count goes through the simulation once for what its measurements are about: ads by day, and followers won until the end of each day by network.
func (s *Simulation) count() ([]adDay, [][len(followersAtStart)]int64) {
	days := int(s.cfg.End.Sub(s.cfg.Start).Hours()/24) + 1
	ads, follows := make([]adDay, days), make([][len(followersAtStart)]int64, days)
	for m := range s.messages(newWorld(s.cfg)) {
		n := int((m.ts - s.cfg.Start.UnixMilli()) / day)
		switch m.do {
		case adClick, adImpression:
			ads[n].add(m)
		case socialFollow:
			follows[n][m.item]++
		}
	}
	// Most who follow are in no other tool of ours, and some leave again.
	for n := range follows {
		for i := range follows[n] {
			others := int64(12*unit(mix(s.cfg.Seed, uint64(n)), uint64(i))) - 2
			follows[n][i] += others
			if n > 0 {
				follows[n][i] += follows[n-1][i]
			}
		}
	}
	return ads, follows
}

func (d *adDay) add(m *message) {
	name := m.utmCampaign()
	for i := range d.campaigns {
		if c := &d.campaigns[i]; c.name == name {
			c.clicks += bit(m.do == adClick)
			c.impressions += bit(m.do == adImpression)
			return
		}
	}
	d.campaigns = append(d.campaigns, adCampaign{name, bit(m.do == adClick), bit(m.do == adImpression)})
}

// utmCampaign is the campaign that the message is marked with.
func (m *message) utmCampaign() string {
	switch m.camp {
	case launch:
		return fmt.Sprint("launch-", m.number+1)
	case acquisition:
		return alwaysOn + origins[m.person.origin].source
	default:
		return ""
	}
}
