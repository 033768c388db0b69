package handwritten

import (
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Text returns a scalar as it is written, whatever YAML takes it for: 007 stays 007. The line end after a block of text is none
// of it. Expected begins the message when it is something else.
func (r *Reader) Text(n Node, expected string) (string, bool) {
	switch v := n.Node.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(v.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	if n.InBraces() {
		r.Fail(n.At, "%s expected; what starts with a brace needs quotes: \"{column}\"", expected)
		return "", false
	}
	r.Fail(n.At, "%s expected, not %s", expected, describe(n))
	return "", false
}

// InBraces says whether this is {customer_id} without its quotes, which YAML reads as a key without a value.
func (n Node) InBraces() bool {
	m, ok := n.Node.(*ast.MappingNode)
	return ok && m.IsFlowStyle && len(m.Values) == 1 && m.Values[0].Value.Type() == ast.NullType
}

// Texts returns the elements of a list of scalars, or the one scalar that stands where a list may.
func (r *Reader) Texts(n Node, expected string) []string {
	if !n.IsList() {
		expected += ", or a list of them,"
	}
	var texts []string
	for _, item := range n.Each() {
		if s, ok := r.Text(item, expected); ok {
			texts = append(texts, s)
		}
	}
	return texts
}

// Bool reads true or false.
func (r *Reader) Bool(n Node) bool {
	b, ok := n.Node.(*ast.BoolNode)
	if !ok {
		r.Fail(n.At, "true or false expected, not %s", describe(n))
		return false
	}
	return b.Value
}

// Number reads a number between least and most, both inclusive.
func (r *Reader) Number(n Node, least, most float64) (float64, bool) {
	s, ok := r.Text(n, "a number")
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= least && v <= most) { // NaN is neither
		r.Fail(n.At, "%q: a number from %s to %s expected", s, plain(least), plain(most))
		return 0, false
	}
	return v, true
}

// Whole reads a whole number between least and most, both inclusive.
func (r *Reader) Whole(n Node, least, most int) (int, bool) {
	v, ok := r.Number(n, float64(least), float64(most))
	if ok && v != float64(int(v)) {
		r.Fail(n.At, "%s: a whole number expected", plain(v))
		return 0, false
	}
	return int(v), ok
}

func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// Choice reads one of a few words; "" is none of them.
func (r *Reader) Choice(n Node, words ...string) string {
	s, ok := r.Text(n, "one of "+strings.Join(words, ", "))
	if !ok {
		return ""
	}
	if !slices.Contains(words, s) {
		r.Fail(n.At, "%q is unknown%s", s, DidYouMean(s, words))
		return ""
	}
	return s
}

// Unknown is the error for a key that means nothing here.
func (r *Reader) Unknown(p Pair, known ...string) {
	r.Fail(p.KeyAt, "there is no such key%s", DidYouMean(p.Key, known))
}
