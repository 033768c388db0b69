// Package handwritten reads what people write by hand: YAML files, whose every value knows its line so that a mistake can be
// pointed at, and names, for which there may be another that was meant.
//
// A file is walked as a syntax tree and not decoded into structs: what is wrong with a value often shows only later, beside
// another section or the file that a mapping meets, and its place is needed then.
package handwritten

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Place is a position in a file, from 1, and the path of the field there, such as events[1].userId. Line 0 is the file as a whole.
type Place struct {
	Line, Column int
	Field        string
}

// Node is a YAML node with its place.
type Node struct {
	ast.Node
	At Place
}

// Pair is one key of a mapping.
type Pair struct {
	Key   string
	KeyAt Place
	Value Node
}

// Reader collects everything that is wrong with a file, rather than stop at the first mistake.
type Reader struct {
	File string // what errors call it
	Errs []error
	// Hint says what else is to be said of a line that is no YAML, from "; " on; nil or "" for nothing.
	Hint func(line string) string
}

// Root parses the only document of a file; what begins the message when there are more, as in "a mapping file is". It returns
// false for a file that cannot be read, and for one that is empty, which is a mistake only if the caller says so.
func (r *Reader) Root(text []byte, what string) (Node, bool) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		r.syntax(text, err)
		return Node{}, false
	}
	if len(file.Docs) > 1 {
		r.Fail(startOf(file.Docs[1].Body, ""), "%s one YAML document; this file has %d", what, len(file.Docs))
		return Node{}, false
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return Node{}, false
	}
	return Node{file.Docs[0].Body, startOf(file.Docs[0].Body, "")}, true
}

func (r *Reader) syntax(text []byte, err error) {
	var syntax yaml.Error
	if !errors.As(err, &syntax) || syntax.GetToken() == nil {
		r.Fail(Place{}, "%v", err)
		return
	}
	at := syntax.GetToken().Position
	hint := ""
	if lines := strings.Split(string(text), "\n"); r.Hint != nil && at.Line >= 1 && at.Line <= len(lines) {
		hint = r.Hint(lines[at.Line-1])
	}
	r.Fail(Place{at.Line, at.Column, ""}, "%s%s", syntax.GetMessage(), hint)
}

func placeOf(n ast.Node, field string) Place {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return Place{t.Position.Line, t.Position.Column, field}
	}
	return Place{Field: field}
}

// isBlock says whether keys and values stand on lines of their own. The token of such a node is the first colon inside, and nobody
// looks there.
func isBlock(n ast.Node) bool {
	switch m := n.(type) {
	case *ast.MappingNode:
		return !m.IsFlowStyle
	case *ast.MappingValueNode:
		return true
	}
	return false
}

// startOf is the place of a node, which for a block is that of its first key.
func startOf(n ast.Node, field string) Place {
	switch m := n.(type) {
	case nil:
		return Place{Field: field}
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return placeOf(m.Values[0].Key, field)
		}
	case *ast.MappingValueNode:
		return placeOf(m.Key, field)
	}
	return placeOf(n, field)
}

// Pairs returns the keys of a mapping in order. Anything else is an error that says what is expected; the result is nil then,
// and only then.
func (r *Reader) Pairs(n Node, expected string) []Pair {
	m, ok := n.Node.(ast.MapNode)
	if !ok {
		r.Fail(n.At, "%s expected, not %s", expected, describe(n))
		return nil
	}
	pairs := []Pair{}
	for it := m.MapRange(); it.Next(); {
		key, ok := it.Key().(ast.ScalarNode)
		if !ok {
			r.Fail(placeOf(it.Key(), n.At.Field), "keys are plain names; anchors and merges are not read here")
			continue
		}
		name := key.GetToken().Value
		path := strings.TrimPrefix(n.At.Field+"."+name, ".")
		keyAt := placeOf(key, path)
		if slices.ContainsFunc(pairs, func(p Pair) bool { return p.Key == name }) {
			r.Fail(keyAt, "it is here twice; only one can count")
			continue
		}
		at := placeOf(it.Value(), path)
		if isBlock(it.Value()) {
			at = keyAt
		}
		pairs = append(pairs, Pair{name, keyAt, Node{it.Value(), at}})
	}
	return pairs
}

// List returns the elements of a list. Anything else is an error that says what each element is to be.
func (r *Reader) List(n Node, expected string) []Node {
	if !n.IsList() {
		r.Fail(n.At, "a list expected, %s, not %s", expected, describe(n))
		return nil
	}
	return n.Each()
}

// IsList says whether the node is a list.
func (n Node) IsList() bool {
	_, list := n.Node.(*ast.SequenceNode)
	return list
}

// Each returns the elements of a list, or the one value that stands where a list may.
func (n Node) Each() []Node {
	list, ok := n.Node.(*ast.SequenceNode)
	if !ok {
		return []Node{n}
	}
	items := make([]Node, len(list.Values))
	for i, v := range list.Values {
		field := fmt.Sprintf("%s[%d]", n.At.Field, i)
		items[i] = Node{v, startOf(v, field)}
	}
	return items
}

func describe(n Node) string {
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
