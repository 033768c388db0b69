package definitions

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Change is one thing that two sets of definitions say differently.
type Change struct {
	Field  string `json:"field"`  // such as tiers.criteria.email.when
	Before string `json:"before"` // empty: it was not there
	After  string `json:"after"`  // empty: it is not there any more
}

// String is the change in a line.
func (c Change) String() string {
	switch {
	case c.Before == "":
		return "+ " + c.Field + ": " + c.After
	case c.After == "":
		return "- " + c.Field + ": " + c.Before
	}
	return "~ " + c.Field + ": " + c.Before + " -> " + c.After
}

// Section is the part of the file that it is in.
func (c Change) Section() string {
	if i := strings.IndexAny(c.Field, ".["); i >= 0 {
		return c.Field[:i]
	}
	return c.Field
}

// Diff is what after says differently, in the order of the file.
func Diff(before, after *Definitions) []Change {
	was, is := before.lines(), after.lines()
	changes := []Change{}
	value := func(lines []line, field string) string {
		for _, l := range lines {
			if l.field == field {
				return l.value
			}
		}
		return ""
	}
	for _, section := range sectionKeys {
		of := func(l line) bool { return Change{Field: l.field}.Section() == section }
		for _, l := range was {
			if now := value(is, l.field); of(l) && now != l.value {
				changes = append(changes, Change{l.field, l.value, now})
			}
		}
		for _, l := range is {
			if of(l) && value(was, l.field) == "" {
				changes = append(changes, Change{l.field, "", l.value})
			}
		}
	}
	return changes
}

// Effects say what becomes of the changes, one sentence each: what counts at once, what is computed again, and what stays.
func Effects(before, after *Definitions) []string {
	changed := map[string]bool{}
	for _, c := range Diff(before, after) {
		changed[c.Section()] = true
	}
	some := func(sections ...string) bool {
		return slices.ContainsFunc(sections, func(s string) bool { return changed[s] })
	}
	var effects []string
	if before.SignalsQuery() != after.SignalsQuery() {
		effects = append(effects, "signals and key pages: person_signals is computed again from all events, month by month, while events come in; loading pauses for moments")
	}
	if some("events") {
		effects = append(effects, "events: the rules count for events that arrive from then on; those that are there keep the kind they were given, because history is never rewritten")
	}
	if some("tiers", "micro_segments", "lifecycle", "context_rules", "key_paths", "half_lives", "signals", "key_pages", "surveys", "session_timeout") {
		effects = append(effects, "tiers: everybody active is evaluated under the new version; tier_history says which version decided what")
	}
	if some("conversions", "gold") {
		effects = append(effects, "validation: counts at once, for past periods, too")
	}
	if some("identity") {
		effects = append(effects, "identity: who is who is decided anew from all evidence when the limits or role names change; merges and splits by hand stay")
	}
	if some("metrics", "base_currency", "acquisition", "session_timeout") {
		effects = append(effects, "funnel, sessions and value: computed when they are read, so they change at once, for past days, too")
	}
	return effects
}

// line is one thing the definitions say.
type line struct{ field, value string }

