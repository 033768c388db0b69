package simulate

import "math/rand/v2"

// mail plans a mailing and what comes of it: delivery or bounce, perhaps an open, a click and the visit it brings.
func (w *world) mail(r *rand.Rand, p *person, at int64, camp campaign, number int32, gone bool) {
	h := w.habits(p)
	m := message{camp: camp, number: number}
	w.say(p, at, emailSent, m)
	if r.Float64() < 0.008 {
		w.say(p, at+4*second, emailBounce, m)
		if r.Float64() < 0.3 {
			p.mails = false // a hard bounce: the address is gone
		}
		return
	}
	w.say(p, at+5*second, emailDelivered, m)
	open := h.open
	if camp == nurture || camp == cartReminder {
		open = min(0.9, open*1.4)
	}
	if p.quirk == proxied && !gone {
		for range 2 + r.IntN(3) {
			at += second + r.Int64N(3*hour)
			w.say(p, at, emailOpen, m)
		}
		return
	}
	if gone {
		open = 0.01
	}
	if r.Float64() >= open {
		return
	}
	at += minute + int64(r.ExpFloat64()*float64(5*hour))
	w.say(p, at, emailOpen, m)
	if r.Float64() < 0.006 {
		w.say(p, at+30*second, emailUnsubscribe, m)
		p.mails = false
		return
	}
	if gone || r.Float64() >= h.click {
		return
	}
	at += 25 * second
	m.item = int32(r.IntN(len(pages)))
	if camp == nurture && r.Float64() < 0.5 || p.interested(w.number) && r.Float64() < 0.3 {
		m.item = int32(len(pages) - 1) // the demo
	}
	w.say(p, at, emailClick, m)
	w.visit(r, p, at+3*second, camp, number)
}

// afterOrder plans the survey, the review and the refund that may follow an order.
func (w *world) afterOrder(r *rand.Rand, p *person, at int64, item int32, cents int64) {
	likes := r.NormFloat64()*1.8 + 8.6
	switch p.segment {
	case fan:
		likes += 1.4
	case lapsed:
		likes -= 1.6
	}
	score := int32(min(10, max(0, likes)))
	if r.Float64() < 0.28 {
		w.say(p, at+6*day+r.Int64N(day), surveyResponse, message{score: score})
	}
	if r.Float64() < 0.03+segments[p.segment].advocacy/2 {
		w.say(p, at+9*day+r.Int64N(4*day), review, message{item: item, score: 1 + (4*score+5)/10, order: p.orders}) // 1 to 5 stars
	}
	if r.Float64() < 0.035 {
		w.say(p, at+4*day+r.Int64N(6*day), refund, message{item: item, cents: cents, order: p.orders})
	}
}

// becomesLead plans the way through the CRM: lead, qualified, opportunity, won or lost.
func (w *world) becomesLead(r *rand.Rand, p *person, at int64) {
	p.lead = true
	w.say(p, at+10*minute, leadCreated, message{})
	w.say(p, at+11*minute, group, message{})
	serious := p.interested(w.number) && p.project.serious
	if !serious && r.Float64() > 0.5 {
		return
	}
	at += day + r.Int64N(4*day)
	w.say(p, at, call, message{})
	w.say(p, at+hour, leadQualified, message{})
	if !serious && r.Float64() > 0.5 {
		return
	}
	w.deal(r, p, at+day+r.Int64N(4*day), serious)
}

// deal plans a meeting and what comes of it. Serious ones are quicker, and most are won.
func (w *world) deal(r *rand.Rand, p *person, at int64, serious bool) {
	if p.deal {
		return
	}
	p.deal = true
	cents := int64(50_000 + r.IntN(40)*10_000)
	w.say(p, at, meeting, message{})
	w.say(p, at+2*hour, opportunityOpen, message{cents: cents, order: 1})
	wins, wait := 0.2, 10*day+r.Int64N(30*day)
	if serious {
		wins, wait = 0.85, 3*day+r.Int64N(9*day)
	}
	at += wait
	if r.Float64() < wins {
		w.say(p, at, opportunityWon, message{cents: cents, order: 1})
	} else {
		w.say(p, at, opportunityLost, message{cents: cents, order: 1})
	}
}
