package files

import (
	"fmt"
	"slices"
	"strings"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/internal/handwritten"
)

// event reads one event: its own keys, and those at the top of the mapping that it does not have itself. Properties,
// traits, context and conditions of both are put together.
func (p *mappingParser) event(at place, own, common []pair) *eventMapping {
	e := &eventMapping{at: at, typ: "track", keepRest: true}
	body := &value{kind: object, at: at}
	context := &value{kind: object, at: at}
	var bodyKey pair
	given := map[string]bool{} // also the keys whose values are wrong: one complaint is enough
	for _, pair := range withDefaults(own, common) {
		n := pair.Value
		given[pair.Key] = true
		switch pair.Key {
		case "type":
			e.typ = p.Choice(n, messageTypes...)
		case "event", "name", "kind", "channel", "userId", "anonymousId", "previousId", "groupId", "messageId":
			if v := p.text(n); v != nil {
				e.fields = append(e.fields, field{pair.Key, v})
			}
		case "campaign", "currency", "base":
			p.onlyMeasured(pair, own, common)
			if v := p.text(n); v != nil {
				e.fields = append(e.fields, field{pair.Key, v})
			}
		case "value":
			p.onlyMeasured(pair, own, common)
			if v := p.property(n); v != nil {
				e.fields = append(e.fields, field{pair.Key, v})
			}
		case "time":
			e.time = p.time(n)
		case "properties", "traits":
			if bodyKey.Key != "" && bodyKey.Key != pair.Key {
				p.Fail(pair.KeyAt, "an event has properties or traits, not both")
			}
			bodyKey = pair
			p.members(body, n)
		case "context":
			p.members(context, n)
		case "when":
			e.when = append(e.when, p.conditions(n)...)
		case "rest":
			e.keepRest = p.Choice(n, "keep", "drop") == "keep"
		default:
			p.Fail(pair.KeyAt, "an event has no such key%s", handwritten.DidYouMean(pair.Key, eventKeys))
		}
	}
	e.body = body
	if len(context.members) > 0 {
		e.fields = append(e.fields, field{"context", context})
	}
	p.checkEvent(e, bodyKey, given)
	return e
}

// withDefaults returns the event's own keys behind those common ones that they do not replace.
func withDefaults(own, common []pair) []pair {
	adds := []string{"properties", "traits", "context", "when"}
	var all []pair
	for _, c := range common {
		replaced := slices.ContainsFunc(own, func(o pair) bool { return o.Key == c.Key })
		if !replaced || slices.Contains(adds, c.Key) {
			all = append(all, c)
		}
	}
	return append(all, own...)
}

// checkEvent looks at what belongs together.
func (p *mappingParser) checkEvent(e *eventMapping, body pair, given map[string]bool) {
	in := func(field string) place {
		at := e.at
		at.Field = strings.TrimPrefix(at.Field+"."+field, ".")
		return at
	}
	if e.typ == measurementType {
		p.checkMeasurement(e, given)
		return
	}
	if !given["time"] {
		p.Fail(in("time"), "when it happened is needed: a column, as `time: {column: NAME, layout: \"%%Y-%%m-%%d\"}`, a constant time, or `time: received` for the time of loading")
	}
	if !given["userId"] && !given["anonymousId"] {
		p.Fail(in("userId"), "who did it is needed: userId or anonymousId, such as `userId: \"{customer_id}\"`")
	}
	if e.typ == "track" && !given["event"] {
		p.Fail(in("event"), "a track message needs a name, such as `event: Order Completed`")
	}
	if e.typ == "alias" && (!given["previousId"] || !given["userId"]) {
		p.Fail(in("previousId"), "an alias needs userId and previousId, the id that is now the user's")
	}
	if e.typ == "group" && !given["groupId"] {
		p.Fail(in("groupId"), "a group message needs groupId")
	}
	wantBody := e.bodyName()
	if body.Key != "" && body.Key != wantBody {
		p.Fail(body.KeyAt, "a message of type %s has %s", e.typ, wantBody)
	}
	if v := e.find("kind"); v != nil && v.kind == constant && !event.KnownKind(plainText(v.parts)) {
		p.Fail(v.at, "kind %q is unknown%s", plainText(v.parts), handwritten.DidYouMean(plainText(v.parts), event.Kinds))
	}
	for _, f := range e.fields {
		only := map[string][]string{"event": {"track"}, "name": {"page", "screen"}, "previousId": {"alias"}, "kind": {"track"}}[f.name]
		if only != nil && !slices.Contains(only, e.typ) {
			p.Fail(f.at, "is for messages of type %s; this one is %s", strings.Join(only, " and "), e.typ)
		}
	}
}

// label gives each event the name by which derived ids tell it from the others of the same row.
func (p *mappingParser) label(m *Mapping) {
	seen := map[string]int{}
	ids := map[string]bool{}
	for _, e := range m.events {
		parts := []string{e.typ}
		for _, name := range []string{"event", "name"} {
			if v := e.find(name); v != nil {
				parts = append(parts, v.source())
			}
		}
		label := strings.Join(parts, "\x00")
		seen[label]++
		e.label = label
		if n := seen[label]; n > 1 {
			e.label = fmt.Sprintf("%s\x00%d", label, n)
		}
		if id := e.find("messageId"); id != nil {
			if ids[id.source()] {
				p.Fail(id.at, "several events of a row would have the same messageId, and all but one count as duplicates: write one for each event, such as %q", id.source()+"-won")
			}
			ids[id.source()] = true
		}
	}
}

// source is the template as it was written, more or less: enough to tell two of them apart.
func (v *value) source() string {
	var s strings.Builder
	for _, part := range v.parts {
		if part.column != "" {
			s.WriteString("{" + part.column + "}")
		} else {
			s.WriteString(part.literal)
		}
	}
	return s.String()
}
