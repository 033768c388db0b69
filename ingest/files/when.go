package files

import "github.com/goccy/go-yaml/ast"

// condition is what one column must hold for a row to give an event. A null is the empty text.
type condition struct {
	column named
	index  int
	equals []string
	negate bool
}

func (c *condition) holds(got []byte) bool {
	for _, want := range c.equals {
		if string(got) == want {
			return !c.negate
		}
	}
	return c.negate
}

// conditions reads `when`: for each column a text, a list of texts, {not: text or list}, or {empty: true or false}.
// All must hold.
func (p *mappingParser) conditions(n node) []condition {
	var all []condition
	for _, pair := range p.Pairs(n, "columns and what they must hold") {
		c := condition{column: named{pair.Key, pair.KeyAt}}
		if _, nested := pair.Value.Node.(ast.MapNode); !nested {
			c.equals = p.texts(pair.Value)
			all = append(all, c)
			continue
		}
		for _, form := range p.Pairs(pair.Value, "not or empty") {
			one := c
			switch form.Key {
			case "not":
				one.equals, one.negate = p.texts(form.Value), true
			case "empty":
				one.equals, one.negate = []string{""}, !p.Bool(form.Value)
			default:
				p.Fail(form.KeyAt, "there is no such condition; write a text, a list of texts, {not: ...} or {empty: true}")
			}
			all = append(all, one)
		}
	}
	return all
}

func (p *mappingParser) texts(n node) []string {
	var texts []string
	for _, item := range n.Each() {
		if _, null := item.Node.(*ast.NullNode); null {
			p.Fail(item.At, "compares with nothing; write {empty: true}")
			continue
		}
		if s, ok := p.Text(item, "a text"); ok {
			texts = append(texts, s)
		}
	}
	return texts
}
