package files

import (
	"errors"
	"slices"

	"github.com/livello/livello/internal/handwritten"
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
	rest    []restUse // of each column that was known when binding
}

// restUse is what `rest: keep` does with a column.
type restUse uint8

const (
	restKeeps  restUse = iota
	restListed         // the event names it
	restClash          // its name is that of a property made of something else
)

// bind checks a mapping against the columns of a file. The error names every column that is not there, where the mapping asks for it first.
func (m *Mapping) bind(file string, r rowReader) (*plan, error) {
	b := binder{m: m, file: file, columns: r.columns()}
	b.listed = make([]bool, len(b.columns)) // of the id, which makes no column an event's
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
	missing []string
	errs    []error
}

// column returns the number of a column.
func (b *binder) column(name named) int {
	i := slices.Index(b.columns, name.text)
	if i < 0 {
		if !slices.Contains(b.missing, name.text) { // said once, however many events ask for it
			b.missing = append(b.missing, name.text)
			b.errs = append(b.errs, b.m.errorAt(name.at, "%s has no column %q%s", b.file, name.text, handwritten.DidYouMean(name.text, b.columns)))
		}
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
	ep.context, ep.body = &value{kind: object}, &value{kind: object}
	for _, f := range e.fields {
		v := b.value(f.value)
		switch into := e.home(f.name); into {
		case "context":
			if f.name == "context" {
				ep.context.members = append(ep.context.members, v.members...)
			} else {
				ep.context.members = append(ep.context.members, member{f.name, v})
			}
		case "properties":
			ep.body.members = append(ep.body.members, member{f.name, v})
		default:
			ep.fields = append(ep.fields, field{f.name, v})
		}
	}
	if e.time != nil {
		ep.time = b.value(e.time)
	}
	ep.body.members = append(ep.body.members, b.value(e.body).members...)
	for i, listed := range b.listed {
		use := restListed
		if !listed {
			use = ep.useOf(b.columns[i])
		}
		ep.rest = append(ep.rest, use)
	}
	if e.keepRest && e.typ != measurementType {
		b.checkRest(ep)
	}
	return ep
}

// home is the object of the message that holds a field, "" for the message itself. The service reads kind and channel from
// the properties first, and an event's account from the context, where Segment's libraries put it.
func (e *eventMapping) home(name string) string {
	switch {
	case e.typ == measurementType:
		return ""
	case name == "context", name == "groupId" && e.typ != "group":
		return "context"
	case (name == "kind" || name == "channel") && e.bodyName() == "properties":
		return "properties"
	case name == "channel":
		return "context"
	}
	return ""
}

// bodyName is what a message of this type calls the object with its values.
func (e *eventMapping) bodyName() string {
	if e.typ == "identify" || e.typ == "group" {
		return "traits"
	}
	return "properties"
}

// useOf is what rest does with a column that the event does not name.
func (ep *eventPlan) useOf(column string) restUse {
	for _, m := range ep.body.members {
		if m.key == column {
			return restClash
		}
	}
	return restKeeps
}

// checkRest refuses a mapping in which a column that is merely kept would have the name of a property made of another.
func (b *binder) checkRest(ep *eventPlan) {
	for _, m := range ep.body.members {
		if i := slices.Index(b.columns, m.key); i >= 0 && ep.rest[i] == restClash {
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
