package files

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// messageMaker makes the messages of one file's rows, in the JSON of Segment's wire format. It allocates only on rejects.
type messageMaker struct {
	plan *plan
	ids  *idMaker
	text []byte // scratch: a template's text
}

func newMessageMaker(p *plan) *messageMaker {
	return &messageMaker{plan: p, ids: newIDMaker(p)}
}

// each appends the messages of a row to dst, calling ended with the length of dst after every one. A row gives all of its
// messages or, when one of them cannot be made, none: dst comes back as long as it was.
func (mm *messageMaker) each(dst []byte, r *row, ended func(length int)) ([]byte, *reject) {
	mm.plan.markNulls(r)
	if rej := mm.ids.next(r); rej != nil {
		return dst, rej
	}
	start := len(dst)
	var ends [16]int
	lengths := ends[:0]
	for _, e := range mm.plan.events {
		if !e.applies(r) {
			continue
		}
		var rej *reject
		write := mm.message
		if e.typ == measurementType {
			write = mm.measurement
		}
		if dst, rej = write(dst, e, r); rej != nil {
			return dst[:start], rej
		}
		lengths = append(lengths, len(dst))
	}
	for _, n := range lengths {
		ended(n)
	}
	return dst, nil
}

// markNulls makes cells whose text means no value absent.
func (p *plan) markNulls(r *row) {
	for i := range r.cells {
		if c := &r.cells[i]; c.kind == textCell && (len(c.text) == 0 || len(p.nulls) > 1 && p.nulls[string(c.text)]) {
			c.kind = noValue
		}
	}
}

func (e *eventPlan) applies(r *row) bool {
	for i := range e.when {
		c := &e.when[i]
		cell := &r.cells[c.index]
		got := cell.text
		if cell.kind == noValue {
			got = nil
		}
		if !c.holds(got) {
			return false
		}
	}
	return true
}

// message appends one message and a line end.
func (mm *messageMaker) message(dst []byte, e *eventPlan, r *row) ([]byte, *reject) {
	dst = append(dst, e.head...)
	own := e.find("messageId")
	if own == nil {
		dst = mm.ids.appendID(dst, e.label)
		dst = append(dst, '"')
	} else {
		dst = dst[:len(dst)-len(`,"messageId":"`)]
	}
	somebody := false
	for _, f := range e.fields {
		var present bool
		var rej *reject
		before := len(dst)
		dst = append(appendString(append(dst, ','), f.name), ':')
		if dst, present, rej = mm.value(dst, f.value, r, f.name); rej != nil {
			return dst, rej
		}
		if !present {
			dst = dst[:before]
			if f.name == "messageId" || f.name == "event" || f.name == "previousId" || f.name == "groupId" {
				return dst, rejectf(f.name, "is empty: %s", emptyColumns(f.value, r))
			}
		}
		somebody = somebody || present && (f.name == "userId" || f.name == "anonymousId")
	}
	if !somebody {
		return dst, rejectf("userId", "neither userId nor anonymousId has a value in this row")
	}
	if e.time != nil {
		dst = append(dst, `,"timestamp":`...)
		var present bool
		var rej *reject
		if dst, present, rej = mm.value(dst, e.time, r, "time"); rej != nil {
			return dst, rej
		}
		if !present {
			return dst, rejectf("time", "is empty: %s", emptyColumns(e.time, r))
		}
	}
	dst, rej := mm.body(dst, e, r)
	if rej != nil {
		return dst, rej
	}
	before := len(dst)
	dst = append(dst, `,"context":{`...)
	empty := len(dst)
	if dst, rej = mm.members(dst, e.context.members, r, "context"); rej != nil {
		return dst, rej
	}
	if len(dst) == empty {
		dst = dst[:before]
	} else {
		dst = append(dst, '}')
	}
	return append(dst, '}', '\n'), nil
}

