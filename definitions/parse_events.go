package definitions

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/internal/handwritten"
)

// Bounds that keep the view over events cheap: every signal and page is looked for in every insert.
const (
	maxSignals  = 50
	maxKeyPages = 50
)

// events reads the rules from names to kinds.
func (p *sections) events(n node) []Rule {
	rules := []Rule{}
	for _, item := range p.List(n, "each {name: ..., kind: ...}") {
		var rule Rule
		for _, key := range p.Pairs(item, "{name: ..., kind: ...}") {
			switch key.Key {
			case "name":
				rule.Name, _ = p.Text(key.Value, "a name")
				if p.pattern(key.Value, rule.Name) && canonicalName(rule.Name) == "" {
					p.Fail(key.Value.At, "%q: spaces, hyphens and underscores alone are no name", rule.Name)
				}
			case "kind":
				rule.Kind = p.Choice(key.Value, event.EngagementKinds()...)
			default:
				p.Unknown(key, "name", "kind")
			}
		}
		if rule.Name == "" || rule.Kind == "" {
			p.incomplete(item.At, "a rule needs a name and a kind")
		}
		rules = append(rules, rule)
	}
	return rules
}

// incomplete is the error for an entry that lacks something, unless what it has is wrong in itself.
func (p *sections) incomplete(at place, format string, args ...any) {
	for _, err := range p.Errs {
		var e *Error
		if errors.As(err, &e) && strings.HasPrefix(e.Field, at.Field+".") {
			return
		}
	}
	p.Fail(at, format, args...)
}

func (p *sections) signals(n node) []Signal {
	signals := []Signal{}
	for _, key := range p.entries(n, "signals, each with a name") {
		for _, builtin := range BuiltinFeatures {
			if builtin == key.Key+"_7d" || builtin == key.Key+"_7d_weighted" {
				p.Fail(key.KeyAt, "%s is a built-in feature; call the signal something else", builtin)
			}
		}
		s := Signal{Name: key.Key, Text: spoken(key.Key)}
		for _, of := range p.Pairs(key.Value, "text: and match:") {
			switch of.Key {
			case "text":
				s.Text, _ = p.Text(of.Value, "a text")
			case "match":
				s.Match = p.matches(of.Value)
			default:
				p.Unknown(of, "text", "match")
			}
		}
		if len(s.Match) == 0 {
			p.incomplete(key.KeyAt, "a signal needs match: a list of what events have to be, as in\n    match: [{kind: content_download, content_id: \"*demo*\"}]")
		}
		signals = append(signals, s)
	}
	if len(signals) > maxSignals {
		p.Fail(n.At, "%d signals; at most %d are counted", len(signals), maxSignals)
	}
	return signals
}

// matches reads a list of matches, or one.
func (p *sections) matches(n node) []Match {
	var matches []Match
	for _, item := range n.Each() {
		if m := p.match(item); len(m) > 0 {
			matches = append(matches, m)
		}
	}
	return matches
}

var propertyKey = regexp.MustCompile(`^[^\x00-\x1f]{1,100}$`)

func (p *sections) match(n node) Match {
	var m Match
	for _, key := range p.Pairs(n, "{field: pattern}") {
		if property, ok := strings.CutPrefix(key.Key, propertyPrefix); ok {
			if !propertyKey.MatchString(property) {
				p.Fail(key.KeyAt, "%q is no name of a property", property)
				continue
			}
		} else if !slices.Contains(matchFields, key.Key) {
			p.Fail(key.KeyAt, "there is no such field%s; a property of the message is properties.%s", handwritten.DidYouMean(key.Key, matchFields), key.Key)
			continue
		}
		f := FieldMatch{Field: key.Key}
		if key.Key == "kind" {
			for _, kind := range p.Texts(key.Value, "a kind of event") {
				if kinds := event.EngagementKinds(); !slices.Contains(kinds, kind) {
					p.Fail(key.Value.At, "there is no kind %q%s", kind, handwritten.DidYouMean(kind, kinds))
				}
				f.Patterns = append(f.Patterns, kind)
			}
		} else {
			f.Patterns = p.patterns(key.Value)
		}
		if len(f.Patterns) > 0 {
			m = append(m, f)
		}
	}
	return m
}

