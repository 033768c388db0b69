package segment

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/livello/livello/ingest/event"
)

// Rule says which kind events of a name are. Name may hold the wildcards * (any text) and ? (one character). Case does not
// matter, and spaces, hyphens and underscores are the same: "Order Completed" is "order_completed".
type Rule struct {
	Name string `koanf:"name" json:"name"`
	Kind string `koanf:"kind" json:"kind"`
}

// Mapping finds the kind of an event from its name. Safe for concurrent use, also while its rules are replaced.
type Mapping struct {
	table atomic.Pointer[mappingTable]
}

// mappingTable is what a mapping knows; it does not change.
type mappingTable struct {
	exact map[string]string
	globs []Rule // in order of precedence, names in canonical form
}

// NewMapping builds the mapping of rules, then the names of event.Kinds themselves, then DefaultRules. Of several rules that
// fit a name, an exact one comes before one with wildcards, and an earlier one before a later one; rules always come before
// the defaults.
func NewMapping(rules []Rule) (*Mapping, error) {
	m := &Mapping{}
	if err := m.Replace(rules); err != nil {
		return nil, err
	}
	return m, nil
}

// Replace makes the mapping that of other rules, for events decoded from then on. With an error it stays as it was.
func (m *Mapping) Replace(rules []Rule) error {
	table, err := newMappingTable(rules)
	if err == nil {
		m.table.Store(table)
	}
	return err
}

func newMappingTable(rules []Rule) (*mappingTable, error) {
	own, err := buildMapping(rules)
	if err != nil {
		return nil, err
	}
	defaults, err := buildMapping(DefaultRules)
	if err != nil {
		return nil, fmt.Errorf("default rules: %w", err)
	}
	m := &mappingTable{exact: map[string]string{}, globs: append(own.globs, defaults.globs...)}
	for _, kind := range event.Kinds {
		if event.Engagement(kind) {
			m.exact[kind] = kind
		}
	}
	for name, kind := range defaults.exact {
		m.exact[name] = kind
	}
	// A rule with wildcards of the user's wins over an exact default.
	for name := range m.exact {
		if kind, ok := own.glob(name); ok {
			m.exact[name] = kind
		}
	}
	for name, kind := range own.exact {
		m.exact[name] = kind
	}
	return m, nil
}

func buildMapping(rules []Rule) (*mappingTable, error) {
	m := &mappingTable{exact: map[string]string{}}
	for i, rule := range rules {
		name := canonicalName(rule.Name)
		if name == "" {
			return nil, fmt.Errorf("event rule %d: the name is empty", i+1)
		}
		if !event.KnownKind(rule.Kind) || !event.Engagement(rule.Kind) {
			return nil, fmt.Errorf("event rule %d (%s): unknown kind %q; known kinds: %s", i+1, rule.Name, rule.Kind, strings.Join(event.EngagementKinds(), ", "))
		}
		if strings.ContainsAny(name, "*?") {
			m.globs = append(m.globs, Rule{name, rule.Kind})
		} else if _, earlier := m.exact[name]; !earlier {
			m.exact[name] = rule.Kind
		}
	}
	return m, nil
}

// Kind is the kind of a track event of this name; "custom" when no rule fits.
func (m *Mapping) Kind(name string) string {
	return m.table.Load().kind(canonicalName(name))
}

func (m *mappingTable) kind(name string) string {
	if kind, ok := m.exact[name]; ok {
		return kind
	}
	if kind, ok := m.glob(name); ok {
		return kind
	}
	return "custom"
}

func (m *mappingTable) glob(name string) (kind string, ok bool) {
	for _, rule := range m.globs {
		if globMatch(rule.Name, name) {
			return rule.Kind, true
		}
	}
	return "", false
}

// canonicalName is a name in lower case with one underscore for every run of spaces, hyphens and underscores.
func canonicalName(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(name) {
		switch r {
		case ' ', '\t', '-', '_':
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		b.WriteRune(r)
	}
	return b.String()
}

// globMatch matches the whole name: * is any text, ? one byte. It goes back to the last star only, so its time is at most
// the product of the lengths.
func globMatch(pattern, name string) bool {
	p, n := 0, 0
	star, resume := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p, n = p+1, n+1
		case star >= 0:
			resume++
			p, n = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
