package queries

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Parse reads one file of the catalogue. Its header is the run of comment lines at the top:
//
//	-- Funnel conversion: how many people reach each step, in order.
//	--
//	-- More about it, as many paragraphs as it needs.
//	--
//	-- param  from   DateTime64(3) = now-90d       start, inclusive, UTC
//	-- param  steps  Array(String) 2..10           kinds of event, in order
//	-- column people UInt64                        people who reached the step
//
// A param line is name, type, optional bounds (of a number, or of an array's length), optional default, meaning; without a
// default the parameter is required. A column line is name, type, meaning. The first paragraph is the title.
func Parse(name, text string) (Query, error) {
	q := Query{Name: name, Text: text}
	if !identifier.MatchString(name) || commands[name] {
		return q, fmt.Errorf("query %s: a name is lower-case letters, digits and underscores, and not list, describe or run", name)
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	var prose []string
	at := 0
	for ; at < len(lines) && strings.HasPrefix(lines[at], "--"); at++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines[at], "--"))
		word, rest, _ := strings.Cut(line, " ")
		var err error
		switch word {
		case "param":
			err = q.addParam(rest)
		case "column":
			err = q.addColumn(rest)
		default:
			prose = append(prose, line)
		}
		if err != nil {
			return q, fmt.Errorf("query %s: line %d: %w", name, at+1, err)
		}
	}
	title, doc, _ := strings.Cut(strings.TrimSpace(strings.Join(prose, "\n")), "\n\n")
	q.Title, q.Doc = strings.ReplaceAll(title, "\n", " "), strings.TrimSpace(doc)
	q.SQL = strings.TrimSpace(strings.Join(lines[at:], "\n"))
	switch {
	case q.Title == "":
		return q, fmt.Errorf("query %s: the header has no title; the first comment line says what the query answers", name)
	case len(q.Columns) == 0:
		return q, fmt.Errorf("query %s: the header declares no columns", name)
	case q.SQL == "":
		return q, fmt.Errorf("query %s: there is no statement below the header", name)
	}
	return q, q.check()
}

// aDay stands for now where only the form of a value is checked.
var aDay = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

var (
	identifier = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	bounds     = regexp.MustCompile(`^(-?\d+)\.\.(-?\d+)$`)
)

// commands are names that `livello query` has a meaning of its own for.
var commands = map[string]bool{"list": true, "describe": true, "run": true}

// reserved are parameter names that the HTTP API and the command line need for themselves.
var reserved = map[string]bool{"format": true, "name": true}

func (q *Query) addParam(line string) error {
	name, rest := cutWord(line)
	typ, rest := cutType(rest)
	p := Param{Name: name, Type: typ, Required: true}
	if err := checkName(name); err != nil {
		return err
	}
	if _, ok := q.Param(name); ok {
		return fmt.Errorf("param %s is declared twice", name)
	}
	if reserved[name] {
		return fmt.Errorf("param %s: this name is taken by the API", name)
	}
	if !supported(typ) {
		return fmt.Errorf("param %s: type %q is not one of %s", name, typ, strings.Join(types, ", "))
	}
	if word, after := cutWord(rest); bounds.MatchString(word) {
		r, err := parseRange(word)
		if err != nil {
			return fmt.Errorf("param %s: %w", name, err)
		}
		p.Bounds, rest = r, after
	}
	if after, ok := strings.CutPrefix(rest, "= "); ok {
		value, after, err := cutValue(after)
		if err != nil {
			return fmt.Errorf("param %s: %w", name, err)
		}
		p.Required, p.Default, rest = false, value, after
		if _, err := p.value(value, aDay); err != nil {
			return fmt.Errorf("param %s: default: %w", name, err)
		}
	}
	p.Doc = rest
	q.Params = append(q.Params, p)
	return nil
}

func (q *Query) addColumn(line string) error {
	name, rest := cutWord(line)
	typ, doc := cutType(rest)
	if err := checkName(name); err != nil {
		return err
	}
	if typ == "" {
		return fmt.Errorf("column %s has no type", name)
	}
	for _, c := range q.Columns {
		if c.Name == name {
			return fmt.Errorf("column %s is declared twice", name)
		}
	}
	q.Columns = append(q.Columns, Column{Name: name, Type: typ, Doc: doc})
	return nil
}

func checkName(name string) error {
	if !identifier.MatchString(name) {
		return fmt.Errorf("%q is no name: lower-case letters, digits and underscores", name)
	}
	return nil
}

func parseRange(s string) (*Range, error) {
	m := bounds.FindStringSubmatch(s)
	low, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("bounds %s: %w", s, err)
	}
	high, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("bounds %s: %w", s, err)
	}
	if low > high {
		return nil, fmt.Errorf("bounds %s: the lower one comes first", s)
	}
	return &Range{Min: low, Max: high}, nil
}

// cutWord returns the first word of s and what follows it.
func cutWord(s string) (word, rest string) {
	word, rest, _ = strings.Cut(strings.TrimSpace(s), " ")
	return word, strings.TrimSpace(rest)
}

// cutType returns the type at the start of s: up to the first blank outside parentheses.
func cutType(s string) (typ, rest string) {
	s = strings.TrimSpace(s)
	depth := 0
	for i, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ' ' && depth == 0:
			return s[:i], strings.TrimSpace(s[i:])
		}
	}
	return s, ""
}

// cutValue returns the default at the start of s: a word, or anything in single quotes, which may be empty.
func cutValue(s string) (value, rest string, err error) {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "'") {
		value, rest = cutWord(s)
		return value, rest, nil
	}
	end := strings.IndexByte(s[1:], '\'')
	if end < 0 {
		return "", "", fmt.Errorf("the default's quote is not closed")
	}
	return s[1 : 1+end], strings.TrimSpace(s[end+2:]), nil
}
