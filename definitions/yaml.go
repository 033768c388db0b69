package definitions

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Error is one thing wrong with definitions. Parse joins all of them.
type Error struct {
	File         string // as it was given to Parse
	Line, Column int    // from 1; 0 when it is about the file as a whole
	Field        string // path in the file, such as tiers.criteria.email.weight
	Reason       string // what is wrong and what to write instead
}

func (e *Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d:%d", s, e.Line, e.Column)
	}
	if e.Field != "" {
		s += ": " + e.Field
	}
	return s + ": " + e.Reason
}

// place is a position in the file, and the path of the field there.
type place struct {
	line, column int
	field        string
}

// node is a YAML node with its place.
type node struct {
	ast.Node
	at place
}

// pair is one key of a mapping.
type pair struct {
	key   string
	keyAt place
	value node
}

// reader walks the syntax tree of a file and collects everything that is wrong with it, rather than stop at the first.
type reader struct {
	file string
	errs []error
}

func (r *reader) fail(at place, format string, args ...any) {
	r.errs = append(r.errs, &Error{r.file, at.line, at.column, at.field, fmt.Sprintf(format, args...)})
}

// root parses the only document. An empty file is one that changes nothing.
func (r *reader) root(text []byte) (n node, some bool) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var syntax yaml.Error
		if !errors.As(err, &syntax) || syntax.GetToken() == nil {
			r.fail(place{}, "%v", err)
			return node{}, false
		}
		at := syntax.GetToken().Position
		hint := ""
		if line := lineOf(text, at.Line); bareComparison.MatchString(line) {
			hint = "; a comparison needs quotes: \">= 5\""
		}
		r.fail(place{at.Line, at.Column, ""}, "%s%s", syntax.GetMessage(), hint)
		return node{}, false
	}
	if len(file.Docs) > 1 {
		at := placeOf(file.Docs[1], "")
		r.fail(at, "definitions are one YAML document; this file has %d", len(file.Docs))
		return node{}, false
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return node{}, false
	}
	return node{file.Docs[0].Body, placeOf(file.Docs[0].Body, "")}, true
}

// bareComparison is what people write before they know that YAML takes > for the beginning of a text block.
var bareComparison = regexp.MustCompile(`:\s*[<>=]`)

func lineOf(text []byte, line int) string {
	lines := strings.Split(string(text), "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	return lines[line-1]
}

func placeOf(n ast.Node, field string) place {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return place{t.Position.Line, t.Position.Column, field}
	}
	return place{field: field}
}

// pairs returns the keys of a mapping in order. Anything else is an error that says what is expected.
func (r *reader) pairs(n node, expected string) []pair {
	if value, ok := n.Node.(*ast.MappingValueNode); ok { // a block of one key
		return r.pair(n, nil, value.Key, value.Value)
	}
	m, ok := n.Node.(ast.MapNode)
	if !ok {
		r.fail(n.at, "%s expected, not %s", expected, describe(n))
		return nil
	}
	var pairs []pair
	for it := m.MapRange(); it.Next(); {
		pairs = r.pair(n, pairs, it.Key(), it.Value())
	}
	return pairs
}

func (r *reader) pair(n node, pairs []pair, keyNode ast.MapKeyNode, value ast.Node) []pair {
	key, ok := keyNode.(ast.ScalarNode)
	if !ok {
		r.fail(placeOf(keyNode, n.at.field), "keys are plain names; anchors and merges are not read here")
		return pairs
	}
	name := key.GetToken().Value
	path := name
	if n.at.field != "" {
		path = n.at.field + "." + name
	}
	at := placeOf(value, path)
	if block, ok := value.(*ast.MappingNode); ok && !block.IsFlowStyle { // its token is the first colon inside
		at = placeOf(keyNode, path)
	}
	if _, ok := value.(*ast.MappingValueNode); ok {
		at = placeOf(keyNode, path)
	}
	if slices.ContainsFunc(pairs, func(p pair) bool { return p.key == name }) {
		r.fail(placeOf(keyNode, path), "it is here twice; only one can count")
		return pairs
	}
	return append(pairs, pair{name, placeOf(keyNode, path), node{value, at}})
}

