package segment

import (
	"strings"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/sources/internal/jsontape"
)

// unknownPrefix is what the names of members that no message has begin with in the properties.
const unknownPrefix = "message."

// contextPrefix is the same for the members of context.
const contextPrefix = "context."

// put adds a value to the row's properties under prefix + key: an object member by member with dots between the names, an
// array as its JSON text, numbers and booleans as they were written; null is absent. What the object is called in the message
// (root: "properties.", "traits." or "", when prefix says it) is for errors.
func (s *state) put(root, prefix, key string, at int32) bool {
	node := s.node(at)
	var value string
	switch node.Kind {
	case jsontape.Null:
		return true
	case jsontape.Object:
		if node.Next == at+1 {
			return true
		}
		return s.putMembers(root, s.join(s.join(prefix, key), "."), at)
	case jsontape.String:
		value = s.text(node)
	case jsontape.Array:
		if node.Spaced() {
			from := len(s.scratch)
			s.scratch = s.tape.AppendCompact(s.scratch, node.Text)
			value = view(s.scratch[from:])
		} else {
			value = view(s.tape.Raw(node.Text))
		}
	default:
		value = view(s.tape.Raw(node.Text))
	}
	return s.set(root, s.join(prefix, key), value)
}

// putMembers adds all members of an object; prefix ends with a dot or is empty.
func (s *state) putMembers(root, prefix string, object int32) bool {
	for c := object + 1; c < s.node(object).Next; c = s.node(c).Next {
		if !s.put(root, prefix, s.key(c), c) {
			return false
		}
	}
	return true
}

// set adds one entry; a key that is there already gets the new value.
func (s *state) set(root, key, value string) bool {
	if len(value) > s.limits.Value {
		return s.failLong(root+strings.TrimPrefix(clip(key), unknownPrefix), len(value), s.limits.Value)
	}
	if len(key) > s.limits.Key {
		return s.fail(CodeTooLong, root+strings.TrimPrefix(clip(key), unknownPrefix), "its name is %d bytes long, the limit is %d", len(key), s.limits.Key)
	}
	at, found := s.names.find(s.row.Properties, key)
	if found {
		s.row.Properties[at].Value = value
		return true
	}
	if at >= s.limits.Properties {
		return s.fail(CodeTooMany, strings.TrimSuffix(root, "."), "the record has more than %d fields after nested ones were joined", s.limits.Properties)
	}
	s.row.Properties = append(s.row.Properties, event.Property{Key: key, Value: value})
	return true
}
