package definitions

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/internal/handwritten"
)

// tierOf are the words for tiers in the file, and the tiers.
var tierOf = map[string]string{"tier_2": "2", "tier_1": "1", "unknown": "0"}

func (p *sections) tiers(n node) {
	for _, key := range p.Pairs(n, "needs:, criteria: and actions:") {
		switch key.Key {
		case "needs":
			if v, ok := p.Whole(key.Value, 1, 50); ok {
				p.d.Tier2Needs = uint8(v)
			}
		case "criteria":
			p.d.Criteria = p.criteria(key.Value)
		case "actions":
			p.d.TierActions = p.tierActions(key.Value)
		default:
			p.Unknown(key, "needs", "criteria", "actions")
		}
	}
	if int(p.d.Tier2Needs) > len(p.d.Criteria) {
		p.Fail(n.At, "tier 2 needs %d criteria, and there are %d", p.d.Tier2Needs, len(p.d.Criteria))
	}
}

func (p *sections) criteria(n node) []Criterion {
	criteria := []Criterion{}
	sum, numbers := 0.0, true
	for _, key := range p.entries(n, "criteria, each with a name") {
		c := Criterion{Name: key.Key}
		c.Text, c.Conditions = p.rule(key, `a criterion needs when:, as in when: {downloads_7d: ">= 1"}`,
			field{"weight", func(v node) {
				var ok bool
				c.Weight, ok = p.Number(v, 0, 100)
				numbers = numbers && ok
			}},
			field{"target", func(v node) { c.Targets = p.targets(v) }})
		if c.Weight > 0 && len(c.Targets) == 0 {
			p.incomplete(key.KeyAt, "a criterion with a weight needs target:, the value that gives all of it, as in target: {downloads_7d_weighted: 1}")
		}
		sum += c.Weight
		criteria = append(criteria, c)
	}
	if numbers && math.Abs(sum-100) > 1e-9 {
		p.Fail(n.At, "the weights sum to %s; they have to sum to 100", plain(math.Round(sum*1e6)/1e6))
	}
	return criteria
}

// field is a key that a rule may have beside text and when.
type field struct {
	key  string
	read func(node)
}

// rule reads what criteria, segments and context rules share: a text, made of the name when there is none, and the conditions,
// without which it is not complete.
func (p *sections) rule(key pair, incomplete string, more ...field) (text string, conditions []Condition) {
	text = spoken(key.Key)
	fields := append([]field{
		{"text", func(v node) { text, _ = p.Text(v, "a text") }},
		{"when", func(v node) { conditions = p.conditions(v) }},
	}, more...)
	var known []string
	for _, f := range fields {
		known = append(known, f.key)
	}
	for _, of := range p.Pairs(key.Value, strings.Join(known, ":, ")+":") {
		if i := slices.Index(known, of.Key); i >= 0 {
			fields[i].read(of.Value)
		} else {
			p.Unknown(of, known...)
		}
	}
	if len(conditions) == 0 {
		p.incomplete(key.KeyAt, "%s", incomplete)
	}
	return text, conditions
}

func (p *sections) tierActions(n node) map[string]string {
	actions := map[string]string{"2": "", "1": "", "0": ""}
	for _, key := range p.Pairs(n, "tier_2:, tier_1: and unknown:") {
		tier, ok := tierOf[key.Key]
		if !ok {
			p.Unknown(key, "tier_2", "tier_1", "unknown")
			continue
		}
		actions[tier], _ = p.Text(key.Value, "a text")
	}
	return actions
}

