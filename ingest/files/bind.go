package files

import (
	"errors"
	"slices"
)

// plan is a mapping bound to the columns of one file.
type plan struct {
	*Mapping
	file      string // name without folder, for {#file}
	columns   rowReader
	idColumns []int
	events    []*eventPlan
}

// eventPlan is an event whose columns have numbers.
type eventPlan struct {
	*eventMapping
	head    []byte // the message's first bytes: {"type":"track"
	when    []condition
	fields  []field
	time    *value
	body    *value
	context *value
	listed  []bool // columns that the event names, or that rest drops; later ones are not listed
}

// bind checks a mapping against the columns of a file. The error names every column that is not there.
func (m *Mapping) bind(file string, r rowReader) (*plan, error) {
	b := binder{m: m, file: file, columns: r.columns()}
	p := &plan{Mapping: m, file: file, columns: r}
	for _, name := range m.idColumns {
		p.idColumns = append(p.idColumns, b.column(name))
	}
	for _, e := range m.events {
		p.events = append(p.events, b.event(e))
	}
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	return p, nil
}

type binder struct {
	m       *Mapping
	file    string
	columns []string
	listed  []bool
	errs    []error
}

// column returns the number of a column.
func (b *binder) column(name named) int {
	i := slices.Index(b.columns, name.text)
	if i < 0 {
		b.errs = append(b.errs, b.m.errorAt(name.at, "%s has no column %q%s", b.file, name.text, didYouMean(name.text, b.columns)))
		return 0
	}
	b.listed[i] = true
	return i
}

func (b *binder) event(e *eventMapping) *eventPlan {
	b.listed = make([]bool, len(b.columns))
	ep := &eventPlan{eventMapping: e, head: append(appendString([]byte(`{"type":`), e.typ), `,"messageId":"`...)}
	for _, c := range e.when {
		c.index = b.column(c.column)
		ep.when = append(ep.when, c)
	}
	ep.context = &value{kind: object}
	for _, f := range e.fields {
		v := b.value(f.value)
		switch f.name {
		case "context":
			ep.context.members = append(ep.context.members, v.members...)
		case "kind", "channel":
			ep.context.members = append(ep.context.members, member{f.name, v})
		case "groupId":
			if e.typ != "group" {
				ep.context.members = append(ep.context.members, member{f.name, v})
				break
			}
			fallthrough
		default:
			ep.fields = append(ep.fields, field{f.name, v})
		}
	}
	if e.time != nil {
		ep.time = b.value(e.time)
	}
	ep.body = b.value(e.body)
	ep.listed = b.listed
	if e.rest {
		b.checkRest(ep)
	}
	return ep
}

// checkRest refuses a mapping in which a column that is merely kept would have the name of a property made of another.
func (b *binder) checkRest(ep *eventPlan) {
	for _, m := range ep.body.members {
		if i := slices.Index(b.columns, m.key); i >= 0 && !ep.listed[i] {
			b.errs = append(b.errs, b.m.errorAt(m.at, "%s has a column %q too, which `rest: keep` would write under the same name: "+
				"list that column under another name, or write `rest: drop`", b.file, m.key))
		}
	}
}

// value returns v with the numbers of its columns filled in.
func (b *binder) value(v *value) *value {
	bound := *v
	bound.parts = slices.Clone(v.parts)
	for i := range bound.parts {
		switch part := &bound.parts[i]; part.column {
		case "":
			part.index = indexLiteral
		case columnRow:
			part.index = indexRow
		case columnFile:
			part.index, part.literal = indexLiteral, b.file
		default:
			part.index = b.column(named{part.column, v.at})
		}
	}
	bound.members = make([]member, len(v.members))
	for i, m := range v.members {
		bound.members[i] = member{m.key, b.value(m.value)}
	}
	return &bound
}
