package segment

import (
	"strings"
	"unicode/utf8"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/sources/internal/jsontape"
)

// message is where the fields of one record stand: node indexes, 0 for absent (null is absent too).
type message struct {
	typ, event, name, category                          int32
	userID, anonymousID, groupID, previousID, messageID int32
	timestamp, originalTimestamp, sentAt, receivedAt    int32
	context, properties, traits, channel, library       int32
}

// record reads the record at a node into the row; false means that s.fault says why not.
func (s *state) record(at int32, meta *Meta) bool {
	s.row.Reset()
	s.scratch = s.scratch[:0]
	s.names.reset()
	s.props.have, s.ctx.have = 0, 0
	s.row.Source = meta.Source

	var m message
	return s.bounds(at) &&
		s.find(at, &m) &&
		s.messageType(&m, meta) &&
		s.ids(&m) &&
		s.notErased() &&
		s.clock(&m, meta) &&
		s.content(&m) &&
		s.columns(&m, meta) &&
		s.channel(&m, meta) &&
		s.leftovers() &&
		s.eventID(&m, at)
}

// bounds checks what needs no knowledge of fields: the record's size, nesting and encoding.
func (s *state) bounds(at int32) bool {
	node := s.node(at)
	if node.Kind != jsontape.Object {
		return s.failType("", node, "an object")
	}
	if size := node.Text.Len(); size > s.limits.Event {
		long := func(n *jsontape.Node) bool { return n.Kind <= jsontape.String && n.Text.Len() > s.limits.Value }
		if field := s.pathTo(at, long); field != "" {
			return s.fail(CodeTooLong, field, "makes the record %d bytes long; the limit of a value is %d, of a record %d", size, s.limits.Value, s.limits.Event)
		}
		return s.failLong("", size, s.limits.Event)
	}
	if height := int(node.Height); height > s.limits.Depth {
		return s.fail(CodeTooMany, s.deepest(at), "objects and arrays are nested %d deep, the limit is %d", height, s.limits.Depth)
	}
	if !s.valid && !utf8.Valid(s.tape.Raw(node.Text)) {
		broken := func(n *jsontape.Node) bool {
			return !utf8.Valid(s.tape.Raw(n.Key)) || n.Kind != jsontape.Object && !utf8.Valid(s.tape.Raw(n.Text))
		}
		return s.fail(CodeUTF8, s.pathTo(at, broken), "holds bytes that are not UTF-8; send text as UTF-8")
	}
	return true
}

// find finds the record's fields. Of a name that comes twice the last one counts; null is absent. What no message has goes to the
// properties; the write key goes nowhere.
func (s *state) find(at int32, m *message) bool {
	for c := at + 1; c < s.node(at).Next; c = s.node(c).Next {
		if s.node(c).Kind == jsontape.Null {
			continue
		}
		var field *int32
		key := s.key(c)
		switch key {
		case "type":
			field = &m.typ
		case "event":
			field = &m.event
		case "name":
			field = &m.name
		case "category":
			field = &m.category
		case "userId":
			field = &m.userID
		case "anonymousId":
			field = &m.anonymousID
		case "groupId":
			field = &m.groupID
		case "previousId":
			field = &m.previousID
		case "messageId":
			field = &m.messageID
		case "timestamp":
			field = &m.timestamp
		case "originalTimestamp":
			field = &m.originalTimestamp
		case "sentAt":
			field = &m.sentAt
		case "receivedAt":
			field = &m.receivedAt
		case "context":
			field = &m.context
		case "properties":
			field = &m.properties
		case "traits":
			field = &m.traits
		case "channel":
			field = &m.channel
		case "writeKey":
			continue
		default:
			if !s.put("", unknownPrefix, key, c) {
				return false
			}
			continue
		}
		*field = c
	}
	return true
}

