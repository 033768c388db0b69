package simulate

import (
	"math"
	"math/rand/v2"
)

// habits are what tells one segment of the audience from another. Rates are chances per visit unless said.
type habits struct {
	name   string
	share  float64 // of all people
	visits float64 // a week
	pages  float64 // mean pages of a visit

	identify           float64 // fills in the sign-up form
	download, form     float64
	chat, video        float64
	search             float64
	product            float64 // looks at products
	cart               float64 // of visits that look at products
	checkout, purchase float64 // of the step before
	open, click        float64 // of mails delivered, of mails opened
	social, advocacy   float64 // reacts to a post, speaks for us: share, review, referral, mention (a week)
}

var segments = [...]habits{
	{name: "browser", share: 0.45, visits: 0.5, pages: 2.4, identify: 0.06, download: 0.01, form: 0.004, chat: 0.008, video: 0.04,
		search: 0.08, product: 0.25, cart: 0.10, checkout: 0.10, purchase: 0.3, open: 0.16, click: 0.05, social: 0.10, advocacy: 0.003},
	{name: "researcher", share: 0.22, visits: 0.75, pages: 4.6, identify: 0.22, download: 0.20, form: 0.02, chat: 0.03, video: 0.20,
		search: 0.30, product: 0.30, cart: 0.05, checkout: 0.25, purchase: 0.5, open: 0.42, click: 0.20, social: 0.10, advocacy: 0.01},
	{name: "buyer", share: 0.16, visits: 0.8, pages: 3.6, identify: 0.40, download: 0.04, form: 0.02, chat: 0.03, video: 0.08,
		search: 0.22, product: 0.80, cart: 0.34, checkout: 0.55, purchase: 0.75, open: 0.35, click: 0.20, social: 0.12, advocacy: 0.02},
	{name: "fan", share: 0.05, visits: 1.9, pages: 4.2, identify: 0.60, download: 0.06, form: 0.02, chat: 0.04, video: 0.22,
		search: 0.15, product: 0.65, cart: 0.26, checkout: 0.70, purchase: 0.8, open: 0.68, click: 0.40, social: 1.2, advocacy: 0.25},
	{name: "lapsed", share: 0.12, visits: 1.2, pages: 3.4, identify: 0.50, download: 0.05, form: 0.02, chat: 0.03, video: 0.06,
		search: 0.18, product: 0.75, cart: 0.38, checkout: 0.60, purchase: 0.8, open: 0.30, click: 0.20, social: 0.10, advocacy: 0.01},
}

// Indices in segments that code asks for.
const (
	buyer  = 2
	fan    = 3
	lapsed = 4
)

// person is what the simulation remembers of one human being.
type person struct {
	number  int32
	segment uint8
	place   uint8 // index in places
	origin  uint8 // index in origins: how they first came
	joins   int32 // day of the first visit, counted from Start
	leaves  int32 // first day of silence, or never
	seq     uint32
	visits  uint32
	orders  uint32
	seen    bool
	phone   bool // has a second device
	known   bool // has identified themselves
	linked  bool // has logged in on the second device
	mails   bool // takes our mail
	lead    bool // is in the CRM
	deal    bool // sales and they have talked about money
	quirk   quirk
	project project
	dice    rand.PCG
}

// quirk is what makes somebody look interested who is not.
type quirk uint8

const (
	noQuirk   quirk = iota
	collector       // downloads everything there is within a minute, and is gone
	proxied         // the mail program loads every picture, so every mail counts as opened, again and again, and nobody clicks
)

func (p *person) rand() *rand.Rand {
	return rand.New(&p.dice)
}

const never = math.MaxInt32

// newPeople draws everybody. A third is there in the first week; the others come in growing numbers.
func newPeople(cfg Config) []person {
	people := make([]person, cfg.People)
	start := uint64(cfg.Start.Unix())
	for i := range people {
		p := &people[i]
		p.number = int32(i)
		p.dice = *rand.NewPCG(mix(cfg.Seed, uint64(i)), mix(start, uint64(i)+1))
		r := p.rand()
		p.segment = drawSegment(r)
		p.place = uint8(pickWeighted(r, placeWeights))
		p.origin = uint8(pickWeighted(r, originWeights))
		p.phone = r.Float64() < 0.35
		p.mails = true
		if r.Float64() < 0.34 {
			p.joins = int32(r.IntN(min(7, cfg.Days)))
		} else {
			p.joins = int32(float64(cfg.Days) * math.Sqrt(r.Float64()))
		}
		p.leaves = never
		if p.segment == lapsed {
			p.leaves = p.joins + 10 + int32(r.IntN(30))
		}
		switch u := r.Float64(); {
		case u < 0.02:
			p.quirk = collector
		case u < 0.06:
			p.quirk = proxied
		default:
			p.project = drawProject(r, p)
		}
	}
	return people
}

func drawSegment(r *rand.Rand) uint8 {
	u := r.Float64()
	for i := range segments {
		if u -= segments[i].share; u < 0 {
			return uint8(i)
		}
	}
	return 0
}

// pickWeighted returns an index with a chance in proportion to its weight.
func pickWeighted(r *rand.Rand, weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	u := r.Float64() * sum
	for i, w := range weights {
		if u -= w; u < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// mix spreads two numbers over 64 bits (the finalizer of SplitMix64).
func mix(a, b uint64) uint64 {
	z := a + b*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
