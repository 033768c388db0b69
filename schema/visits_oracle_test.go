package schema_test

import (
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/google/uuid"
)

// act is an event of the naive world of sessions, touches and money; what is empty is left out.
type act struct {
	at                       time.Time
	id                       string // distinct_id
	kind, channel, machine   string
	path, name               string
	source, medium, campaign string
	referrer, url            string
	value                    int // in cents of currency
	currency                 string
	event                    uuid.UUID
}

// visitor answers the questions of sessions, attribution and value from plain slices. persons maps an id to its person; an id
// that is not in it is its own.
type visitor struct {
	acts    []act
	persons map[string]string
	rules   []rule
	rates   map[string]map[string]int // currency, day, millionths of the base currency for a unit
	timeout time.Duration
	wanted  []string // conversion kinds
}

// rule is one of the definitions' ways in; patterns are substrings here, "" fits anything.
type rule struct{ channel, medium, source, referrer string }

func (v visitor) person(id string) string {
	if p := v.persons[id]; p != "" {
		return p
	}
	return id
}

func (v visitor) human() []act {
	var all []act
	for _, a := range v.acts {
		if a.machine == "" && !slices.Contains([]string{"identify", "group", "alias"}, a.kind) {
			all = append(all, a)
		}
	}
	return all
}

// page is the path of a page view, or what stands for it.
func (a act) page() string {
	switch {
	case a.kind != "page_view":
		return ""
	case a.path != "":
		return a.path
	case a.name != "":
		return a.name
	}
	return "/"
}

// from is the referrer when it is another site's.
func (a act) from() string {
	r, err := url.Parse(a.referrer)
	if err != nil {
		return ""
	}
	if u, err := url.Parse(a.url); err == nil && u.Hostname() == r.Hostname() {
		return ""
	}
	return a.referrer
}

func (v visitor) acquisition(source, medium, referrer string) string {
	referrer, _, _ = strings.Cut(strings.ToLower(referrer), "?")
	for _, r := range v.rules {
		fits := func(pattern, text string) bool {
			return pattern == "" || pattern == "*" && text != "" || pattern != "*" && strings.Contains(text, pattern)
		}
		if fits(r.medium, strings.ToLower(medium)) && fits(r.source, strings.ToLower(source)) && fits(r.referrer, referrer) {
			return r.channel
		}
	}
	return "other"
}

// session is a row of the view sessions.
type session struct {
	Person                                string
	Start, End                            string
	Seconds, Events, Pages                int
	Entry, Exit, Referrer                 string
	Source, Medium, Campaign, Acquisition string
	Conversions                           int
	start, end                            time.Time
}

const milli = "2006-01-02 15:04:05.000"

// sessions are all sessions, in the order of person and start.
func (v visitor) sessions() []session {
	hits := map[string][]act{}
	for _, a := range v.human() {
		if a.channel == "web" || a.channel == "app" {
			p := v.person(a.id)
			hits[p] = append(hits[p], a)
		}
	}
	var all []session
	for person, list := range hits {
		sort.SliceStable(list, func(i, j int) bool {
			x, y := list[i], list[j]
			if !x.at.Equal(y.at) {
				return x.at.Before(y.at)
			}
			return fmt.Sprint([]string{x.page(), x.source, x.medium, x.campaign, x.from()}) < fmt.Sprint([]string{y.page(), y.source, y.medium, y.campaign, y.from()})
		})
		for i := 0; i < len(list); {
			j := i + 1
			for j < len(list) && list[j].at.Unix()-list[j-1].at.Unix() <= int64(v.timeout.Seconds()) {
				j++
			}
			all = append(all, v.session(person, list[i:j]))
			i = j
		}
	}
	sort.Slice(all, func(i, j int) bool {
		return all[i].Person < all[j].Person || all[i].Person == all[j].Person && all[i].start.Before(all[j].start)
	})
	return all
}

func (v visitor) session(person string, run []act) session {
	s := session{Person: person, start: run[0].at, end: run[len(run)-1].at, Events: len(run)}
	s.Start, s.End, s.Seconds = s.start.Format(milli), s.end.Format(milli), int(s.end.Sub(s.start).Seconds())
	told := false
	for _, a := range run {
		if p := a.page(); p != "" {
			if s.Pages++; s.Pages == 1 {
				s.Entry = p
			}
			s.Exit = p
		}
		if !told && a.source+a.medium+a.campaign+a.from() != "" {
			told, s.Source, s.Medium, s.Campaign, s.Referrer = true, a.source, a.medium, a.campaign, a.from()
		}
	}
	s.Acquisition = v.acquisition(s.Source, s.Medium, s.Referrer)
	for _, a := range v.human() {
		if v.person(a.id) == person && slices.Contains(v.wanted, a.kind) && !a.at.Before(s.start) && a.at.Unix()-s.end.Unix() <= int64(v.timeout.Seconds()) {
			s.Conversions++
		}
	}
	return s
}

// credit is a row of attribution_between: shares in millionths, money in ten-thousandths of the base currency.
type credit struct {
	Person, Event, Touched, Acquisition, Campaign string
	Touch, Touches                                int
	First, Last, Linear                           int
	Amount, LinearAmount                          *int64
}

type touch struct {
	at             time.Time
	name, campaign string
}

