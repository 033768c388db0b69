package definitions

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// tierOf are the words for tiers in the file, and the tiers.
var tierOf = map[string]string{"tier_2": "2", "tier_1": "1", "unknown": "0"}

func (p *sections) tiers(n node) {
	for _, key := range p.pairs(n, "needs:, criteria: and actions:") {
		switch key.key {
		case "needs":
			if v, ok := p.whole(key.value, 1, 50); ok {
				p.d.Tier2Needs = uint8(v)
			}
		case "criteria":
			p.d.Criteria = p.criteria(key.value)
		case "actions":
			p.d.TierActions = p.tierActions(key.value)
		default:
			p.unknown(key, "needs", "criteria", "actions")
		}
	}
	if int(p.d.Tier2Needs) > len(p.d.Criteria) {
		p.fail(n.at, "tier 2 needs %d criteria, and there are %d", p.d.Tier2Needs, len(p.d.Criteria))
	}
}

func (p *sections) criteria(n node) []Criterion {
	criteria := []Criterion{}
	sum, numbers := 0.0, true
	for _, key := range p.pairs(n, "criteria, each with a name") {
		if !p.named(key) {
			continue
		}
		c := Criterion{Name: key.key, Text: spoken(key.key)}
		for _, of := range p.pairs(key.value, "when:, weight: and target:") {
			switch of.key {
			case "text":
				c.Text, _ = p.text(of.value, "a text")
			case "when":
				c.Conditions = p.conditions(of.value)
			case "weight":
				var ok bool
				c.Weight, ok = p.number(of.value, 0, 100)
				numbers = numbers && ok
			case "target":
				c.Targets = p.targets(of.value)
			default:
				p.unknown(of, "text", "when", "weight", "target")
			}
		}
		if len(c.Conditions) == 0 {
			p.incomplete(node{key.value.Node, key.keyAt}, `a criterion needs when:, as in when: {downloads_7d: ">= 1"}`)
		}
		if c.Weight > 0 && len(c.Targets) == 0 {
			p.incomplete(node{key.value.Node, key.keyAt}, "a criterion with a weight needs target:, the value that gives all of it, as in target: {downloads_7d_weighted: 1}")
		}
		sum += c.Weight
		criteria = append(criteria, c)
	}
	if numbers && math.Abs(sum-100) > 1e-9 {
		p.fail(n.at, "the weights sum to %s; they have to sum to 100", plain(math.Round(sum*1e6)/1e6))
	}
	return criteria
}

func (p *sections) tierActions(n node) map[string]string {
	actions := map[string]string{"2": "", "1": "", "0": ""}
	for _, key := range p.pairs(n, "tier_2:, tier_1: and unknown:") {
		tier, ok := tierOf[key.key]
		if !ok {
			p.unknown(key, "tier_2", "tier_1", "unknown")
			continue
		}
		actions[tier], _ = p.text(key.value, "a text")
	}
	return actions
}

