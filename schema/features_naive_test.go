package schema_test

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/livello/livello/definitions"
)

// deed is an event as the naive features see it: what happened, and what the definitions find in it.
type deed struct {
	id        string // distinct_id
	at        time.Time
	kind      string
	channel   string
	machine   string
	named     bool // it came with a user id
	value     int
	currency  string
	page      string // key page
	signal    string
	survey    string // nps or csat
	score     float64
	sentiment float64 // NaN when nobody rated it
}

// owner says whose an id is from a moment on, unless a later one says otherwise.
type owner struct {
	id, person string
	since      time.Time
}

// naiveFeatures computes every feature from plain slices, as of a moment, as plainly as it can.
type naiveFeatures struct {
	deeds  []deed
	owners []owner
	d      *definitions.Definitions
	half   map[string]float64
}

// counted is what the naive count says about somebody.
type counted struct {
	Features    []float64
	Signals     map[string]uint64
	Revenue     map[string]int // 365 days
	RevenueEver map[string]int
	First, Last time.Time
	FirstBuy    time.Time
	LastBuy     time.Time
	Known       bool
	IDs         []string
}

func (n naiveFeatures) personAt(id string, at time.Time) string {
	person, since := id, time.Time{}
	for _, o := range n.owners {
		if o.id == id && !o.since.After(at) && !o.since.Before(since) {
			person, since = o.person, o.since
		}
	}
	return person
}

// at answers for everybody who did something, or became known, up to the end of the day of the moment.
func (n naiveFeatures) at(at time.Time) map[string]counted {
	today := midnight(at)
	byPerson := map[string][]deed{}
	for _, e := range n.deeds {
		if e.machine == "" && midnight(e.at).Compare(today) <= 0 {
			person := n.personAt(e.id, at)
			byPerson[person] = append(byPerson[person], e)
		}
	}
	out := map[string]counted{}
	for person, deeds := range byPerson {
		slices.SortStableFunc(deeds, func(x, y deed) int { return x.at.Compare(y.at) })
		if c, ok := n.count(deeds, at); ok {
			out[person] = c
		}
	}
	return out
}

