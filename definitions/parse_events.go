package definitions

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Bounds that keep the view over events cheap: every signal and page is looked for in every insert.
const (
	maxSignals  = 50
	maxKeyPages = 50
)

// events reads the rules from names to kinds.
func (p *sections) events(n node) []Rule {
	rules := []Rule{}
	for _, item := range p.items(n, "each {name: ..., kind: ...}") {
		var rule Rule
		for _, key := range p.pairs(item, "{name: ..., kind: ...}") {
			switch key.key {
			case "name":
				rule.Name, _ = p.text(key.value, "a name")
				if p.pattern(key.value, rule.Name) && canonicalName(rule.Name) == "" {
					p.fail(key.value.at, "%q: spaces, hyphens and underscores alone are no name", rule.Name)
				}
			case "kind":
				rule.Kind, _ = p.choice(key.value, engagementKinds())
			default:
				p.unknown(key, "name", "kind")
			}
		}
		if rule.Name == "" || rule.Kind == "" {
			p.incomplete(item, "a rule needs a name and a kind")
		}
		rules = append(rules, rule)
	}
	return rules
}

// incomplete is the error for an entry that lacks something, unless what it has is wrong in itself.
func (p *sections) incomplete(n node, format string, args ...any) {
	for _, err := range p.errs {
		var e *Error
		if errors.As(err, &e) && strings.HasPrefix(e.Field, n.at.field+".") {
			return
		}
	}
	p.fail(n.at, format, args...)
}

func (p *sections) signals(n node) []Signal {
	signals := []Signal{}
	for _, key := range p.pairs(n, "signals, each with a name") {
		if !p.named(key) {
			continue
		}
		for _, builtin := range BuiltinFeatures {
			if builtin == key.key+"_7d" || builtin == key.key+"_7d_weighted" {
				p.fail(key.keyAt, "%s is a built-in feature; call the signal something else", builtin)
			}
		}
		s := Signal{Name: key.key, Text: spoken(key.key)}
		for _, of := range p.pairs(key.value, "text: and match:") {
			switch of.key {
			case "text":
				s.Text, _ = p.text(of.value, "a text")
			case "match":
				s.Match = p.matches(of.value)
			default:
				p.unknown(of, "text", "match")
			}
		}
		if len(s.Match) == 0 {
			p.incomplete(node{key.value.Node, key.keyAt}, "a signal needs match: a list of what events have to be, as in\n    match: [{kind: content_download, content_id: \"*demo*\"}]")
		}
		signals = append(signals, s)
	}
	if len(signals) > maxSignals {
		p.fail(n.at, "%d signals; at most %d are counted", len(signals), maxSignals)
	}
	return signals
}

// matches reads a list of matches, or one.
func (p *sections) matches(n node) []Match {
	items := []node{n}
	if _, list := n.Node.(*ast.SequenceNode); list {
		items = p.items(n, "each {field: pattern}")
	}
	var matches []Match
	for _, item := range items {
		if m := p.match(item); len(m) > 0 {
			matches = append(matches, m)
		}
	}
	return matches
}

var propertyKey = regexp.MustCompile(`^[^\x00-\x1f]{1,100}$`)

func (p *sections) match(n node) Match {
	var m Match
	for _, key := range p.pairs(n, "{field: pattern}") {
		if property, ok := strings.CutPrefix(key.key, propertyPrefix); ok {
			if !propertyKey.MatchString(property) {
				p.fail(key.keyAt, "%q is no name of a property", property)
				continue
			}
		} else if !slices.Contains(matchFields, key.key) {
			p.fail(key.keyAt, "there is no such field%s; a property of the message is properties.%s", didYouMean(key.key, matchFields), key.key)
			continue
		}
		f := FieldMatch{Field: key.key}
		if key.key == "kind" {
			for _, kind := range p.texts(key.value, "a kind of event") {
				if kinds := engagementKinds(); !slices.Contains(kinds, kind) {
					p.fail(key.value.at, "there is no kind %q%s", kind, didYouMean(kind, kinds))
				}
				f.Patterns = append(f.Patterns, kind)
			}
		} else {
			f.Patterns = p.patterns(key.value)
		}
		if len(f.Patterns) > 0 {
			m = append(m, f)
		}
	}
	return m
}

func (p *sections) keyPages(n node) []KeyPage {
	pages := []KeyPage{}
	for _, key := range p.pairs(n, "key pages, each with a name") {
		if p.named(key) {
			pages = append(pages, KeyPage{key.key, p.matches(key.value)})
		}
	}
	if len(pages) > maxKeyPages {
		p.fail(n.at, "%d key pages; at most %d are looked for", len(pages), maxKeyPages)
	}
	return pages
}

