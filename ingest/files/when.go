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
	pairs, _ := p.pairs(n, "columns and what they must hold")
	var all []condition
	for _, pair := range pairs {
		c := condition{column: named{pair.key, pair.keyAt}}
		if _, nested := pair.value.Node.(ast.MapNode); !nested {
			c.equals = p.texts(pair.value)
			all = append(all, c)
			continue
		}
		forms, _ := p.pairs(pair.value, "not or empty")
		for _, form := range forms {
			one := c
			switch form.key {
			case "not":
				one.equals, one.negate = p.texts(form.value), true
			case "empty":
				one.equals, one.negate = []string{""}, !p.boolean(form.value)
			default:
				p.fail(form.keyAt, "there is no such condition; write a text, a list of texts, {not: ...} or {empty: true}")
			}
			all = append(all, one)
		}
	}
	return all
}

func (p *mappingParser) texts(n node) []string {
	var texts []string
	for _, item := range p.items(n) {
		if _, null := item.Node.(*ast.NullNode); null {
			p.fail(item.at, "compares with nothing; write {empty: true}")
			continue
		}
		if s, ok := p.scalar(item, "a text"); ok {
			texts = append(texts, s)
		}
	}
	return texts
}
