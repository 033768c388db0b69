package schema_test

import (
	"maps"
	"math"
	"slices"
	"sort"
	"time"
)

// naive answers the views' questions from plain slices of events, as slowly and plainly as it can.
type naive struct {
	events []ev
	today  time.Time // midnight UTC
}

// passive are the kinds that reach a person rather than being done by them.
var passive = []string{"email_sent", "email_delivered", "email_bounce", "ad_impression", "social_impression", "experiment_exposure"}

func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

func (n naive) age(t time.Time) int { return int(n.today.Sub(midnight(t)).Hours() / 24) }

// personOf is the person an id belongs to: the earliest user it was seen with, after one renaming.
func (n naive) personOf(id string) string {
	earliest := func(id string, aliasOnly bool) string {
		user, at := "", time.Time{}
		for _, e := range n.events {
			joined := e.anon
			if e.kind == "alias" {
				joined = e.previous
			}
			if joined != id || e.user == "" || e.user == id || aliasOnly && e.kind != "alias" {
				continue
			}
			if user == "" || e.at.Before(at) || e.at.Equal(at) && e.user < user {
				user, at = e.user, e.at
			}
		}
		return user
	}
	user := earliest(id, false)
	if user == "" {
		return id
	}
	if renamed := earliest(user, true); renamed != "" {
		return renamed
	}
	return user
}

// human are the events of engagement of humans, up to the end of today.
func (n naive) human(e ev) bool { return e.engagement() && e.machine == "" }

type features struct {
	Person                       string
	Visits                       uint64
	VisitsW                      float64
	Sums                         map[string]uint64 // page_views, downloads, ... of 7 days
	Weighted                     map[string]float64
	ActiveDays, Carts, Purchases uint64
	Revenue                      map[string]int
	SinceEvent, SincePurchase    int // -1 for never
	Trend                        int64
	FirstSeen, LastSeen          time.Time
}

var featureKinds = map[string]string{
	"page_views": "page_view", "downloads": "content_download", "email_opens": "email_open", "email_clicks": "email_click",
	"chats": "chat_message", "forms": "form_submission",
}

func (n naive) features() map[string]features {
	byPerson := map[string][]ev{}
	for _, e := range n.events {
		if n.human(e) && n.age(e.at) >= 0 {
			person := n.personOf(e.distinct())
			byPerson[person] = append(byPerson[person], e)
		}
	}
	out := map[string]features{}
	for person, events := range byPerson {
		sort.Slice(events, func(i, j int) bool { return events[i].at.Before(events[j].at) })
		last := events[len(events)-1]
		if n.age(last.at) >= 365 {
			continue
		}
		f := features{Person: person, Sums: map[string]uint64{}, Weighted: map[string]float64{}, Revenue: map[string]int{},
			SinceEvent: -1, SincePurchase: -1, FirstSeen: events[0].at, LastSeen: last.at}
		days := map[time.Time]bool{}
		var previous time.Time
		for _, e := range events {
			age := n.age(e.at)
			weight := math.Exp2(-float64(age) / 3)
			did := !slices.Contains(passive, e.kind)
			if e.channel == "web" || e.channel == "app" {
				if second := e.at.Truncate(time.Second); previous.IsZero() || second.Sub(previous) > 30*time.Minute {
					if age < 7 {
						f.Visits++
						f.VisitsW += weight
					}
				}
				previous = e.at.Truncate(time.Second)
			}
			for name, kind := range featureKinds {
				if e.kind == kind && age < 7 {
					f.Sums[name]++
					f.Weighted[name] += weight
				}
			}
			if did {
				f.SinceEvent = age
				if age < 30 {
					days[midnight(e.at)] = true
				}
				if age < 7 {
					f.Trend++
				} else if age < 14 {
					f.Trend--
				}
			}
			if e.kind == "cart_add" && age < 30 {
				f.Carts++
			}
			if e.kind == "purchase" {
				f.SincePurchase = age
				if age < 365 {
					f.Purchases++
					f.Revenue[e.currency] += e.value
				}
			}
			if e.kind == "refund" && age < 365 {
				f.Revenue[e.currency] -= e.value
			}
		}
		f.ActiveDays = uint64(len(days))
		maps.DeleteFunc(f.Revenue, func(_ string, v int) bool { return v == 0 })
		out[person] = f.rounded()
	}
	return out
}

type channelDay struct{ day, channel, kind, source, campaign, currency string }

type channelSums struct {
	events, human, people uint64
	value                 int
}

func (n naive) channelDaily() map[channelDay]channelSums {
	out := map[channelDay]channelSums{}
	people := map[channelDay]map[string]bool{}
	for _, e := range n.events {
		if !e.engagement() {
			continue
		}
		k := channelDay{e.at.UTC().Format(time.DateOnly), e.channel, e.kind, e.source, e.campaign, e.currency}
		s := out[k]
		s.events++
		if e.machine == "" {
			s.human++
			s.value += e.value
			if people[k] == nil {
				people[k] = map[string]bool{}
			}
			people[k][e.distinct()] = true
			s.people = uint64(len(people[k]))
		}
		out[k] = s
	}
	return out
}

type person struct {
	IDs                 []string
	Traits              map[string]string
	Account             string
	FirstSeen, LastSeen time.Time
}

func (n naive) people() map[string]person {
	type sight struct{ first, last time.Time }
	see := func(m map[string]sight, who string, at time.Time) {
		s, ok := m[who]
		if !ok || at.Before(s.first) {
			s.first = at
		}
		if !ok || at.After(s.last) {
			s.last = at
		}
		m[who] = s
	}
	out, engaged, told := map[string]person{}, map[string]sight{}, map[string]sight{}
	traitAt, accountAt := map[string]time.Time{}, map[string]time.Time{}
	know := func(id string) string {
		who := n.personOf(id)
		p := out[who]
		if p.Traits == nil {
			p.Traits = map[string]string{}
		}
		for _, id := range []string{id, who} {
			if !slices.Contains(p.IDs, id) {
				p.IDs = append(p.IDs, id)
			}
		}
		slices.Sort(p.IDs)
		out[who] = p
		return who
	}
	for _, e := range n.events {
		id := e.distinct()
		if id == "" {
			continue
		}
		who := n.personOf(id)
		if n.human(e) {
			see(engaged, know(id), e.at)
		}
		joined := e.anon
		if e.kind == "alias" {
			joined = e.previous
		}
		if e.user != "" && joined != "" && joined != e.user {
			see(told, know(joined), e.at)
			see(told, know(e.user), e.at)
		}
		if e.account != "" {
			see(told, know(id), e.at)
			if p := out[who]; e.at.After(accountAt[who]) {
				p.Account, accountAt[who] = e.account, e.at
				out[who] = p
			}
		}
		if e.kind == "identify" {
			for name, value := range e.traits {
				know(id)
				if k := who + "\x00" + name; e.at.After(traitAt[k]) {
					out[who].Traits[name], traitAt[k] = value, e.at
				}
				see(told, who, n.latestTold(id, name))
			}
		}
	}
	for who, p := range out {
		s, ok := engaged[who]
		if !ok {
			s = told[who]
		}
		p.FirstSeen, p.LastSeen = s.first, s.last
		out[who] = p
	}
	return out
}

// latestTold is when an id was last told a trait: person_traits keeps no earlier time.
func (n naive) latestTold(id, trait string) time.Time {
	var at time.Time
	for _, e := range n.events {
		if _, has := e.traits[trait]; has && e.kind == "identify" && e.distinct() == id && e.at.After(at) {
			at = e.at
		}
	}
	return at
}