// keyPaths reads paths as "home > pricing" or, with a name of its own, {name: ..., pages: [home, pricing]}.
func (p *sections) keyPaths(n node) []KeyPath {
	paths := []KeyPath{}
	for _, item := range p.items(n, "each as home > pricing > contact") {
		var path KeyPath
		var at place
		switch item.Node.(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
			for _, key := range p.pairs(item, "name: and pages:") {
				switch key.key {
				case "name":
					path.Name, _ = p.text(key.value, "a name")
				case "pages":
					path.Pages, at = p.texts(key.value, "a key page"), key.value.at
				default:
					p.unknown(key, "name", "pages")
				}
			}
		default:
			s, ok := p.text(item, "home > pricing > contact")
			if !ok {
				continue
			}
			for _, page := range strings.Split(s, ">") {
				path.Pages = append(path.Pages, strings.TrimSpace(page))
			}
			at = item.at
		}
		if len(path.Pages) < 2 {
			p.incomplete(item, "a path has at least two key pages, as in home > pricing")
		}
		if path.Name == "" {
			path.Name = strings.Join(path.Pages, " > ")
		}
		if slices.ContainsFunc(paths, func(other KeyPath) bool { return other.Name == path.Name }) {
			p.fail(item.at, "there are two paths %s", path.Name)
		}
		for _, page := range path.Pages {
			p.pages = append(p.pages, reference{page, at})
		}
		paths = append(paths, path)
	}
	return paths
}

func (p *sections) surveys(n node) {
	for _, key := range p.pairs(n, "nps: and csat:") {
		switch key.key {
		case "nps":
			p.d.NPS = p.matches(key.value)
		case "csat":
			p.d.CSAT = p.matches(key.value)
		default:
			p.unknown(key, "nps", "csat")
		}
	}
}

func (p *sections) halfLives(n node) {
	p.halfLife.given = true
	for _, key := range p.pairs(n, "features and their days") {
		days, ok := p.number(key.value, 0.01, 3650)
		if !ok {
			continue
		}
		if key.key == "default" {
			p.halfLife.default_ = days
			continue
		}
		p.halfLife.byName = append(p.halfLife.byName, reference{key.key, key.keyAt})
		p.halfLife.of[key.key] = days
	}
}

// fillHalfLives gives every rolled feature and every signal its half-life.
func (p *sections) fillHalfLives() {
	names := slices.Clone(RolledFeatures)
	for _, s := range p.d.Signals {
		names = append(names, s.Name)
	}
	h := p.halfLife
	usual := h.default_
	if usual == 0 {
		usual = usualHalfLife
	}
	for _, ref := range h.byName {
		if !slices.Contains(names, ref.name) {
			p.fail(ref.at, "there is no such feature with a half-life%s", didYouMean(ref.name, append([]string{"default"}, names...)))
		}
	}
	filled := map[string]float64{}
	for _, name := range names {
		days, own := h.of[name]
		if inherited, was := p.d.HalfLives[name]; !own && !h.given && was {
			days, own = inherited, true
		}
		if !own {
			days = usual
		}
		filled[name] = days
	}
	p.d.HalfLives = filled
}

// usualHalfLife is what a file that names some half-lives and no default means.
const usualHalfLife = 3

// spoken is a name as a text, for what has none.
func spoken(name string) string {
	s := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(s[:1]) + s[1:]
}

// conditions reads what features have to be.
func (p *sections) conditions(n node) []Condition {
	var conditions []Condition
	for _, key := range p.pairs(n, `features and what they have to be, as {downloads_7d: ">= 1"}`) {
		s, ok := p.text(key.value, `a comparison such as ">= 5"`)
		if !ok {
			continue
		}
		c, err := parseCondition(key.key, s)
		if err != nil {
			p.fail(key.value.at, "%v", err)
			continue
		}
		p.features = append(p.features, reference{key.key, key.keyAt})
		conditions = append(conditions, c)
	}
	return conditions
}

// targets reads feature values.
func (p *sections) targets(n node) []Target {
	var targets []Target
	for _, key := range p.pairs(n, "features and values, as {downloads_7d_weighted: 1}") {
		v, ok := p.number(key.value, math.SmallestNonzeroFloat64, 1e9)
		if !ok {
			continue
		}
		p.features = append(p.features, reference{key.key, key.keyAt})
		targets = append(targets, Target{key.key, v})
	}
	return targets
}