func (n naiveFeatures) count(deeds []deed, at time.Time) (counted, bool) {
	today := midnight(at)
	age := func(t time.Time) int { return int(today.Sub(midnight(t)).Hours() / 24) }
	f := map[string]float64{}
	for _, name := range []string{"days_since_last_event", "days_since_last_purchase", "days_since_first_event", "nps_last", "csat_last", "sentiment_30d", "hours_since_unfollowed_download"} {
		f[name] = math.NaN()
	}
	c := counted{Signals: map[string]uint64{}, Revenue: map[string]int{}, RevenueEver: map[string]int{}}
	add := func(feature string, e deed) {
		f[feature+"_7d"]++
		f[feature+"_7d_weighted"] += math.Exp2(-float64(age(e.at)) / n.half[feature])
	}
	features := map[string]string{"page_view": "page_views", "content_download": "downloads", "email_open": "email_opens", "email_click": "email_clicks",
		"chat_message": "chats", "form_submission": "forms"}
	var previous, lastAction, lastNPS, lastCSAT, lastDownload time.Time
	var pages []deed
	var downloads []int64
	var ratings []float64
	days := map[time.Time]bool{}
	var firstNamed time.Time
	for _, e := range deeds {
		if (e.named || e.kind == "identify") && firstNamed.IsZero() {
			firstNamed = e.at
		}
		if !slices.Contains(c.IDs, e.id) {
			c.IDs = append(c.IDs, e.id)
		}
		if e.kind == "identify" {
			continue
		}
		if c.First.IsZero() {
			c.First = e.at
			f["days_since_first_event"] = float64(age(e.at))
		}
		c.Last = e.at
		acted := !slices.Contains(passive, e.kind)
		if acted {
			lastAction = e.at
			f["days_since_last_event"] = float64(age(e.at))
			if age(e.at) < 30 {
				days[midnight(e.at)] = true
			}
			if age(e.at) < 7 {
				f["actions_7d"]++
			} else if age(e.at) < 14 {
				f["actions_previous_7d"]++
			}
		}
		if e.channel == "web" || e.channel == "app" {
			second := e.at.Truncate(time.Second)
			if (previous.IsZero() || second.Sub(previous) > time.Duration(n.d.SessionTimeout)*time.Second) && age(e.at) < 7 {
				add("visits", e)
			}
			previous = second
		}
		if age(e.at) < 7 {
			if feature, ok := features[e.kind]; ok {
				add(feature, e)
			}
			if e.signal != "" {
				add(e.signal, e)
				c.Signals[e.signal]++
			}
			if e.page != "" {
				pages = append(pages, e)
			}
			if e.kind == "content_download" {
				downloads = append(downloads, e.at.Unix())
				lastDownload = e.at.Truncate(time.Second)
			}
		}
		switch e.kind {
		case "cart_add", "checkout_start":
			name := map[string]string{"cart_add": "carts", "checkout_start": "checkouts"}[e.kind]
			f[name+"_total"]++
			if age(e.at) < 30 {
				f[name+"_30d"]++
			}
		case "purchase", "refund":
			sign := 1
			if e.kind == "refund" {
				sign = -1
			} else {
				f["purchases_total"]++
				f["days_since_last_purchase"] = float64(age(e.at))
				if c.FirstBuy.IsZero() {
					c.FirstBuy = e.at
				}
				c.LastBuy = e.at
			}
			c.RevenueEver[e.currency] += sign * e.value
			if age(e.at) < 365 {
				c.Revenue[e.currency] += sign * e.value
				if sign > 0 {
					f["purchases_365d"]++
				}
			}
		}
		if e.survey == "nps" && !e.at.Before(lastNPS) {
			lastNPS, f["nps_last"] = e.at, e.score
		}
		if e.survey == "csat" && !e.at.Before(lastCSAT) {
			lastCSAT, f["csat_last"] = e.at, e.score
		}
		if !math.IsNaN(e.sentiment) && age(e.at) < 30 {
			ratings = append(ratings, e.sentiment)
		}
	}
	if c.First.IsZero() {
		c.First = firstNamed
	}
	f["advanced_interactions_7d"] = f["chats_7d"] + f["forms_7d"]
	f["advanced_interactions_7d_weighted"] = f["chats_7d_weighted"] + f["forms_7d_weighted"]
	f["active_days_30d"] = float64(len(days))
	f["trend"] = f["actions_7d"] - f["actions_previous_7d"]
	f["sentiment_30d"] = mean(ratings)
	for _, path := range n.d.KeyPaths {
		n.walk(path.Pages, pages, add)
	}
	for _, start := range downloads {
		within := 0
		for _, t := range downloads {
			if t >= start && t < start+60 {
				within++
			}
		}
		f["downloads_burst_7d"] = max(f["downloads_burst_7d"], float64(within))
	}
	if !lastDownload.IsZero() && !lastAction.Truncate(time.Second).After(lastDownload) {
		f["hours_since_unfollowed_download"] = math.Floor(max(0, at.Sub(lastDownload).Hours()))
	}
	for _, name := range n.d.FeatureNames() {
		c.Features = append(c.Features, f[name])
	}
	c.Known = !firstNamed.IsZero()
	slices.Sort(c.IDs)
	maps.DeleteFunc(c.Revenue, func(_ string, v int) bool { return v == 0 })
	maps.DeleteFunc(c.RevenueEver, func(_ string, v int) bool { return v == 0 })
	return c, !c.First.IsZero()
}

// walk goes through the pages in order, from the start of the path to its end, and then begins again.
func (n naiveFeatures) walk(path []string, pages []deed, add func(string, deed)) {
	slices.SortStableFunc(pages, func(x, y deed) int {
		if d := x.at.Unix() - y.at.Unix(); d != 0 {
			return int(d)
		}
		if x.page < y.page {
			return -1
		}
		return 1
	})
	reached := 0
	for _, e := range pages {
		if e.page != path[reached] {
			continue
		}
		if reached++; reached == len(path) {
			add("key_paths", e)
			reached = 0
		}
	}
}

func mean(of []float64) float64 {
	sum := 0.
	for _, v := range of {
		sum += v
	}
	return sum / float64(len(of)) // NaN of none
}
