package simulate

import "math/rand/v2"

// project is a time in which somebody thinks about buying something larger. It shows: they come often, take the ways through the
// site that lead somewhere, read, open their mail, ask. Whether they buy in the end is drawn beforehand and seen afterwards only.
type project struct {
	from, to int32 // days; to is the day of the decision
	keen     bool  // a great deal shows, otherwise some
	serious  bool  // buys in the end
	decided  bool
}

// Of each segment, who has a project; and of the projects, how many are keen and end well. What shows foretells, but not for sure.
var projectShare = [len(segments)]float64{0.035, 0.20, 0.20, 0.20, 0.12}

const (
	keenShare      = 0.5
	keenSerious    = 0.88
	weighedSerious = 0.45
)

func drawProject(r *rand.Rand, p *person) project {
	if r.Float64() >= projectShare[p.segment] {
		return project{from: never, to: never}
	}
	pr := project{from: p.joins + 1 + int32(r.IntN(60)), keen: r.Float64() < keenShare}
	if p.segment == lapsed {
		pr.from = p.joins + 1 + int32(r.IntN(10))
	}
	pr.to = pr.from + 6 + int32(r.IntN(7))
	pr.serious = r.Float64() < map[bool]float64{true: keenSerious, false: weighedSerious}[pr.keen]
	if pr.to > p.leaves {
		p.leaves = pr.to + 1
	}
	return pr
}

// Habits while a project lasts, and of the visit that ends a serious one.
var (
	keenHabits = habits{visits: 7.5, pages: 2.2, identify: 0.6, download: 0.26, form: 0.06, chat: 0.10, video: 0.20,
		search: 0.20, product: 0.30, cart: 0.03, checkout: 0.1, purchase: 0.3, open: 0.90, click: 0.75, social: 0.2, advocacy: 0.01}
	weighingHabits = habits{visits: 4.5, pages: 2.4, identify: 0.35, download: 0.17, form: 0.03, chat: 0.07, video: 0.12,
		search: 0.25, product: 0.30, cart: 0.04, checkout: 0.1, purchase: 0.3, open: 0.60, click: 0.45, social: 0.1, advocacy: 0.01}
	orderingHabits = habits{visits: 1, pages: 2, identify: 1, product: 1, cart: 1, checkout: 1, purchase: 1, open: 0.9, click: 0.5}
)

// interested says whether the person has a project on the day.
func (p *person) interested(day int32) bool {
	return day >= p.project.from && day < p.project.to
}

// habits are those of the day: of the person's segment, or of their project.
func (w *world) habits(p *person) *habits {
	switch {
	case !p.interested(w.number):
		return &segments[p.segment]
	case p.project.keen:
		return &keenHabits
	default:
		return &weighingHabits
	}
}

// ways through the site that end with a decision, as indices in pages.
var ways = [][]int32{
	{0, 2, 1},     // home, products, pricing
	{0, 5, 9},     // home, whitepapers, contact
	{2, 7, 1},     // products, case studies, pricing
	{7, 9},        // case studies, contact
	{1, 10},       // pricing, demo
	{0, 2, 6, 10}, // home, products, documentation, demo
}

// largeOrders are what projects are about.
var largeOrders = []int32{1, 3, 7}

// decide ends a project: an order, a contract through sales, or nothing.
func (w *world) decide(r *rand.Rand, p *person) {
	p.project.decided = true
	if !p.project.serious {
		return
	}
	at := w.timeOfDay(r, p)
	if p.lead && r.Float64() < 0.5 {
		w.deal(r, p, at, true)
		return
	}
	w.visitAs(r, p, at, &orderingHabits, noCampaign, 0)
}
