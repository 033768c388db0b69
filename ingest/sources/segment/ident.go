package segment

import (
	"crypto/sha1"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/sources/internal/jsontape"
)

// namespace is the UUID that event ids are derived in (RFC 9562, version 5). It never changes: it decides what is a duplicate.
var namespace = uuid.MustParse("a7e8b7b0-6d0f-5c7c-9d7e-4f1c2b9c5d11")

// eventID fills in the event's id: the messageId if it is a UUID; one derived from the source and the messageId otherwise;
// without one, from the source and the content, so that the same delivery twice is still one event.
func (s *state) eventID(m *message, record int32) bool {
	id, ok := s.id(m.messageID, "messageId")
	if !ok {
		return false
	}
	if parseUUID(id, &s.row.EventID) {
		return true
	}
	s.row.MessageID = id
	buf := append(s.hash[:0], namespace[:]...)
	buf = append(buf, s.row.Source...)
	buf = append(buf, 0)
	if id != "" {
		buf = append(buf, id...)
	} else {
		// No messageId contains a NUL, so content never hashes as one.
		buf = append(buf, 0)
		buf = append(buf, s.row.Type...)
		buf = s.appendMessage(buf, record)
	}
	s.hash = buf
	sum := sha1.Sum(buf)
	copy(s.row.EventID[:], sum[:])
	s.row.EventID[6] = s.row.EventID[6]&0x0f | 0x50
	s.row.EventID[8] = s.row.EventID[8]&0x3f | 0x80
	return true
}

// appendMessage appends the record's fields but those that differ between two deliveries of the same message.
func (s *state) appendMessage(dst []byte, record int32) []byte {
	return s.appendObject(dst, &s.tape, record, notContent)
}

func notContent(key string) bool {
	switch key {
	case "type", "sentAt", "receivedAt", "writeKey", "_metadata": // the last: how often an SDK has tried
		return true
	}
	return false
}

// Markers of the canonical form: every value starts with one and every text with its length, so that different contents
// never look alike.
const (
	canonicalObject = '{'
	canonicalArray  = '['
	canonicalEnd    = '.'
	canonicalString = '"'
	canonicalScalar = '='
)

// appendObject appends an object's members sorted by name. A name that comes twice counts with its last value, and null
// counts as absent, as everywhere.
func (s *state) appendObject(dst []byte, tape *jsontape.Tape, at int32, skip func(string) bool) []byte {
	nodes := tape.Nodes()
	first := len(s.members) // those before are of the objects around this one
	for c := at + 1; c < nodes[at].Next; c = nodes[c].Next {
		if nodes[c].Kind == jsontape.Null {
			continue
		}
		if key := s.keyOf(tape, &nodes[c]); skip == nil || !skip(key) {
			s.members = append(s.members, member{key, c})
		}
	}
	slices.SortStableFunc(s.members[first:], func(a, b member) int { return strings.Compare(a.key, b.key) })
	dst = append(dst, canonicalObject)
	last := len(s.members)
	for i := first; i < last; i++ {
		m := s.members[i]
		if i+1 < last && s.members[i+1].key == m.key {
			continue
		}
		dst = appendSized(dst, m.key)
		dst = s.appendValue(dst, tape, m.at)
	}
	s.members = s.members[:first]
	return append(dst, canonicalEnd)
}

func openAll(int, []byte) bool { return true }

// member is an object's member at a node.
type member struct {
	key string
	at  int32
}

func (s *state) appendValue(dst []byte, tape *jsontape.Tape, at int32) []byte {
	node := &tape.Nodes()[at]
	switch node.Kind {
	case jsontape.Object:
		return s.appendObject(dst, tape, at, nil)
	case jsontape.Array:
		if tape != &s.tape {
			dst = append(dst, canonicalArray)
			for c := at + 1; c < tape.Nodes()[at].Next; c = tape.Nodes()[c].Next {
				dst = s.appendValue(dst, tape, c)
			}
			return append(dst, canonicalEnd)
		}
		// The tape keeps arrays closed; objects in them are to be sorted too. The text was read before, so it can be again.
		s.arrays.Open = openAll
		s.arrays.Reset(tape.Raw(node.Text))
		root, _, err := s.arrays.Value(0, node.Text.Len())
		if err != nil {
			return append(dst, tape.Raw(node.Text)...)
		}
		return s.appendValue(dst, &s.arrays, int32(root))
	case jsontape.String:
		dst = append(dst, canonicalString)
		return appendSized(dst, s.textOf(tape, node))
	}
	dst = append(dst, canonicalScalar)
	return appendSized(dst, view(tape.Raw(node.Text)))
}

func appendSized(dst []byte, text string) []byte {
	n := len(text)
	dst = append(dst, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	return append(dst, text...)
}

// parseUUID reads the usual 36 characters, in either case.
func parseUUID(text string, id *uuid.UUID) bool {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return false
	}
	at := 0
	for i := 0; i < 36; i += 2 {
		if text[i] == '-' {
			i++
		}
		high, low := hexDigits[text[i]], hexDigits[text[i+1]]
		if high|low == 0xff {
			return false
		}
		id[at] = high<<4 | low
		at++
	}
	return true
}

// hexDigits is the value of each hexadecimal digit, 0xff for every other byte.
var hexDigits = func() (table [256]byte) {
	for i := range table {
		table[i] = 0xff
	}
	for i := range 10 {
		table['0'+i] = byte(i)
	}
	for i := range 6 {
		table['a'+i], table['A'+i] = byte(10+i), byte(10+i)
	}
	return table
}()
