package files

import (
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// text reads a field that is a text: a template, or a column with its replacements.
func (p *mappingParser) text(n node) *value {
	if _, ok := n.Node.(*ast.MappingNode); ok && !n.InBraces() {
		v := p.typed(n, typeString)
		if v != nil && v.typ != typeString {
			p.Fail(n.At, "is a text; type %s is for properties", fieldTypes[v.typ])
		}
		return v
	}
	s, ok := p.Text(n, `a text or a template such as "{column}"`)
	if !ok {
		return nil
	}
	if s == "" {
		p.Fail(n.At, "is empty; leave the key out")
		return nil
	}
	return p.templateValue(n, s)
}

func (p *mappingParser) templateValue(n node, s string) *value {
	parts, err := parseTemplate(s)
	if err != nil {
		p.Fail(n.At, "%v", err)
		return nil
	}
	v := &value{at: n.At, kind: template, parts: parts, typ: typeString}
	if isConstant(parts) {
		v.kind, v.json = constant, appendString(nil, plainText(parts))
	}
	return v
}

// members adds the keys of properties, traits or context, which may be nested. A key that is there already is replaced.
func (p *mappingParser) members(into *value, n node) {
	for _, pair := range p.Pairs(n, "names and what they are made of") {
		v := p.property(pair.Value)
		if v == nil {
			continue
		}
		i := slices.IndexFunc(into.members, func(m member) bool { return m.key == pair.Key })
		if i < 0 {
			into.members = append(into.members, member{pair.Key, v})
		} else if old := into.members[i].value; old.kind == object && v.kind == object {
			into.members[i].value = &value{at: v.at, kind: object, members: append(slices.Clone(old.members), v.members...)}
		} else {
			into.members[i].value = v
		}
	}
}

// property reads a constant, a template, a typed column, or an object of these.
func (p *mappingParser) property(n node) *value {
	fixed := func(json string) *value { return &value{at: n.At, kind: constant, json: []byte(json)} }
	switch v := n.Node.(type) {
	case *ast.BoolNode:
		if v.Value {
			return fixed("true")
		}
		return fixed("false")
	case *ast.IntegerNode, *ast.FloatNode:
		s := n.GetToken().Value
		if ok, _, _ := isNumber(s); !ok {
			p.Fail(n.At, "%s is no number that JSON can write; put it in quotes to send it as a text", s)
			return nil
		}
		return fixed(s)
	case *ast.MappingNode:
		if n.InBraces() {
			p.Text(n, "a text or a template")
			return nil
		}
		for _, pair := range v.Values {
			if key := pair.Key.GetToken().Value; key == "column" || key == "value" {
				return p.typed(n, typeAny)
			}
		}
		nested := &value{at: n.At, kind: object}
		p.members(nested, n)
		return nested
	}
	s, ok := p.Text(n, `a constant, a template such as "{column}", or {column: NAME, type: number}`)
	if !ok {
		return nil
	}
	return p.templateValue(n, s)
}

// time reads when an event happened: {column: ...}, a constant, or `received`, for which it returns nil.
func (p *mappingParser) time(n node) *value {
	if _, ok := n.Node.(*ast.MappingNode); ok {
		v := p.typed(n, typeTime)
		if v != nil && v.typ != typeTime {
			p.Fail(n.At, "the type of a time is time")
		}
		return v
	}
	s, ok := p.Text(n, "{column: NAME, layout: ...}, a constant time or `received`")
	if !ok || s == "received" {
		return nil
	}
	t, err := parseISO([]byte(s), time.UTC)
	if err != nil {
		p.Fail(n.At, "%q is no time; write {column: NAME, layout: ...}, a constant as 2008-03-20T12:00:00Z, or `received`", s)
		return nil
	}
	return &value{at: n.At, kind: constant, json: append(appendTime([]byte{'"'}, t), '"')}
}

// asTime makes v a time and fills in what was not said: ISO 8601, UTC.
func (p *mappingParser) asTime(v *value) {
	v.typ = typeTime
	if len(v.layouts) == 0 {
		v.layouts = []*layout{{text: layoutISO}}
	}
	if v.zone == nil {
		v.zone = time.UTC
	}
}

// typed reads {column: NAME, type: ..., ...} or the same with value: "{template}". typ is what it is when no type is given.
func (p *mappingParser) typed(n node, typ fieldType) *value {
	pairs := p.Pairs(n, "column: NAME and how to read it")
	if pairs == nil {
		return nil
	}
	v := &value{at: n.At, kind: typed, typ: typ}
	before := len(p.Errs)
	for _, pair := range pairs {
		switch pair.Key {
		case "column":
			if s, ok := p.Text(pair.Value, "a column name"); ok {
				v.parts = append(v.parts, part{column: s})
				v.at = pair.Value.At
			}
		case "value":
			if s, ok := p.Text(pair.Value, `a template such as "{date} {hour}"`); ok {
				parts, err := parseTemplate(s)
				if err != nil {
					p.Fail(pair.Value.At, "%v", err)
				}
				v.parts = append(v.parts, parts...)
				v.at = pair.Value.At
			}
		case "type":
			v.typ = fieldType(max(0, slices.Index(fieldTypes, p.Choice(pair.Value, fieldTypes...))))
		case "layout":
			for _, item := range pair.Value.Each() {
				if s, ok := p.Text(item, "a layout such as %Y-%m-%d"); ok {
					l, err := newLayout(s)
					if err != nil {
						p.Fail(item.At, "%v", err)
					}
					v.layouts = append(v.layouts, l)
				}
			}
		case "zone":
			v.zone = p.zone(pair.Value)
		case "decimal_comma":
			v.decimalComma = p.Bool(pair.Value)
		case "replace":
			v.replace = p.replace(pair.Value)
		default:
			p.Unknown(pair, "column", "value", "type", "layout", "zone", "decimal_comma", "replace")
		}
	}
	p.checkTyped(n, v, len(p.Errs) > before)
	return v
}

func (p *mappingParser) checkTyped(n node, v *value, failed bool) {
	switch {
	case failed:
	case isConstant(v.parts):
		p.Fail(n.At, "names no column; write column: NAME, or the constant alone")
	case (len(v.layouts) > 0 || v.zone != nil) && v.typ != typeTime:
		p.Fail(n.At, "layout and zone are for type: time")
	case v.decimalComma && v.typ != typeDecimal && v.typ != typeNumber:
		p.Fail(n.At, "decimal_comma is for type: decimal and type: number")
	case v.typ == typeTime:
		p.asTime(v)
	}
}

// zone reads a time zone of the tz database.
func (p *mappingParser) zone(n node) *time.Location {
	s, ok := p.Text(n, "a zone such as UTC or Europe/Rome")
	if !ok {
		return nil
	}
	zone, err := time.LoadLocation(s)
	if err != nil || s == "" || s == "Local" {
		p.Fail(n.At, "zone %q is unknown; write UTC or a name of the tz database such as Europe/Rome", s)
		return nil
	}
	return zone
}

// replace reads what a text of the column is to be read as.
func (p *mappingParser) replace(n node) map[string][]byte {
	pairs := p.Pairs(n, "texts and what to put in their place")
	replace := make(map[string][]byte, len(pairs))
	for _, pair := range pairs {
		if s, ok := p.Text(pair.Value, "a text"); ok {
			replace[pair.Key] = []byte(s)
		}
	}
	return replace
}