// items returns the elements of a list.
func (r *reader) items(n node, expected string) []node {
	list, ok := n.Node.(*ast.SequenceNode)
	if !ok {
		r.fail(n.at, "a list expected, %s, not %s", expected, describe(n))
		return nil
	}
	items := make([]node, len(list.Values))
	for i, v := range list.Values {
		field := fmt.Sprintf("%s[%d]", n.at.field, i)
		items[i] = node{v, placeOf(v, field)}
		if m, ok := v.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
			items[i].at = placeOf(m.Values[0].Key, field)
		}
		if m, ok := v.(*ast.MappingValueNode); ok {
			items[i].at = placeOf(m.Key, field)
		}
	}
	return items
}

// text returns a scalar as it is written, whatever YAML takes it for.
func (r *reader) text(n node, expected string) (string, bool) {
	switch v := n.Node.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(v.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	r.fail(n.at, "%s expected, not %s", expected, describe(n))
	return "", false
}

// texts returns the elements of a list of scalars, or the one scalar that stands where a list may.
func (r *reader) texts(n node, expected string) []string {
	if _, ok := n.Node.(*ast.SequenceNode); !ok {
		if s, ok := r.text(n, expected+", or a list of them,"); ok {
			return []string{s}
		}
		return nil
	}
	var texts []string
	for _, item := range r.items(n, expected) {
		if s, ok := r.text(item, expected); ok {
			texts = append(texts, s)
		}
	}
	return texts
}

// number reads a number between least and most, both inclusive.
func (r *reader) number(n node, least, most float64) (float64, bool) {
	s, ok := r.text(n, "a number")
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= least && v <= most) { // NaN is neither
		r.fail(n.at, "%q: a number from %s to %s expected", s, plain(least), plain(most))
		return 0, false
	}
	return v, true
}

// whole reads a whole number between least and most, both inclusive.
func (r *reader) whole(n node, least, most int) (int, bool) {
	v, ok := r.number(n, float64(least), float64(most))
	if ok && v != float64(int(v)) {
		r.fail(n.at, "%s: a whole number expected", plain(v))
		return 0, false
	}
	return int(v), ok
}

// choice reads one of a few words.
func (r *reader) choice(n node, words []string) (string, bool) {
	s, ok := r.text(n, "one of "+strings.Join(words, ", "))
	if !ok {
		return "", false
	}
	if !slices.Contains(words, s) {
		r.fail(n.at, "%q is unknown%s", s, didYouMean(s, words))
		return "", false
	}
	return s, true
}

// unknown is the error for a key that means nothing here.
func (r *reader) unknown(p pair, known ...string) {
	r.fail(p.keyAt, "there is no such key%s", didYouMean(p.key, known))
}

func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func describe(n node) string {
	switch n.Node.(type) {
	case *ast.NullNode:
		return "nothing"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.AliasNode, *ast.AnchorNode:
		return "an anchor or alias"
	}
	return fmt.Sprintf("%q", n.GetToken().Value)
}

// didYouMean ends a message about an unknown name with the known ones that look like it, or with all of them when few.
func didYouMean(got string, known []string) string {
	type candidate struct {
		name     string
		distance int
	}
	low := strings.ToLower(got)
	var near []candidate
	for _, name := range known {
		distance := levenshtein.Distance(low, name, nil)
		if distance <= 1+len(low)/4 || len(low) >= 3 && (strings.Contains(name, low) || strings.Contains(low, name)) {
			near = append(near, candidate{name, distance})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.distance - b.distance })
	if len(near) > 0 && len(got) < 100 {
		names := []string{}
		for _, c := range near[:min(3, len(near))] {
			names = append(names, c.name)
		}
		return "; did you mean " + strings.Join(names, " or ") + "?"
	}
	if len(known) > 60 {
		return ""
	}
	return "; known are " + strings.Join(known, ", ")
}
