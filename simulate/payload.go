package simulate

import "strconv"

// object writes the fields of one JSON object.
type object struct {
	b     []byte
	comma bool
}

func (o *object) key(k string) {
	if o.comma {
		o.b = append(o.b, ',')
	}
	o.comma = true
	o.b = append(append(append(o.b, '"'), k...), `":`...)
}

func (o *object) str(k, v string) {
	o.key(k)
	o.b = append(append(append(o.b, '"'), v...), '"')
}

func (o *object) int(k string, v int64) {
	o.key(k)
	o.b = strconv.AppendInt(o.b, v, 10)
}

func (o *object) money(k string, cents int64, currency string) {
	o.key(k)
	o.b = strconv.AppendInt(o.b, cents/100, 10)
	o.b = append(o.b, '.', byte('0'+cents/10%10), byte('0'+cents%10))
	o.str("currency", currency)
}

// numbered writes prefix-person-n, the form of order, opportunity and ticket ids.
func (o *object) numbered(k, prefix string, p *person, n int64) {
	o.key(k)
	o.b = append(append(o.b, '"'), prefix...)
	o.b = append(strconv.AppendInt(o.b, int64(p.number), 10), '-')
	o.b = append(strconv.AppendInt(o.b, n, 10), '"')
}

// payload appends properties or traits, named as Segment's semantic events name them.
func (e *encoder) payload(b []byte, m *message) []byte {
	p := m.person
	currency := places[p.place].currency
	switch m.do {
	case identify:
		return traits(b, p)
	case group:
		o := object{b: append(b, `,"groupId":"`...)}
		company := companies[int(p.number)%len(companies)]
		o.b = append(appendCompanyID(o.b, p), `","traits":{`...)
		o.str("name", company)
		o.int("employees", 10*int64(1+p.number%50))
		return append(o.b, '}')
	}
	o := object{b: append(b, `,"properties":{`...)}
	switch m.do {
	case pageView:
		page := pages[m.item]
		o.str("url", site+page.path)
		o.str("path", page.path)
		o.str("title", page.title)
		if m.camp == acquisition && origins[p.origin].referrer != "" {
			o.str("referrer", origins[p.origin].referrer)
		}
	case contentDownload:
		o.str("content_id", contents[m.item])
		o.str("format", "pdf")
	case formSubmission:
		o.str("form_id", [...]string{"contact", "demo-request"}[m.item])
	case videoView:
		o.str("content_id", videos[m.item])
	case search:
		o.str("query", searches[m.item])
	case emailSent, emailDelivered, emailOpen, emailUnsubscribe, emailBounce:
		o.numbered("email_id", "mail-", p, int64(m.camp)*1000+int64(m.number))
	case emailClick:
		o.numbered("email_id", "mail-", p, int64(m.camp)*1000+int64(m.number))
		o.str("link_url", site+pages[m.item].path)
	case chatMessage:
		o.numbered("conversation_id", "chat-", p, int64(m.visit))
		o.str("text", chatLines[m.item])
	case productView, cartAdd, checkoutStart, purchase, refund:
		item := products[m.item]
		if m.order > 0 {
			o.numbered("order_id", "order-", p, int64(m.order))
		}
		o.str("product_id", item.id)
		o.str("product_name", item.name)
		if m.cents > 0 {
			// Segment's name for the amount of an order is total or revenue; value elsewhere.
			o.money([...]string{"value", "total"}[bit(m.do == purchase || m.do == refund)], m.cents, currency)
		}
	case surveyResponse:
		o.str("survey_id", [...]string{"nps", "csat-support"}[m.item])
		o.int("score", int64(m.score))
	case review:
		o.numbered("review_id", "review-", p, int64(m.order))
		o.str("product_id", products[m.item].id)
		o.int("rating", int64(m.score))
		if m.score >= 3 {
			o.str("text", reviewGood[int(p.number)%len(reviewGood)])
		} else {
			o.str("text", reviewBad[int(p.number)%len(reviewBad)])
		}
	case referral:
		o.numbered("invite_id", "invite-", p, int64(m.item))
	case socialImpression, socialReaction, socialShare, socialFollow:
		o.int("post_id", m.ts/day)
	case socialMention:
		o.key("sentiment")
		o.b = append(o.b, [...]string{"0.8", "0.3", "-0.4"}[m.score]...)
	case adImpression, adClick:
		o.str("ad_id", "ad-"+origins[p.origin].name[:2])
	case supportTicket:
		o.numbered("ticket_id", "ticket-", p, int64(m.seq))
		o.int("priority", int64(m.score))
	case featureUse:
		o.str("feature", [...]string{"export", "import", "report", "alerts", "sharing"}[m.item])
	case opportunityOpen, opportunityWon, opportunityLost:
		o.numbered("opportunity_id", "opp-", p, int64(m.order))
		o.money("value", m.cents, currency)
	}
	return append(o.b, '}')
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// traits appends who somebody says they are.
func traits(b []byte, p *person) []byte {
	first := firstNames[int(p.number)%len(firstNames)]
	last := lastNames[int(p.number)/len(firstNames)%len(lastNames)]
	o := object{b: append(b, `,"traits":{`...)}
	o.key("name")
	o.b = append(append(append(append(append(o.b, '"'), first...), ' '), last...), '"')
	o.key("email")
	o.b = append(append(append(o.b, '"'), first...), '.')
	o.b = append(append(o.b, last...), '.')
	o.b = append(strconv.AppendInt(o.b, int64(p.number), 10), '@')
	o.b = append(appendCompanyID(o.b, p), `.example.com"`...)
	o.str("segment_hint", segments[p.segment].name)
	o.str("country", places[p.place].country)
	return append(o.b, '}')
}

func appendCompanyID(b []byte, p *person) []byte {
	b = append(b, "company-"...)
	return strconv.AppendInt(b, int64(p.number%200), 10)
}
