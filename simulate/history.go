package simulate

// Customers of the year before are in the first week's audience already: the shop's export tells who they are and what they ordered.
const (
	historyDays  = 330 // before Start
	historyEnds  = 15  // days before Start without an order
	historyTimes = 3   // orders of one customer, at most
)

// historyShare is how many of those who are there in the first week ordered in the year before, by segment.
var historyShare = [len(segments)]float64{0.02, 0.05, 0.35, 0.7, 0.45}

// remember plans what the export tells of p. Its messages are older than Start.
func (w *world) remember(p *person) {
	r := p.rand()
	if p.joins >= 7 || r.Float64() >= historyShare[p.segment] {
		return
	}
	start := w.cfg.Start.UnixMilli()
	n := 1 + r.IntN(historyTimes)
	if p.segment != fan {
		n = 1 + n/historyTimes
	}
	at := start - historyEnds*day - r.Int64N((historyDays-historyEnds)*day)
	p.known, p.mails = true, true
	tell := func(do action, m message) {
		m.ts, m.person, m.do, m.seq = at, p, do, p.seq
		p.seq++
		w.pending = append(w.pending, m)
	}
	tell(identify, message{})
	for range n {
		item := int32(pickWeighted(r, productWeights))
		p.orders++
		tell(purchase, message{item: item, cents: products[item].cents * int64(1+r.IntN(2)), order: p.orders})
		at += (start - historyEnds*day - at) / 2
	}
}
