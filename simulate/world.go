package simulate

import "math/rand/v2"

// world is a simulation under way.
type world struct {
	cfg     Config
	people  []person
	pending []message
	number  int32 // of the day
	today   today
}

func newWorld(cfg Config) *world {
	w := &world{cfg: cfg, people: newPeople(cfg)}
	for i := range w.people {
		w.remember(&w.people[i])
	}
	return w
}

// liveDay lets everybody live the day that begins at from.
func (w *world) liveDay(from int64) {
	w.today = newToday(from, w.number)
	for i := range w.people {
		if p := &w.people[i]; p.joins <= w.number {
			w.personDay(p)
		}
	}
	w.number++
}

func (w *world) personDay(p *person) {
	r, h := p.rand(), w.habits(p)
	gone := w.number >= p.leaves
	if p.known && p.mails && w.today.weekday == newsletterDay {
		w.mail(r, p, w.today.start+8*hour+int64(p.number%120)*minute, newsletter, w.today.newsletter(), gone)
	}
	if w.today.launch && w.today.number%launchEvery == 10 && p.known && p.mails {
		w.mail(r, p, w.today.start+10*hour+int64(p.number%60)*minute, launch, w.today.launchNumber(), gone)
	}
	if gone {
		return
	}
	w.seesAds(r, p)
	w.socialDay(r, p)
	if p.known && p.orders > 0 && r.Float64() < 0.05 {
		w.usesApp(r, p)
	}
	chance := h.visits / 7 * w.today.shape
	if w.number == p.joins {
		chance = 1 // the day that brought them here
	}
	if !p.project.decided && w.number >= p.project.to {
		w.decide(r, p)
	}
	for ; chance > 0; chance-- {
		if r.Float64() < chance {
			w.visit(r, p, w.timeOfDay(r, p), noCampaign, 0)
		}
	}
}

// timeOfDay draws a moment of today by the clock on the person's wall. It may fall on a neighbouring UTC day; the past is
// moved into today so that messages stay in order.
func (w *world) timeOfDay(r *rand.Rand, p *person) int64 {
	h := int64(pickWeighted(r, w.today.hours()))
	at := w.today.start + (h-places[p.place].zone)*hour + r.Int64N(hour)
	return max(at, w.today.start)
}

// say plans a message. What others refer to (visit, order) is set by the caller in extra.
func (w *world) say(p *person, ts int64, do action, m message) {
	m.ts, m.person, m.do = max(ts, w.today.start), p, do
	m.seq = p.seq
	p.seq++
	w.pending = append(w.pending, m)
}

// seesAds: people who came through advertising see more of it, everybody does while a launch is on.
func (w *world) seesAds(r *rand.Rand, p *person) {
	o := &origins[p.origin]
	chance := 0.01
	if o.ad {
		chance = 0.07
	}
	if w.today.launch {
		chance *= 2
	}
	if r.Float64() < chance {
		m := message{camp: launch, number: w.today.launchNumber(), anon: !p.known}
		at := w.timeOfDay(r, p)
		w.say(p, at, adImpression, m)
		if r.Float64() < 0.06 {
			w.say(p, at+20*second, adClick, m)
			w.visit(r, p, at+22*second, launch, w.today.launchNumber())
		}
	}
}

func (w *world) socialDay(r *rand.Rand, p *person) {
	h := &segments[p.segment]
	m := message{item: int32(r.IntN(len(networks))), anon: !p.known}
	if r.Float64() < 0.02+h.social/10 {
		at := w.timeOfDay(r, p)
		w.say(p, at, socialImpression, m)
		if r.Float64() < h.social/2 {
			w.say(p, at+15*second, socialReaction, m)
		}
		if r.Float64() < h.social/20 {
			w.say(p, at+40*second, socialFollow, m)
		}
	}
	if r.Float64() < h.advocacy/7 {
		at := w.timeOfDay(r, p)
		if r.Float64() < 0.6 {
			w.say(p, at, socialShare, m)
		} else {
			m.score = int32(r.IntN(3))
			w.say(p, at, socialMention, m)
		}
	}
	if p.known && p.orders > 0 && r.Float64() < h.advocacy/14 {
		w.say(p, w.timeOfDay(r, p), referral, message{item: int32(r.IntN(1000))})
	}
}

func (w *world) usesApp(r *rand.Rand, p *person) {
	at := w.timeOfDay(r, p)
	p.visits++
	m := message{visit: p.visits}
	w.say(p, at, login, m)
	for i := range 1 + r.IntN(4) {
		m.item = int32(r.IntN(5))
		w.say(p, at+int64(i+1)*(40*second)+r.Int64N(30*second), featureUse, m)
	}
	if r.Float64() < 0.10 {
		w.say(p, at+20*minute, supportTicket, message{score: int32(1 + r.IntN(5))})
		if r.Float64() < 0.6 {
			w.say(p, at+day+r.Int64N(day), surveyResponse, message{item: 1, score: int32(min(5, max(1, 4.3+r.NormFloat64())))})
		}
	}
}