// lines are everything the definitions say, in readable pieces.
func (d *Definitions) lines() []line {
	var lines []line
	add := func(field, format string, args ...any) {
		lines = append(lines, line{field, fmt.Sprintf(format, args...)})
	}
	add("base_currency", "%s", d.BaseCurrency)
	add("session_timeout", "%d s", d.SessionTimeout)
	for i, r := range d.Events {
		add(fmt.Sprintf("events[%d]", i), "%q is %s", r.Name, r.Kind)
	}
	for i, s := range d.Signals {
		add("signals."+s.Name, "%q, place %d", s.Text, i+1)
		for n, m := range s.Match {
			add(fmt.Sprintf("signals.%s.match[%d]", s.Name, n), "%s", m)
		}
	}
	for i, p := range d.KeyPages {
		add("key_pages."+p.Name, "place %d", i+1)
		for n, m := range p.Match {
			add(fmt.Sprintf("key_pages.%s[%d]", p.Name, n), "%s", m)
		}
	}
	for _, p := range d.KeyPaths {
		add("key_paths."+p.Name, "%s", strings.Join(p.Pages, " > "))
	}
	for n, m := range d.NPS {
		add(fmt.Sprintf("surveys.nps[%d]", n), "%s", m)
	}
	for n, m := range d.CSAT {
		add(fmt.Sprintf("surveys.csat[%d]", n), "%s", m)
	}
	for _, name := range slices.Sorted(maps.Keys(d.HalfLives)) {
		add("half_lives."+name, "%s days", plain(d.HalfLives[name]))
	}
	add("tiers.needs", "%d", d.Tier2Needs)
	for _, c := range d.Criteria {
		field := "tiers.criteria." + c.Name
		add(field+".text", "%q", c.Text)
		add(field+".when", "%s", conditionsText(c.Conditions))
		add(field+".weight", "%s", plain(c.Weight))
		for _, t := range c.Targets {
			add(field+".target."+t.Feature, "%s", plain(t.Target))
		}
	}
	for _, tier := range []string{"tier_2", "tier_1", "unknown"} {
		add("tiers.actions."+tier, "%q", d.TierActions[tierOf[tier]])
	}
	for i, s := range d.MicroSegments {
		add(fmt.Sprintf("micro_segments[%d]", i), "%s of tier %d, %s: %q", s.Name, s.Tier, conditionsText(s.Conditions), s.Text)
		add(fmt.Sprintf("micro_segments[%d].action", i), "%q", s.Action)
	}
	for _, s := range d.Lifecycle {
		add("lifecycle."+s.Name, "%s: %q", conditionsText(s.Conditions), s.Text)
	}
	for _, c := range d.ContextRules {
		add("context_rules."+c.Name, "%s: %q", conditionsText(c.Conditions), c.Text)
		add("context_rules."+c.Name+".penalty", "%s", plain(c.Penalty))
	}
	add("conversions.kinds", "%s", strings.Join(d.ConversionKinds, ", "))
	add("conversions.within", "%d days", d.ConversionDays)
	add("gold.people", "%d", d.GoldPeople)
	add("gold.rate", "%s", plain(d.GoldRate))
	add("identity.max_users", "%d", d.IdentityMaxUsers)
	add("identity.max_ids", "%d", d.IdentityMaxIDs)
	for _, name := range d.RoleNames {
		add("identity.role_names."+name, "yes")
	}
	for _, domain := range d.FreeMail {
		add("identity.free_mail."+domain, "yes")
	}
	for i, c := range d.Acquisition {
		add(fmt.Sprintf("acquisition[%d]", i), "%s", c)
	}
	for _, m := range d.Metrics {
		field := "metrics." + m.Level + "." + m.Metric
		add(field, "%q, in %s", m.Text, m.Unit)
		add(field+".numerator", "%s", strings.Join(m.Numerator, ", "))
		if len(m.Denominator) > 0 {
			add(field+".denominator", "%s", strings.Join(m.Denominator, ", "))
		}
	}
	return lines
}

func conditionsText(conditions []Condition) string {
	if len(conditions) == 0 {
		return "everybody"
	}
	parts := make([]string, len(conditions))
	for i, c := range conditions {
		parts[i] = c.String()
	}
	return strings.Join(parts, " and ")
}

// String is the match as people would say it.
func (m Match) String() string {
	parts := make([]string, len(m))
	for i, f := range m {
		parts[i] = f.Field + " " + strings.Join(f.Patterns, " or ")
	}
	return strings.Join(parts, ", ")
}

// String is the channel with what it asks for.
func (c Channel) String() string {
	parts := []string{}
	for _, f := range []struct {
		name     string
		patterns []string
	}{{"utm_medium", c.UTMMedium}, {"utm_source", c.UTMSource}, {"referrer", c.Referrer}} {
		if len(f.patterns) > 0 {
			parts = append(parts, f.name+" "+strings.Join(f.patterns, " or "))
		}
	}
	if len(parts) == 0 {
		return c.Channel + ": anything"
	}
	return c.Channel + ": " + strings.Join(parts, ", ")
}

// Warnings are what is right but may not be meant.
func (d *Definitions) Warnings() []string {
	var warnings []string
	names := map[string]bool{}
	for _, s := range d.MicroSegments {
		names[s.Name] = true
	}
	if len(names) > mainSegments {
		warnings = append(warnings, fmt.Sprintf("micro_segments: %d segments; more than %d are hard to act on, and few people remain to tell one from another", len(names), mainSegments))
	}
	if d.Tier2Needs < 3 {
		warnings = append(warnings, fmt.Sprintf("tiers.needs: %d; single signals mislead, the default is 3", d.Tier2Needs))
	}
	for _, s := range d.Signals {
		for _, m := range s.Match {
			if len(m.kinds()) == 0 {
				warnings = append(warnings, fmt.Sprintf("signals.%s: a match without a kind looks at every event, which costs more on loading", s.Name))
				break
			}
		}
	}
	return warnings
}

// mainSegments is how many segments people can work with.
const mainSegments = 6