// body appends properties or traits, with the columns that nothing names behind those that are listed.
func (mm *messageMaker) body(dst []byte, e *eventPlan, r *row) ([]byte, *reject) {
	name := e.bodyName()
	before := len(dst)
	dst = append(append(append(dst, ',', '"'), name...), `":{`...)
	empty := len(dst)
	dst, rej := mm.members(dst, e.body.members, r, name)
	if rej != nil {
		return dst, rej
	}
	if e.keepRest {
		names := mm.plan.columns.columns()
		for i := range r.cells {
			if r.cells[i].kind == noValue {
				continue
			}
			for len(e.rest) <= i { // keys that NDJSON brings up late
				e.rest = append(e.rest, e.useOf(names[len(e.rest)]))
			}
			if e.rest[i] == restListed {
				continue
			}
			if e.rest[i] == restClash {
				return dst, rejectf(name+"."+names[i], "is made of something else, and the row has this column too; list it under another name, or write `rest: drop`")
			}
			if len(dst) > empty {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, names[i]), ':')
			dst = appendCell(dst, &r.cells[i])
		}
	}
	if len(dst) == empty {
		return dst[:before], nil
	}
	return append(dst, '}'), nil
}

// members appends the members of an object that have a value.
func (mm *messageMaker) members(dst []byte, members []member, r *row, path string) ([]byte, *reject) {
	more := false
	for _, m := range members {
		before := len(dst)
		if more {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, m.key), ':')
		var present bool
		var rej *reject
		if dst, present, rej = mm.value(dst, m.value, r, ""); rej != nil {
			return dst, &reject{path + "." + m.key + rej.field, rej.reason}
		}
		if !present {
			dst = dst[:before]
			continue
		}
		more = true
	}
	return dst, nil
}

// value appends one value. Without one, because a column it needs is empty, dst is to be cut back by the caller.
func (mm *messageMaker) value(dst []byte, v *value, r *row, name string) ([]byte, bool, *reject) {
	switch v.kind {
	case constant:
		return append(dst, v.json...), true, nil
	case object:
		empty := len(dst) + 1
		dst, rej := mm.members(append(dst, '{'), v.members, r, name)
		return append(dst, '}'), len(dst) > empty, rej
	case template:
		source, present := mm.fill(v, r)
		if !present {
			return dst, false, nil
		}
		return appendString(dst, source.text), true, nil
	}
	source, present := mm.fill(v, r)
	if !present {
		return dst, false, nil
	}
	dst, reason := appendTyped(dst, v, source)
	if reason != "" {
		return dst, true, rejectf(name, "%q %s", clip(source.text), reason)
	}
	return dst, true, nil
}

// fill puts the columns into a template. It is absent as a whole when one of them is.
func (mm *messageMaker) fill(v *value, r *row) (cell, bool) {
	var c cell
	if len(v.parts) == 1 && v.parts[0].index >= 0 {
		c = r.cells[v.parts[0].index]
	} else {
		c = cell{kind: textCell}
		mm.text = mm.text[:0]
		for i := range v.parts {
			switch part := &v.parts[i]; {
			case part.index == indexLiteral:
				mm.text = append(mm.text, part.literal...)
			case part.index == indexRow:
				mm.text = strconv.AppendInt(mm.text, r.number, 10)
			case r.cells[part.index].kind == noValue:
				return c, false
			default:
				mm.text = append(mm.text, r.cells[part.index].text...)
			}
		}
		c.text = mm.text
	}
	if c.kind == noValue {
		return c, false
	}
	if v.replace != nil {
		if other, ok := v.replace[string(c.text)]; ok {
			c = cell{textCell, other}
		}
	}
	return c, len(c.text) > 0
}

// emptyColumns says which columns a value lacks in a row.
func emptyColumns(v *value, r *row) string {
	names := ""
	for _, p := range v.parts {
		if p.index >= 0 && r.cells[p.index].kind == noValue {
			names += " " + strconv.Quote(p.column)
		}
	}
	if names == "" {
		return "nothing is left of it"
	}
	return "no value in column" + names
}

// appendCell appends a cell as the file has it.
func appendCell(dst []byte, c *cell) []byte {
	if c.kind == textCell {
		return appendString(dst, c.text)
	}
	return append(dst, c.text...)
}

// checkUTF8 rejects a row that is not UTF-8.
func checkUTF8(b []byte) *reject {
	if utf8.Valid(b) {
		return nil
	}
	at := 0
	for at < len(b) {
		r, size := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return rejectf("", "byte %d of the row (0x%02x) is not UTF-8; convert the file first, for example: iconv -f WINDOWS-1252 -t UTF-8", at+1, b[at])
}

// trimmed is s without blanks around it, which spreadsheets like to leave around numbers.
func trimmed(s []byte) []byte { return bytes.TrimSpace(s) }