// touches are a person's ways in, in order.
func (v visitor) touches(person string, sessions []session) []touch {
	var all []touch
	for _, s := range sessions {
		if s.Person == person {
			all = append(all, touch{s.start, s.Acquisition, s.Campaign})
		}
	}
	for _, a := range v.human() {
		if v.person(a.id) != person || a.kind != "email_click" && a.kind != "ad_click" || a.channel == "web" || a.channel == "app" {
			continue
		}
		medium := a.medium
		if medium == "" {
			medium = map[string]string{"email_click": "email", "ad_click": "cpc"}[a.kind]
		}
		name := v.acquisition(a.source, medium, "")
		led := slices.ContainsFunc(sessions, func(s session) bool {
			return s.Person == person && s.Acquisition == name && !a.at.Before(s.start.Add(-v.timeout)) && !a.at.After(s.end)
		})
		if !led {
			all = append(all, touch{a.at, name, a.campaign})
		}
	}
	sort.Slice(all, func(i, j int) bool {
		x, y := all[i], all[j]
		if !x.at.Equal(y.at) {
			return x.at.Before(y.at)
		}
		return x.name < y.name || x.name == y.name && x.campaign < y.campaign
	})
	return all
}

func (v visitor) credits(from, to time.Time, lookback int) []credit {
	sessions := v.sessions()
	var all []credit
	for _, a := range v.human() {
		if !slices.Contains(v.wanted, a.kind) || a.at.Before(from) || !a.at.Before(to) {
			continue
		}
		person := v.person(a.id)
		var inTime, telling []touch
		for _, t := range v.touches(person, sessions) {
			if !t.at.After(a.at) && !t.at.Before(a.at.AddDate(0, 0, -lookback)) {
				if inTime = append(inTime, t); t.name != "direct" {
					telling = append(telling, t)
				}
			}
		}
		if len(telling) > 0 {
			inTime = telling
		}
		amount := v.amount(a)
		c := credit{Person: person, Event: a.event.String(), Acquisition: "unattributed", Touch: 1, First: 1e6, Last: 1e6, Linear: 1e6, Amount: amount, LinearAmount: amount}
		if len(inTime) == 0 {
			all = append(all, c)
		}
		for i, t := range inTime {
			n := len(inTime)
			c.Touched, c.Acquisition, c.Campaign, c.Touch, c.Touches = t.at.Format(milli), t.name, t.campaign, i+1, n
			c.First, c.Last, c.Linear = 0, 0, 1000000/n
			if i == 0 {
				c.First = 1e6
			}
			if i == n-1 {
				c.Last = 1e6
			}
			if i < 1000000%n {
				c.Linear++
			}
			if amount != nil {
				part := *amount / int64(n)
				if int64(i) < *amount%int64(n) {
					part++
				}
				c.LinearAmount = &part
			}
			all = append(all, c)
		}
	}
	sort.Slice(all, func(i, j int) bool {
		return all[i].Event < all[j].Event || all[i].Event == all[j].Event && all[i].Touch < all[j].Touch
	})
	return all
}

// amount is what the money of an event is worth, in ten-thousandths of the base currency; nil without a rate of the seven days
// that end with its day.
func (v visitor) amount(a act) *int64 {
	zero := int64(0)
	if a.value == 0 {
		return &zero
	}
	for age := range 7 {
		rate := v.rates[a.currency][a.at.AddDate(0, 0, -age).Format("2006-01-02")]
		if a.currency == "EUR" {
			rate = 1000000
		}
		if rate > 0 {
			worth := (int64(a.value)*int64(rate)*2 + 10000) / 20000 // cents x millionths are 1e-8: rounded to 1e-4
			if a.kind == "refund" {
				worth = -worth
			}
			return &worth
		}
	}
	return nil
}

// customer is a row of person_value.
type customer struct {
	Person              string
	Orders, Refunds     int
	Gross, Refunded     *int64
	First, Last, Cohort string
	RFM                 string
	lastDay             string
	known               bool
}

func (v visitor) customers() []customer {
	found := map[string]*customer{}
	for _, a := range v.human() {
		ordered := a.kind == "purchase" || a.kind == "opportunity_won"
		if !ordered && a.kind != "refund" {
			continue
		}
		person := v.person(a.id)
		c := found[person]
		if c == nil {
			c = &customer{Person: person, Gross: new(int64), Refunded: new(int64), known: true}
			found[person] = c
		}
		worth := v.amount(a)
		c.known = c.known && worth != nil
		if !ordered {
			if c.Refunds++; worth != nil {
				*c.Refunded -= *worth
			}
			continue
		}
		at := a.at.Format(milli)
		if c.Orders++; c.Orders == 1 || at < c.First {
			c.First, c.Cohort = at, a.at.Format("2006-01-")+"01"
		}
		c.Last = max(c.Last, at)
		c.lastDay = c.Last[:10]
		if worth != nil {
			*c.Gross += *worth
		}
	}
	var all []customer
	for _, c := range found {
		all = append(all, *c)
	}
	score := func(c customer, counts func(customer) bool, worse func(x, y customer) bool) string {
		of, less := 0, 0
		for _, other := range all {
			if counts(other) {
				if of++; worse(other, c) {
					less++
				}
			}
		}
		return fmt.Sprint(1 + 5*less/of)
	}
	buyer := func(c customer) bool { return c.Orders > 0 }
	valued := func(c customer) bool { return c.Orders > 0 && c.known }
	scored := slices.Clone(all)
	for i, c := range scored {
		if c.Orders > 0 {
			scored[i].RFM = score(c, buyer, func(x, y customer) bool { return x.lastDay < y.lastDay }) +
				score(c, buyer, func(x, y customer) bool { return x.Orders < y.Orders })
			if c.known {
				scored[i].RFM += score(c, valued, func(x, y customer) bool { return *x.Gross-*x.Refunded < *y.Gross-*y.Refunded })
			} else {
				scored[i].RFM += "-"
			}
		}
		if !c.known {
			scored[i].Gross, scored[i].Refunded = nil, nil
		}
	}
	sort.Slice(scored, func(i, j int) bool { return scored[i].Person < scored[j].Person })
	return scored
}