func (p *sections) keyPages(n node) []KeyPage {
	pages := []KeyPage{}
	for _, key := range p.entries(n, "key pages, each with a name") {
		pages = append(pages, KeyPage{key.Key, p.matches(key.Value)})
	}
	if len(pages) > maxKeyPages {
		p.Fail(n.At, "%d key pages; at most %d are looked for", len(pages), maxKeyPages)
	}
	return pages
}

// keyPaths reads paths as "home > pricing" or, with a name of its own, {name: ..., pages: [home, pricing]}.
func (p *sections) keyPaths(n node) []KeyPath {
	paths := []KeyPath{}
	for _, item := range p.List(n, "each as home > pricing > contact") {
		var path KeyPath
		var at place
		switch item.Node.(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
			for _, key := range p.Pairs(item, "name: and pages:") {
				switch key.Key {
				case "name":
					path.Name, _ = p.Text(key.Value, "a name")
				case "pages":
					path.Pages, at = p.Texts(key.Value, "a key page"), key.Value.At
				default:
					p.Unknown(key, "name", "pages")
				}
			}
		default:
			s, ok := p.Text(item, "home > pricing > contact")
			if !ok {
				continue
			}
			for _, page := range strings.Split(s, ">") {
				path.Pages = append(path.Pages, strings.TrimSpace(page))
			}
			at = item.At
		}
		if len(path.Pages) < 2 {
			p.incomplete(item.At, "a path has at least two key pages, as in home > pricing")
		}
		if path.Name == "" {
			path.Name = strings.Join(path.Pages, " > ")
		}
		if slices.ContainsFunc(paths, func(other KeyPath) bool { return other.Name == path.Name }) {
			p.Fail(item.At, "there are two paths %s", path.Name)
		}
		for _, page := range path.Pages {
			p.pages = append(p.pages, reference{page, at})
		}
		paths = append(paths, path)
	}
	return paths
}

func (p *sections) surveys(n node) {
	for _, key := range p.Pairs(n, "nps: and csat:") {
		switch key.Key {
		case "nps":
			p.d.NPS = p.matches(key.Value)
		case "csat":
			p.d.CSAT = p.matches(key.Value)
		default:
			p.Unknown(key, "nps", "csat")
		}
	}
}

func (p *sections) halfLives(n node) {
	p.halfLife.given = true
	for _, key := range p.Pairs(n, "features and their days") {
		days, ok := p.Number(key.Value, 0.01, 3650)
		if !ok {
			continue
		}
		if key.Key == "default" {
			p.halfLife.default_ = days
			continue
		}
		p.halfLife.byName = append(p.halfLife.byName, reference{key.Key, key.KeyAt})
		p.halfLife.of[key.Key] = days
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
			p.Fail(ref.at, "there is no such feature with a half-life%s", handwritten.DidYouMean(ref.name, append([]string{"default"}, names...)))
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
	for _, key := range p.Pairs(n, `features and what they have to be, as {downloads_7d: ">= 1"}`) {
		s, ok := p.Text(key.Value, `a comparison such as ">= 5"`)
		if !ok {
			continue
		}
		c, err := parseCondition(key.Key, s)
		if err != nil {
			p.Fail(key.Value.At, "%v", err)
			continue
		}
		p.features = append(p.features, reference{key.Key, key.KeyAt})
		conditions = append(conditions, c)
	}
	return conditions
}

// targets reads feature values.
func (p *sections) targets(n node) []Target {
	var targets []Target
	for _, key := range p.Pairs(n, "features and values, as {downloads_7d_weighted: 1}") {
		v, ok := p.Number(key.Value, math.SmallestNonzeroFloat64, 1e9)
		if !ok {
			continue
		}
		p.features = append(p.features, reference{key.Key, key.KeyAt})
		targets = append(targets, Target{key.Key, v})
	}
	return targets
}
