package files

import (
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// text reads a field that is a text: a template, or a column with its replacements.
func (p *mappingParser) text(n node) *value {
	if m, ok := n.Node.(*ast.MappingNode); ok && !looksLikeTemplate(m) {
		v := p.typed(n, typeString)
		if v != nil && v.typ != typeString {
			p.fail(n.at, "is a text; type %s is for properties", fieldTypes[v.typ])
		}
		return v
	}
	s, ok := p.scalar(n, `a text or a template such as "{column}"`)
	if !ok {
		return nil
	}
	if s == "" {
		p.fail(n.at, "is empty; leave the key out")
		return nil
	}
	return p.templateValue(n, s)
}

// looksLikeTemplate says whether this is {customer_id} without its quotes, which YAML reads as a key without a value.
func looksLikeTemplate(m *ast.MappingNode) bool {
	return m.IsFlowStyle && len(m.Values) == 1 && m.Values[0].Value.Type() == ast.NullType
}

func (p *mappingParser) templateValue(n node, s string) *value {
	parts, err := parseTemplate(s)
	if err != nil {
		p.fail(n.at, "%v", err)
		return nil
	}
	v := &value{at: n.at, kind: template, parts: parts, typ: typeString}
	if isConstant(parts) {
		v.kind, v.json = constant, appendString(nil, plainText(parts))
	}
	return v
}

// members adds the keys of properties, traits or context, which may be nested. A key that is there already is replaced.
func (p *mappingParser) members(into *value, n node) {
	pairs, ok := p.pairs(n, "names and what they are made of")
	if !ok {
		return
	}
	for _, pair := range pairs {
		v := p.property(pair.value)
		if v == nil {
			continue
		}
		i := slices.IndexFunc(into.members, func(m member) bool { return m.key == pair.key })
		if i < 0 {
			into.members = append(into.members, member{pair.key, v})
		} else if old := into.members[i].value; old.kind == object && v.kind == object {
			into.members[i].value = &value{at: v.at, kind: object, members: append(slices.Clone(old.members), v.members...)}
		} else {
			into.members[i].value = v
		}
	}
}

// property reads a constant, a template, a typed column, or an object of these.
func (p *mappingParser) property(n node) *value {
	fixed := func(json string) *value { return &value{at: n.at, kind: constant, json: []byte(json)} }
	switch v := n.Node.(type) {
	case *ast.BoolNode:
		if v.Value {
			return fixed("true")
		}
		return fixed("false")
	case *ast.IntegerNode, *ast.FloatNode:
		s := n.GetToken().Value
		if ok, _, _ := isNumber(s); !ok {
			p.fail(n.at, "%s is no number that JSON can write; put it in quotes to send it as a text", s)
			return nil
		}
		return fixed(s)
	case *ast.MappingNode:
		if looksLikeTemplate(v) {
			p.scalar(n, "a text or a template")
			return nil
		}
		for _, pair := range v.Values {
			if key := pair.Key.GetToken().Value; key == "column" || key == "value" {
				return p.typed(n, typeAny)
			}
		}
		nested := &value{at: n.at, kind: object}
		p.members(nested, n)
		return nested
	}
	s, ok := p.scalar(n, `a constant, a template such as "{column}", or {column: NAME, type: number}`)
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
			p.fail(n.at, "the type of a time is time")
		}
		return v
	}
	s, ok := p.scalar(n, "{column: NAME, layout: ...}, a constant time or `received`")
	if !ok || s == "received" {
		return nil
	}
	t, err := parseISO([]byte(s), time.UTC)
	if err != nil {
		p.fail(n.at, "%q is no time; write {column: NAME, layout: ...}, a constant as 2008-03-20T12:00:00Z, or `received`", s)
		return nil
	}
	return &value{at: n.at, kind: constant, json: append(appendTime([]byte{'"'}, t), '"')}
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
	pairs, ok := p.pairs(n, "column: NAME and how to read it")
	if !ok {
		return nil
	}
	v := &value{at: n.at, kind: typed, typ: typ}
	before := len(p.errs)
	for _, pair := range pairs {
		switch pair.key {
		case "column":
			if s, ok := p.scalar(pair.value, "a column name"); ok {
				v.parts = append(v.parts, part{column: s})
				v.at = pair.value.at
			}
		case "value":
			if s, ok := p.scalar(pair.value, `a template such as "{date} {hour}"`); ok {
				parts, err := parseTemplate(s)
				if err != nil {
					p.fail(pair.value.at, "%v", err)
				}
				v.parts = append(v.parts, parts...)
				v.at = pair.value.at
			}
		case "type":
			v.typ = fieldType(max(0, slices.Index(fieldTypes, p.choice(pair.value, fieldTypes...))))
		case "layout":
			for _, item := range p.items(pair.value) {
				if s, ok := p.scalar(item, "a layout such as %Y-%m-%d"); ok {
					l, err := newLayout(s)
					if err != nil {
						p.fail(item.at, "%v", err)
					}
					v.layouts = append(v.layouts, l)
				}
			}
		case "zone":
			v.zone = p.zone(pair.value)
		case "decimal_comma":
			v.decimalComma = p.boolean(pair.value)
		case "replace":
			v.replace = p.replace(pair.value)
		default:
			p.fail(pair.keyAt, "there is no such key%s", didYouMean(pair.key, []string{"column", "value", "type", "layout", "zone", "decimal_comma", "replace"}))
		}
	}
	p.checkTyped(n, v, len(p.errs) > before)
	return v
}

func (p *mappingParser) checkTyped(n node, v *value, failed bool) {
	switch {
	case failed:
	case isConstant(v.parts):
		p.fail(n.at, "names no column; write column: NAME, or the constant alone")
	case (len(v.layouts) > 0 || v.zone != nil) && v.typ != typeTime:
		p.fail(n.at, "layout and zone are for type: time")
	case v.decimalComma && v.typ != typeDecimal && v.typ != typeNumber:
		p.fail(n.at, "decimal_comma is for type: decimal and type: number")
	case v.typ == typeTime:
		p.asTime(v)
	}
}

// zone reads a time zone of the tz database.
func (p *mappingParser) zone(n node) *time.Location {
	s, ok := p.scalar(n, "a zone such as UTC or Europe/Rome")
	if !ok {
		return nil
	}
	zone, err := time.LoadLocation(s)
	if err != nil || s == "" || s == "Local" {
		p.fail(n.at, "zone %q is unknown; write UTC or a name of the tz database such as Europe/Rome", s)
		return nil
	}
	return zone
}

// replace reads what a text of the column is to be read as.
func (p *mappingParser) replace(n node) map[string][]byte {
	pairs, _ := p.pairs(n, "texts and what to put in their place")
	replace := make(map[string][]byte, len(pairs))
	for _, pair := range pairs {
		if s, ok := p.scalar(pair.value, "a text"); ok {
			replace[pair.key] = []byte(s)
		}
	}
	return replace
}
