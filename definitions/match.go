package definitions

import (
	"regexp"
	"slices"
	"strings"
)

// Match is fulfilled by an event when all its fields are.
type Match []FieldMatch

// FieldMatch is fulfilled when one of its patterns fits the field. * is any text, and by itself any but none; capitals (A to Z) make no
// difference.
//
// In name, spaces, hyphens and underscores are the same and ? is one character, as in the mapping of events; in url and path a slash at
// the end makes no difference. kind is compared as it is.
type FieldMatch struct {
	Field    string   `json:"field"`
	Patterns []string `json:"patterns"`
}

// matchFields are the columns of events that a match may ask for; a property is properties.KEY.
var matchFields = []string{"kind", "name", "channel", "source", "url", "path", "referrer", "content_id", "text", "country", "locale",
	"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"}

const propertyPrefix = "properties."

// condition is the match as SQL over events.
func (m Match) condition() string {
	var parts []string
	for _, f := range m {
		parts = append(parts, f.condition())
	}
	return strings.Join(parts, " AND ")
}

// anyOf is the condition that one of the matches is fulfilled, in parentheses where it needs them.
func anyOf(matches []Match) string {
	var parts []string
	for _, m := range matches {
		c := m.condition()
		if len(matches) > 1 && len(m) > 1 {
			c = "(" + c + ")"
		}
		parts = append(parts, c)
	}
	return strings.Join(parts, "\n            OR ")
}

func (f FieldMatch) condition() string {
	column := f.Field
	if key, ok := strings.CutPrefix(f.Field, propertyPrefix); ok {
		column = "asked[" + literal(key) + "]" // see askedProperties
	}
	if f.Field == "kind" {
		return oneOf(column, f.Patterns)
	}
	canonical := "lower(" + column + ")"
	if f.Field == "name" {
		canonical = "trimBoth(replaceRegexpAll(lowerUTF8(name), '[ \\\\t_-]+', '_'), '_')"
	}
	var exact, parts []string
	for _, p := range f.Patterns {
		switch p = f.canonical(p); {
		case p == "*":
			parts = append(parts, column+" != ''")
		case strings.Contains(p, "*") || f.Field == "name" && strings.Contains(p, "?"):
			for _, form := range f.forms(p) {
				parts = append(parts, f.wild(canonical, form))
			}
		default:
			exact = append(exact, f.forms(p)...)
		}
	}
	if len(exact) > 0 {
		parts = append([]string{oneOf(canonical, exact)}, parts...)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// wild is the condition of a canonical pattern with wildcards. The plain forms have functions that are several times faster than LIKE.
func (f FieldMatch) wild(canonical, p string) string {
	text := strings.Trim(p, "*")
	if !strings.Contains(text, "*") && !(f.Field == "name" && strings.Contains(text, "?")) {
		switch begins, ends := strings.HasPrefix(p, "*"), strings.HasSuffix(p, "*"); {
		case begins && ends:
			return "position(" + canonical + ", " + literal(text) + ") > 0"
		case ends:
			return "startsWith(" + canonical + ", " + literal(text) + ")"
		case begins:
			return "endsWith(" + canonical + ", " + literal(text) + ")"
		}
	}
	return canonical + " LIKE " + literal(f.like(p))
}

// forms are a pattern and, for an address, the same with a slash at its end.
func (f FieldMatch) forms(p string) []string {
	if (f.Field == "path" || f.Field == "url") && !strings.HasSuffix(p, "*") && !strings.HasSuffix(p, "/") {
		return []string{p, p + "/"}
	}
	return []string{p}
}

var stars = regexp.MustCompile(`\*+`)

// canonical is a pattern in the form in which the field is compared.
func (f FieldMatch) canonical(p string) string {
	if f.Field == "name" {
		return stars.ReplaceAllString(canonicalName(p), "*")
	}
	return stars.ReplaceAllString(lowerASCII(p), "*")
}

// like is a canonical pattern for LIKE. Everything but the wildcards is escaped.
func (f FieldMatch) like(p string) string {
	wildcards := []string{`\`, `\\`, `%`, `\%`, `_`, `\_`, `*`, `%`}
	if f.Field == "name" {
		wildcards = append(wildcards, `?`, `_`)
	}
	return strings.NewReplacer(wildcards...).Replace(p)
}

func oneOf(column string, values []string) string {
	literals := make([]string, len(values))
	for i, v := range values {
		literals[i] = literal(v)
	}
	if len(literals) == 1 {
		return column + " = " + literals[0]
	}
	return column + " IN (" + strings.Join(literals, ", ") + ")"
}

// literal is a text as a literal of SQL. Control characters do not get here: Parse refuses them.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// kinds are those that events must have to fulfil the match; none is any.
func (m Match) kinds() []string {
	for _, f := range m {
		if f.Field == "kind" {
			return f.Patterns
		}
	}
	return nil
}

// askedProperties is the SELECT item of the map that conditions look properties up in. Most rows are of kinds whose properties no
// match asks for; they get an empty map, which makes all look-ups of a query together a quarter of what they cost otherwise.
func askedProperties(matches []Match) string {
	var kinds []string
	for _, m := range matches {
		if !slices.ContainsFunc(m, func(f FieldMatch) bool { return strings.HasPrefix(f.Field, propertyPrefix) }) {
			continue
		}
		if len(m.kinds()) == 0 {
			return "properties AS asked"
		}
		kinds = append(kinds, m.kinds()...)
	}
	empty := "CAST(map(), 'Map(LowCardinality(String), String)')"
	if len(kinds) == 0 {
		return empty + " AS asked"
	}
	slices.Sort(kinds)
	return "if(" + oneOf("kind", slices.Compact(kinds)) + ", properties, " + empty + ") AS asked"
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// canonicalName is a name in lower case with one underscore for every run of spaces, hyphens and underscores, and none at its ends: what
// the mapping of events compares, too.
func canonicalName(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return slices.Contains([]rune{' ', '\t', '-', '_'}, r) })
	return strings.Join(words, "_")
}
