package files

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// mappingParser walks the syntax tree of a mapping file and collects everything that is wrong with it. It does not decode
// into structs, because it has to say where each template and column stands when it meets the file later.
type mappingParser struct {
	name string
	errs []error
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

func (p *mappingParser) fail(at place, format string, args ...any) {
	p.errs = append(p.errs, &MappingError{p.name, at.line, at.column, at.field, fmt.Sprintf(format, args...)})
}

// parse returns the root of the only document.
func (p *mappingParser) parse(text []byte) (node, bool) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) && syntax.GetToken() != nil {
			at := syntax.GetToken().Position
			p.fail(place{at.Line, at.Column, ""}, "%s", syntax.GetMessage())
		} else {
			p.fail(place{}, "%v", err)
		}
		return node{}, false
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		p.fail(place{}, "a mapping file is one YAML document with at least source, time and userId or anonymousId; this one has %d", len(file.Docs))
		return node{}, false
	}
	root := file.Docs[0].Body
	return node{root, placeOf(root, "")}, true
}

func placeOf(n ast.Node, field string) place {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return place{t.Position.Line, t.Position.Column, field}
	}
	return place{field: field}
}

// pairs returns the keys of a mapping in order. Anything else is an error that says what is expected.
func (p *mappingParser) pairs(n node, expected string) ([]pair, bool) {
	m, ok := n.Node.(ast.MapNode)
	if !ok {
		p.fail(n.at, "%s expected, not %s", strings.TrimSpace(expected), describe(n))
		return nil, false
	}
	var pairs []pair
	for it := m.MapRange(); it.Next(); {
		key, ok := it.Key().(ast.ScalarNode)
		if !ok {
			p.fail(placeOf(it.Key(), n.at.field), "keys are plain names; anchors and merges are not read here")
			return nil, false
		}
		name := key.GetToken().Value
		path := name
		if n.at.field != "" {
			path = n.at.field + "." + name
		}
		value := it.Value()
		at := placeOf(value, path)
		if block, ok := value.(*ast.MappingNode); ok && !block.IsFlowStyle { // its token is the first colon inside
			at = placeOf(it.Key(), path)
		}
		pairs = append(pairs, pair{name, placeOf(it.Key(), path), node{value, at}})
	}
	return pairs, true
}

// items returns the elements of a list, or the one element that stands where a list may.
func (p *mappingParser) items(n node) []node {
	list, ok := n.Node.(*ast.SequenceNode)
	if !ok {
		return []node{n}
	}
	var items []node
	for i, v := range list.Values {
		items = append(items, node{v, placeOf(v, fmt.Sprintf("%s[%d]", n.at.field, i))})
	}
	return items
}

// scalar returns the text of a scalar as it is written, whatever YAML takes it for: 007 stays 007.
func (p *mappingParser) scalar(n node, expected string) (string, bool) {
	switch v := n.Node.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	case *ast.MappingNode:
		if v.IsFlowStyle {
			p.fail(n.at, "%s expected; what starts with a brace needs quotes: \"{column}\"", expected)
			return "", false
		}
	}
	p.fail(n.at, "%s expected, not %s", expected, describe(n))
	return "", false
}

// boolean reads true or false.
func (p *mappingParser) boolean(n node) bool {
	b, ok := n.Node.(*ast.BoolNode)
	if !ok {
		p.fail(n.at, "true or false expected, not %s", describe(n))
		return false
	}
	return b.Value
}

// choice reads one of a few words.
func (p *mappingParser) choice(n node, words ...string) string {
	s, ok := p.scalar(n, "one of "+strings.Join(words, ", "))
	if !ok {
		return ""
	}
	for _, w := range words {
		if s == w {
			return s
		}
	}
	p.fail(n.at, "%q is unknown%s", s, didYouMean(s, words))
	return ""
}

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