// messageType reads type, or takes the route's.
func (s *state) messageType(m *message, meta *Meta) bool {
	s.row.Type = meta.Type
	if m.typ != 0 {
		node := s.node(m.typ)
		if node.Kind != jsontape.String {
			return s.failType("type", node, "a string")
		}
		text := s.text(node)
		switch text {
		case "track", "identify", "page", "screen", "group", "alias":
		default:
			return s.fail(CodeValue, "type", `"%s" is not one of track, identify, page, screen, group, alias`, clip(text))
		}
		if meta.Type != "" && text != meta.Type {
			return s.fail(CodeValue, "type", "is %s in a request for %s messages", text, meta.Type)
		}
		s.row.Type = text
	}
	if s.row.Type == "" {
		return s.fail(CodeMissing, "type", "is missing; send track, identify, page, screen, group or alias")
	}
	return true
}

// ids reads who the message is about and checks that its type has the ids it needs.
func (s *state) ids(m *message) (ok bool) {
	r := &s.row
	if r.UserID, ok = s.id(m.userID, "userId"); !ok {
		return false
	}
	if r.AnonymousID, ok = s.id(m.anonymousID, "anonymousId"); !ok {
		return false
	}
	if r.AccountID, ok = s.id(m.groupID, "groupId"); !ok {
		return false
	}
	if r.Type == "alias" {
		if r.PreviousID, ok = s.id(m.previousID, "previousId"); !ok {
			return false
		}
		if r.PreviousID == "" {
			return s.fail(CodeMissing, "previousId", "is missing; alias needs previousId and userId")
		}
		if r.UserID == "" {
			return s.fail(CodeMissing, "userId", "is missing; alias needs previousId and userId")
		}
		return true
	}
	if m.previousID != 0 && !s.put("", unknownPrefix, "previousId", m.previousID) {
		return false
	}
	if r.UserID == "" && r.AnonymousID == "" {
		return s.fail(CodeMissing, "userId", "userId or anonymousId is missing; send at least one of them")
	}
	if r.Type == "group" && r.AccountID == "" {
		return s.fail(CodeMissing, "groupId", "is missing; group needs it")
	}
	return true
}

// notErased refuses events of people who were erased.
func (s *state) notErased() bool {
	if s.erased == nil {
		return true
	}
	place := s.erased.Erased(s.row.UserID, s.row.AnonymousID, s.row.PreviousID)
	if place < 0 {
		return true
	}
	return s.fail(CodeErased, [...]string{"userId", "anonymousId", "previousId"}[place], "belongs to a person who was erased, or is being erased")
}

// id reads an id: text, or an integer as some SDKs send it. No id may hold a NUL: ids travel through programs that end
// texts there.
func (s *state) id(at int32, field string) (id string, ok bool) {
	if at == 0 {
		return "", true
	}
	node := s.node(at)
	switch node.Kind {
	case jsontape.String:
		id = s.text(node)
	case jsontape.Number:
		if id = view(s.tape.Raw(node.Text)); strings.ContainsAny(id, ".eE") {
			return "", s.failType(field, node, "a string or an integer")
		}
	default:
		return "", s.failType(field, node, "a string or an integer")
	}
	return id, s.checkText(field, id, s.limits.ID)
}

// checkText checks a text that names something.
func (s *state) checkText(field, text string, limit int) bool {
	if len(text) > limit {
		return s.failLong(field, len(text), limit)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return s.fail(CodeValue, field, "holds a NUL character")
	}
	return true
}

// content reads the event's name, context and properties (or traits), except for what leftovers adds.
func (s *state) content(m *message) bool {
	switch s.row.Type {
	case "track":
		if m.event == 0 {
			return s.fail(CodeMissing, "event", "is missing; track needs the name of the event")
		}
		if !s.name(m.event, "event") {
			return false
		}
		if s.row.Name == "" {
			return s.fail(CodeMissing, "event", "is empty; track needs the name of the event")
		}
		m.event = 0
	case "page", "screen":
		if m.name != 0 && !s.name(m.name, "name") {
			return false
		}
		m.name = 0
	}
	for _, extra := range []struct {
		at   int32
		name string
	}{{m.event, "event"}, {m.name, "name"}} {
		if extra.at != 0 && !s.put("", unknownPrefix, extra.name, extra.at) {
			return false
		}
	}
	if m.category != 0 && !s.put("", "", "category", m.category) {
		return false
	}
	if s.batch.context != 0 && !s.context(s.batch.context, m) || m.context != 0 && !s.context(m.context, m) {
		return false
	}
	return s.properties(m)
}

