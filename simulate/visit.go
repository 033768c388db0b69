package simulate

import "math/rand/v2"

// visit plans one session on the site from its first page to, perhaps, an order.
func (w *world) visit(r *rand.Rand, p *person, at int64, camp campaign, number int32) {
	w.visitAs(r, p, at, w.habits(p), camp, number)
}

// visitAs is a visit with habits that need not be the person's usual ones.
func (w *world) visitAs(r *rand.Rand, p *person, at int64, h *habits, camp campaign, number int32) {
	p.visits++
	v := message{visit: p.visits, camp: camp, number: number, phone: p.phone && r.Float64() < 0.45}
	if !p.seen {
		p.seen = true
		v.phone, v.camp = false, acquisition
		if origins[p.origin].ad {
			w.say(p, at-90*second, adImpression, message{camp: acquisition, anon: true})
			w.say(p, at-3*second, adClick, message{camp: acquisition, anon: true})
		}
	}
	v.anon = !p.known || v.phone && !p.linked
	step := func(do action, m message) {
		m.visit, m.phone, m.anon, m.camp, m.number = v.visit, v.phone, v.anon, v.camp, v.number
		w.say(p, at, do, m)
		at += 8*second + int64(r.ExpFloat64()*float64(45*second))
	}
	happens := func(chance float64) bool { return r.Float64() < chance }
	identifies := func() {
		v.anon = false
		p.linked = p.linked || v.phone
		step(identify, message{})
		if p.known {
			return
		}
		p.known = true
		step(signUp, message{})
	}

	if p.interested(w.number) && happens(0.7) {
		for _, page := range ways[r.IntN(len(ways))] {
			step(pageView, message{item: page})
		}
	}
	for n := 1 + int(r.ExpFloat64()*(h.pages-1)+0.5); n > 0; n-- {
		step(pageView, message{item: int32(pickWeighted(r, pageWeights[p.segment]))})
	}
	if v.anon && happens(h.identify) {
		identifies()
	}
	if happens(h.search) {
		step(search, message{item: int32(r.IntN(len(searches)))})
	}
	if happens(h.video) {
		step(videoView, message{item: int32(r.IntN(len(videos)))})
	}
	if happens(h.chat) {
		for range 1 + r.IntN(4) {
			step(chatMessage, message{item: int32(r.IntN(len(chatLines)))})
		}
	}
	if p.quirk == collector && happens(0.4) {
		if v.anon && happens(0.5) {
			identifies()
		}
		for item := range int32(5 + r.IntN(len(contents)-5)) {
			w.say(p, at, contentDownload, message{item: item, visit: v.visit, phone: v.phone, anon: v.anon, camp: v.camp, number: v.number})
			at += 2*second + r.Int64N(5*second)
		}
	} else if happens(h.download) {
		if v.anon && happens(0.5) { // half of the papers ask who reads them
			identifies()
		}
		item := int32(pickWeighted(r, contentWeights))
		if p.interested(w.number) && happens(0.25) {
			item = int32(len(contents) - 1)
		}
		step(contentDownload, message{item: item})
		if p.known && p.mails {
			w.mail(r, p, at+26*hour, nurture, w.today.number, false)
		}
	}
	if happens(h.form) {
		if v.anon {
			identifies()
		}
		step(formSubmission, message{item: int32(bit(p.interested(w.number) || happens(0.3)))})
		if !p.lead {
			w.becomesLead(r, p, at)
		}
	}
	if happens(h.product) {
		w.shop(r, p, h, step, identifies, &at, &v)
	}
}

// shop is the part of a visit that leads to an order, or to a cart left behind.
func (w *world) shop(r *rand.Rand, p *person, h *habits, step func(action, message), identifies func(), at *int64, v *message) {
	var item int32
	for range 1 + r.IntN(4) {
		item = int32(pickWeighted(r, productWeights))
		if h == &orderingHabits {
			item = largeOrders[r.IntN(len(largeOrders))]
		}
		step(productView, message{item: item})
	}
	if r.Float64() >= h.cart {
		return
	}
	cents := products[item].cents * int64(1+r.IntN(3))
	step(cartAdd, message{item: item, cents: cents})
	if r.Float64() < h.checkout {
		step(checkoutStart, message{item: item, cents: cents})
		if r.Float64() < h.purchase {
			if v.anon {
				identifies()
			}
			p.orders++
			step(purchase, message{item: item, cents: cents, order: p.orders})
			w.afterOrder(r, p, *at, item, cents)
			return
		}
	}
	if p.known && p.mails {
		w.mail(r, p, *at+20*hour, cartReminder, w.today.number, false)
	}
}