func (p *sections) microSegments(n node) []MicroSegment {
	segments := []MicroSegment{}
	rest := map[uint8]string{} // tier -> the segment that takes everybody
	for _, item := range p.List(n, "each with name: and when:") {
		s := MicroSegment{Tier: 2}
		var conditional bool
		for _, key := range p.Pairs(item, "name:, tier:, when: and action:") {
			switch key.Key {
			case "name":
				if s.Name, _ = p.Text(key.Value, "a name"); s.Name != "" && !name.MatchString(s.Name) {
					p.Fail(key.Value.At, "%q cannot be a name: small letters, digits and _, a letter first, at most 40", s.Name)
				}
			case "tier":
				v, _ := p.Whole(key.Value, 0, 2)
				s.Tier = uint8(v)
			case "text":
				s.Text, _ = p.Text(key.Value, "a text")
			case "when":
				s.Conditions, conditional = p.conditions(key.Value), true
			case "action":
				s.Action, _ = p.Text(key.Value, "a text")
			default:
				p.Unknown(key, "name", "tier", "text", "when", "action")
			}
		}
		if s.Name == "" {
			p.incomplete(item.At, "a segment needs a name")
			continue
		}
		if s.Text == "" {
			s.Text = spoken(s.Name)
		}
		if before, taken := rest[s.Tier]; taken {
			p.Fail(item.At, "nobody gets here: %s before it has no `when` and takes everybody of tier %d", before, s.Tier)
		}
		if !conditional {
			rest[s.Tier] = s.Name
		}
		segments = append(segments, s)
	}
	return segments
}

func (p *sections) lifecycle(n node) []Segment {
	segments := []Segment{}
	for _, key := range p.entries(n, "segments, each with a name") {
		s := Segment{Name: key.Key}
		s.Text, s.Conditions = p.rule(key, `a segment needs when:, as in when: {purchases_total: "= 1"}`)
		segments = append(segments, s)
	}
	return segments
}

func (p *sections) contextRules(n node) []ContextRule {
	rules := []ContextRule{}
	for _, key := range p.entries(n, "rules, each with a name") {
		c := ContextRule{Name: key.Key}
		c.Text, c.Conditions = p.rule(key, `a rule needs when:, as in when: {downloads_burst_7d: ">= 5"}`,
			field{"penalty", func(v node) { c.Penalty, _ = p.Number(v, 0, 100) }})
		rules = append(rules, c)
	}
	return rules
}

func (p *sections) gold(n node) {
	for _, key := range p.Pairs(n, "people: and rate:") {
		switch key.Key {
		case "people":
			if v, ok := p.Whole(key.Value, 1, 10000); ok {
				p.d.GoldPeople = uint16(v)
			}
		case "rate":
			if v, ok := p.Number(key.Value, 0, 1); ok {
				p.d.GoldRate = v
			}
		default:
			p.Unknown(key, "people", "rate")
		}
	}
}

func (p *sections) identity(n node) {
	for _, key := range p.Pairs(n, "max_users:, max_ids:, role_names: and free_mail:") {
		switch key.Key {
		case "max_users":
			if v, ok := p.Whole(key.Value, 1, 10000); ok {
				p.d.IdentityMaxUsers = uint16(v)
			}
		case "max_ids":
			if v, ok := p.Whole(key.Value, 2, 1_000_000); ok {
				p.d.IdentityMaxIDs = uint32(v)
			}
		case "role_names":
			p.d.RoleNames = p.lowered(key.Value, "a mailbox such as info")
		case "free_mail":
			p.d.FreeMail = p.lowered(key.Value, "a domain such as gmail.com")
		default:
			p.Unknown(key, "max_users", "max_ids", "role_names", "free_mail")
		}
	}
}