// name reads the event's or page's name.
func (s *state) name(at int32, field string) bool {
	node := s.node(at)
	if node.Kind != jsontape.String {
		return s.failType(field, node, "a string")
	}
	s.row.Name = s.text(node)
	return s.checkText(field, s.row.Name, s.limits.Name)
}

// properties reads properties or, of identify and group, traits; the other one, which these messages do not have, is kept
// with the unknown fields.
func (s *state) properties(m *message) bool {
	own, other, ownName, otherName := m.properties, m.traits, "properties", "traits"
	traits := s.row.Type == "identify" || s.row.Type == "group"
	if traits {
		own, other, ownName, otherName = other, own, otherName, ownName
	}
	for _, object := range []struct {
		at   int32
		name string
	}{{own, ownName}, {other, otherName}} {
		if object.at != 0 && s.node(object.at).Kind != jsontape.Object {
			return s.failType(object.name, s.node(object.at), "an object")
		}
	}
	if other != 0 && !s.put("", unknownPrefix, otherName, other) {
		return false
	}
	if own == 0 {
		return true
	}
	if traits {
		return s.putMembers("traits.", "", own)
	}
	return s.collect(own, &s.props, propertySlot, "properties.", "")
}

// context reads a context object, the message's or the batch's before it.
func (s *state) context(object int32, m *message) bool {
	if s.node(object).Kind != jsontape.Object {
		return s.failType("context", s.node(object), "an object")
	}
	for c := object + 1; c < s.node(object).Next; c = s.node(c).Next {
		key, node := s.key(c), s.node(c)
		var slots func(string) slot
		switch key {
		case "page":
			slots = pageSlot
		case "campaign":
			slots = campaignSlot
		case "location":
			slots = locationSlot
		case "library":
			if node.Kind == jsontape.Object {
				for l := c + 1; l < node.Next; l = s.node(l).Next {
					if s.key(l) == "name" {
						m.library = l
					}
				}
			}
		}
		switch {
		case slots != nil && node.Kind == jsontape.Object:
			if !s.collect(c, &s.ctx, slots, "", s.join(s.join(contextPrefix, key), ".")) {
				return false
			}
		case slots != nil && node.Kind != jsontape.Null:
			return s.failType(contextPrefix+key, node, "an object")
		default:
			if !s.collectOne(c, key, &s.ctx, contextSlot, "", contextPrefix) {
				return false
			}
		}
	}
	return true
}

// collect puts the members of an object where they belong: candidates for columns into their slots, the rest into the
// properties.
func (s *state) collect(object int32, into *candidates, slots func(string) slot, root, prefix string) bool {
	for c := object + 1; c < s.node(object).Next; c = s.node(c).Next {
		if !s.collectOne(c, s.key(c), into, slots, root, prefix) {
			return false
		}
	}
	return true
}

func (s *state) collectOne(at int32, key string, into *candidates, slots func(string) slot, root, prefix string) bool {
	place := slots(key)
	if place == noSlot {
		return s.put(root, prefix, key, at)
	}
	if s.node(at).Kind != jsontape.Null {
		into.set(place, at)
	}
	return true
}

// kind decides what the event is.
func (s *state) kind() {
	r := &s.row
	switch r.Type {
	case "identify", "group", "alias":
		r.Kind = r.Type
		return
	}
	if at := s.props.get(propKind); at != 0 && s.node(at).Kind == jsontape.String {
		if kind := s.text(s.node(at)); event.KnownKind(kind) && event.Engagement(kind) {
			r.Kind = kind
			s.props.done(propKind)
			return
		}
	}
	if r.Type != "track" {
		r.Kind = "page_view"
		return
	}
	kind, known := s.kinds[r.Name]
	if !known {
		kind = s.mapping.Kind(r.Name)
		remember(&s.kinds, r.Name, kind)
	}
	r.Kind = kind
}