func (p *sections) microSegments(n node) []MicroSegment {
	segments := []MicroSegment{}
	rest := map[uint8]string{} // tier -> the segment that takes everybody
	for _, item := range p.items(n, "each with name: and when:") {
		s := MicroSegment{Tier: 2}
		var conditional bool
		for _, key := range p.pairs(item, "name:, tier:, when: and action:") {
			switch key.key {
			case "name":
				if s.Name, _ = p.text(key.value, "a name"); s.Name != "" && !name.MatchString(s.Name) {
					p.fail(key.value.at, "%q cannot be a name: small letters, digits and _, a letter first, at most 40", s.Name)
				}
			case "tier":
				v, _ := p.whole(key.value, 0, 2)
				s.Tier = uint8(v)
			case "text":
				s.Text, _ = p.text(key.value, "a text")
			case "when":
				s.Conditions, conditional = p.conditions(key.value), true
			case "action":
				s.Action, _ = p.text(key.value, "a text")
			default:
				p.unknown(key, "name", "tier", "text", "when", "action")
			}
		}
		if s.Name == "" {
			p.incomplete(item, "a segment needs a name")
			continue
		}
		if s.Text == "" {
			s.Text = spoken(s.Name)
		}
		if before, taken := rest[s.Tier]; taken {
			p.fail(item.at, "nobody gets here: %s before it has no `when` and takes everybody of tier %d", before, s.Tier)
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
	for _, key := range p.pairs(n, "segments, each with a name") {
		if !p.named(key) {
			continue
		}
		s := Segment{Name: key.key, Text: spoken(key.key)}
		for _, of := range p.pairs(key.value, "text: and when:") {
			switch of.key {
			case "text":
				s.Text, _ = p.text(of.value, "a text")
			case "when":
				s.Conditions = p.conditions(of.value)
			default:
				p.unknown(of, "text", "when")
			}
		}
		if len(s.Conditions) == 0 {
			p.incomplete(node{key.value.Node, key.keyAt}, `a segment needs when:, as in when: {purchases_total: "= 1"}`)
		}
		segments = append(segments, s)
	}
	return segments
}

func (p *sections) contextRules(n node) []ContextRule {
	rules := []ContextRule{}
	for _, key := range p.pairs(n, "rules, each with a name") {
		if !p.named(key) {
			continue
		}
		c := ContextRule{Name: key.key, Text: spoken(key.key)}
		for _, of := range p.pairs(key.value, "text:, when: and penalty:") {
			switch of.key {
			case "text":
				c.Text, _ = p.text(of.value, "a text")
			case "when":
				c.Conditions = p.conditions(of.value)
			case "penalty":
				c.Penalty, _ = p.number(of.value, 0, 100)
			default:
				p.unknown(of, "text", "when", "penalty")
			}
		}
		if len(c.Conditions) == 0 {
			p.incomplete(node{key.value.Node, key.keyAt}, `a rule needs when:, as in when: {downloads_burst_7d: ">= 5"}`)
		}
		rules = append(rules, c)
	}
	return rules
}

func (p *sections) conversions(n node) {
	for _, key := range p.pairs(n, "kinds: and within:") {
		switch key.key {
		case "kinds":
			p.d.ConversionKinds = nil
			for _, kind := range p.texts(key.value, "a kind of event") {
				if kinds := engagementKinds(); !slices.Contains(kinds, kind) {
					p.fail(key.value.at, "there is no kind %q%s", kind, didYouMean(kind, kinds))
				}
				p.d.ConversionKinds = append(p.d.ConversionKinds, kind)
			}
			if len(p.d.ConversionKinds) == 0 {
				p.fail(key.keyAt, "without a kind nothing is a conversion, and no segment can be validated")
			}
		case "within":
			if d, ok := p.duration(key.value, 24*time.Hour, 365*24*time.Hour); ok {
				if d%(24*time.Hour) != 0 {
					p.fail(key.value.at, "whole days expected, as 30d")
				}
				p.d.ConversionDays = uint16(d / (24 * time.Hour))
			}
		default:
			p.unknown(key, "kinds", "within")
		}
	}
}

func (p *sections) gold(n node) {
	for _, key := range p.pairs(n, "people: and rate:") {
		switch key.key {
		case "people":
			if v, ok := p.whole(key.value, 1, 10000); ok {
				p.d.GoldPeople = uint16(v)
			}
		case "rate":
			if v, ok := p.number(key.value, 0, 1); ok {
				p.d.GoldRate = v
			}
		default:
			p.unknown(key, "people", "rate")
		}
	}
}

func (p *sections) identity(n node) {
	for _, key := range p.pairs(n, "max_users:, max_ids:, role_names: and free_mail:") {
		switch key.key {
		case "max_users":
			if v, ok := p.whole(key.value, 1, 10000); ok {
				p.d.IdentityMaxUsers = uint16(v)
			}
		case "max_ids":
			if v, ok := p.whole(key.value, 2, 1_000_000); ok {
				p.d.IdentityMaxIDs = uint32(v)
			}
		case "role_names":
			p.d.RoleNames = p.lowered(key.value, "a mailbox such as info")
		case "free_mail":
			p.d.FreeMail = p.lowered(key.value, "a domain such as gmail.com")
		default:
			p.unknown(key, "max_users", "max_ids", "role_names", "free_mail")
		}
	}
}

// lowered reads names of a list, without an @, in small letters and in order.
func (p *sections) lowered(n node, expected string) []string {
	names := []string{}
	for _, s := range p.texts(n, expected) {
		if strings.ContainsAny(s, "@ ") || s == "" {
			p.fail(n.at, "%q: %s expected", s, expected)
			continue
		}
		names = append(names, strings.ToLower(s))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (p *sections) acquisition(n node) []Channel {
	channels := []Channel{}
	for _, item := range p.items(n, "each {channel: ..., utm_medium: ..., utm_source: ..., referrer: ...}") {
		if len(channels) > 0 && channels[len(channels)-1].any() {
			p.fail(item.at, "nothing gets here: %s before it fits anything", channels[len(channels)-1].Channel)
		}
		c := Channel{UTMMedium: []string{}, UTMSource: []string{}, Referrer: []string{}}
		for _, key := range p.pairs(item, "channel:, utm_medium:, utm_source: and referrer:") {
			switch key.key {
			case "channel":
				if c.Channel, _ = p.text(key.value, "a name"); !name.MatchString(c.Channel) {
					p.fail(key.value.at, "%q cannot be a name: small letters, digits and _, a letter first, at most 40", c.Channel)
				}
			case "utm_medium":
				c.UTMMedium = p.patterns(key.value)
			case "utm_source":
				c.UTMSource = p.patterns(key.value)
			case "referrer":
				c.Referrer = p.patterns(key.value)
			default:
				p.unknown(key, "channel", "utm_medium", "utm_source", "referrer")
			}
		}
		if c.Channel == "" {
			p.incomplete(item, "it needs a channel")
		}
		channels = append(channels, c)
	}
	if len(channels) == 0 || !channels[len(channels)-1].any() {
		p.fail(n.at, "the last one has to fit whatever is left, as {channel: direct}")
	}
	return channels
}

// any says whether the channel fits anything.
func (c Channel) any() bool { return len(c.UTMMedium)+len(c.UTMSource)+len(c.Referrer) == 0 }

// levels of the funnel, from counts to money.
var levels = []string{"counting", "foundational", "outcome", "business"}

func (p *sections) metrics(n node) []Metric {
	metrics := []Metric{}
	for _, level := range p.pairs(n, strings.Join(levels, ":, ")+":") {
		if !slices.Contains(levels, level.key) {
			p.unknown(level, levels...)
			continue
		}
		for _, key := range p.pairs(level.value, "metrics, each with a name") {
			if !p.named(key) {
				continue
			}
			m := Metric{Level: level.key, Metric: key.key, Text: spoken(key.key), Unit: "count", Numerator: []string{}, Denominator: []string{}}
			for _, of := range p.pairs(key.value, "unit:, numerator: and denominator:") {
				switch of.key {
				case "text":
					m.Text, _ = p.text(of.value, "a text")
				case "unit":
					m.Unit, _ = p.text(of.value, "a unit")
				case "numerator":
					m.Numerator = p.terms(of.value)
				case "denominator":
					m.Denominator = p.terms(of.value)
				default:
					p.unknown(of, "text", "unit", "numerator", "denominator")
				}
			}
			if len(m.Numerator) == 0 {
				p.incomplete(node{key.value.Node, key.keyAt}, `a metric needs numerator:, terms that are added up, as ["events:page_view"]`)
			}
			if slices.ContainsFunc(metrics, func(other Metric) bool { return other.Metric == m.Metric }) {
				p.fail(key.keyAt, "there are two metrics %s", m.Metric)
			}
			metrics = append(metrics, m)
		}
	}
	return metrics
}

// terms reads what is added up.
func (p *sections) terms(n node) []string {
	terms := []string{}
	for _, s := range p.texts(n, "a term such as events:page_view") {
		if err := checkTerm(strings.TrimPrefix(s, "-")); err != nil {
			p.fail(n.at, "%v", err)
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
		if kinds := engagementKinds(); !slices.Contains(kinds, of) {
			return fmt.Errorf("%s: there is no kind %q%s", term, of, didYouMean(of, kinds))
		}
	case source == "measurement":
		if !name.MatchString(of) {
			return fmt.Errorf("%s: %q cannot be a measurement: small letters, digits and _, a letter first", term, of)
		}
	case !slices.Contains(sources, source):
		return fmt.Errorf("%s: there is no %q%s", term, source, didYouMean(source, sources))
	default:
		if !slices.Contains(termNames[source], of) {
			return fmt.Errorf("%s: there is no %q%s", term, of, didYouMean(of, termNames[source]))
		}
	}
	return nil
}