// lowered reads names of a list, without an @, in small letters and in order.
func (p *sections) lowered(n node, expected string) []string {
	names := []string{}
	for _, s := range p.Texts(n, expected) {
		if strings.ContainsAny(s, "@ ") || s == "" {
			p.Fail(n.At, "%q: %s expected", s, expected)
			continue
		}
		names = append(names, strings.ToLower(s))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (p *sections) acquisition(n node) []Channel {
	channels := []Channel{}
	for _, item := range p.List(n, "each {channel: ..., utm_medium: ..., utm_source: ..., referrer: ...}") {
		if len(channels) > 0 && channels[len(channels)-1].any() {
			p.Fail(item.At, "nothing gets here: %s before it fits anything", channels[len(channels)-1].Channel)
		}
		c := Channel{UTMMedium: []string{}, UTMSource: []string{}, Referrer: []string{}}
		for _, key := range p.Pairs(item, "channel:, utm_medium:, utm_source: and referrer:") {
			switch key.Key {
			case "channel":
				if c.Channel, _ = p.Text(key.Value, "a name"); !name.MatchString(c.Channel) {
					p.Fail(key.Value.At, "%q cannot be a name: small letters, digits and _, a letter first, at most 40", c.Channel)
				}
			case "utm_medium":
				c.UTMMedium = p.patterns(key.Value)
			case "utm_source":
				c.UTMSource = p.patterns(key.Value)
			case "referrer":
				c.Referrer = p.patterns(key.Value)
			default:
				p.Unknown(key, "channel", "utm_medium", "utm_source", "referrer")
			}
		}
		if c.Channel == "" {
			p.incomplete(item.At, "it needs a channel")
		}
		channels = append(channels, c)
	}
	if len(channels) == 0 || !channels[len(channels)-1].any() {
		p.Fail(n.At, "the last one has to fit whatever is left, as {channel: direct}")
	}
	return channels
}

// any says whether the channel fits anything.
func (c Channel) any() bool { return len(c.UTMMedium)+len(c.UTMSource)+len(c.Referrer) == 0 }

// levels of the funnel, from counts to money.
var levels = []string{"counting", "foundational", "outcome", "business"}

func (p *sections) metrics(n node) []Metric {
	metrics := []Metric{}
	for _, level := range p.Pairs(n, strings.Join(levels, ":, ")+":") {
		if !slices.Contains(levels, level.Key) {
			p.Unknown(level, levels...)
			continue
		}
		for _, key := range p.entries(level.Value, "metrics, each with a name") {
			m := Metric{Level: level.Key, Metric: key.Key, Text: spoken(key.Key), Unit: "count", Numerator: []string{}, Denominator: []string{}}
			for _, of := range p.Pairs(key.Value, "unit:, numerator: and denominator:") {
				switch of.Key {
				case "text":
					m.Text, _ = p.Text(of.Value, "a text")
				case "unit":
					m.Unit, _ = p.Text(of.Value, "a unit")
				case "numerator":
					m.Numerator = p.terms(of.Value)
				case "denominator":
					m.Denominator = p.terms(of.Value)
				default:
					p.Unknown(of, "text", "unit", "numerator", "denominator")
				}
			}
			if len(m.Numerator) == 0 {
				p.incomplete(key.KeyAt, `a metric needs numerator:, terms that are added up, as ["events:page_view"]`)
			}
			if slices.ContainsFunc(metrics, func(other Metric) bool { return other.Metric == m.Metric }) {
				p.Fail(key.KeyAt, "there are two metrics %s", m.Metric)
			}
			metrics = append(metrics, m)
		}
	}
	return metrics
}

// terms reads what is added up.
func (p *sections) terms(n node) []string {
	terms := []string{}
	for _, s := range p.Texts(n, "a term such as events:page_view") {
		if err := checkTerm(strings.TrimPrefix(s, "-")); err != nil {
			p.Fail(n.At, "%v", err)
			continue
		}
		terms = append(terms, s)
	}
	return terms
}

// termNames are the terms of the view funnel_terms whose names are ours. events and value take a kind, measurement any name: what is
// measured elsewhere is the user's.
var termNames = map[string][]string{
	"survey": {"nps_promoters", "nps_passives", "nps_detractors", "nps_responses", "csat_satisfied", "csat_responses"},
	"review": {"positive", "all"},
	"person": {"first_purchases", "second_purchases", "repeat_purchases", "seconds_to_first_purchase", "acquired_revenue", "active_days", "active_30d",
		"retained", "retained_base"},
	"session": {"count", "seconds", "converted", "pages"},
}

func checkTerm(term string) error {
	source, of, ok := strings.Cut(term, ":")
	sources := []string{"events", "value", "measurement", "survey", "review", "person", "session"}
	switch {
	case !ok:
		return fmt.Errorf("%q is no term: write where it comes from and what, as events:page_view", term)
	case source == "events" || source == "value":
		if kinds := event.EngagementKinds(); !slices.Contains(kinds, of) {
			return fmt.Errorf("%s: there is no kind %q%s", term, of, handwritten.DidYouMean(of, kinds))
		}
	case source == "measurement":
		if !name.MatchString(of) {
			return fmt.Errorf("%s: %q cannot be a measurement: small letters, digits and _, a letter first", term, of)
		}
	case !slices.Contains(sources, source):
		return fmt.Errorf("%s: there is no %q%s", term, source, handwritten.DidYouMean(source, sources))
	default:
		if !slices.Contains(termNames[source], of) {
			return fmt.Errorf("%s: there is no %q%s", term, of, handwritten.DidYouMean(of, termNames[source]))
		}
	}
	return nil
}
