package segment

import (
	"hash/maphash"
	"unsafe"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/sources/internal/jsontape"
)

// state is what decoding one body needs; it is pooled, and nothing in it outlives the body but its memory.
type state struct {
	limits   *Limits
	mapping  *Mapping
	currency string
	judge    Judge
	erased   Erased

	tape  jsontape.Tape
	valid bool // the whole body is UTF-8
	row   event.Row
	batch batch
	fault fault

	props, ctx    candidates
	clientChannel string // see findClient

	// scratch holds what had to be put together for the current record: unescaped strings, joined keys. Strings point into it.
	scratch []byte
	hash    []byte // what an event id is derived from
	members []member
	arrays  jsontape.Tape // an array's elements, for the same purpose
	names   nameIndex

	kinds, libraries map[string]string // by name, as senders repeat them
}

// batch is what the envelope says for all of its messages; node indexes, 0 for absent.
type batch struct {
	sentAt, context int32
}

func (s *state) node(at int32) *jsontape.Node { return &s.tape.Nodes()[at] }

// view is b as a string without a copy: for as long as b is not changed, which here is until the next record.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// text is what a string node stands for, valid until the next record.
func (s *state) text(node *jsontape.Node) string { return s.textOf(&s.tape, node) }

func (s *state) textOf(tape *jsontape.Tape, node *jsontape.Node) string {
	if !node.TextEscaped() {
		return view(tape.Raw(node.Text))
	}
	return s.unescape(tape, node.Text)
}

// key is the name of an object's member, valid until the next record.
func (s *state) key(at int32) string { return s.keyOf(&s.tape, s.node(at)) }

func (s *state) keyOf(tape *jsontape.Tape, node *jsontape.Node) string {
	if !node.KeyEscaped() {
		return view(tape.Raw(node.Key))
	}
	return s.unescape(tape, node.Key)
}

// When scratch grows, strings made before keep the memory it had: that is what makes this safe.
func (s *state) unescape(tape *jsontape.Tape, span jsontape.Span) string {
	from := len(s.scratch)
	s.scratch = tape.AppendUnescaped(s.scratch, span)
	return view(s.scratch[from:])
}

// join is a + b, valid until the next record.
func (s *state) join(a, b string) string {
	if a == "" {
		return b
	}
	from := len(s.scratch)
	s.scratch = append(append(s.scratch, a...), b...)
	return view(s.scratch[from:])
}

// lower is text with ASCII letters in lower case.
func (s *state) lower(text string) string {
	for i := range len(text) {
		if c := text[i]; c >= 'A' && c <= 'Z' {
			return s.changeCase(text, 'A', 'Z')
		}
	}
	return text
}

// upper is text with ASCII letters in upper case.
func (s *state) upper(text string) string {
	for i := range len(text) {
		if c := text[i]; c >= 'a' && c <= 'z' {
			return s.changeCase(text, 'a', 'z')
		}
	}
	return text
}

func (s *state) changeCase(text string, from, to byte) string {
	start := len(s.scratch)
	for i := range len(text) {
		c := text[i]
		if c >= from && c <= to {
			c ^= 0x20
		}
		s.scratch = append(s.scratch, c)
	}
	return view(s.scratch[start:])
}

// nameIndex finds a property of the row by its key, so that a key that comes twice has its last value.
type nameIndex struct {
	slots []nameSlot // a power of two, at most half full
	epoch uint32
}

type nameSlot struct{ epoch, at uint32 }

var nameSeed = maphash.MakeSeed()

// reset forgets all names.
func (x *nameIndex) reset() {
	if x.epoch++; x.slots == nil || x.epoch == 0 {
		x.slots, x.epoch = make([]nameSlot, 128), 1
	}
}

// find returns where key stands in properties; if it does not yet, it is noted as being appended next.
func (x *nameIndex) find(properties []event.Property, key string) (at int, found bool) {
	if 2*len(properties) >= len(x.slots) {
		x.grow(properties)
	}
	mask := uint64(len(x.slots) - 1)
	for i := maphash.String(nameSeed, key) & mask; ; i = (i + 1) & mask {
		slot := &x.slots[i]
		if slot.epoch != x.epoch {
			*slot = nameSlot{x.epoch, uint32(len(properties))}
			return len(properties), false
		}
		if properties[slot.at].Key == key {
			return int(slot.at), true
		}
	}
}

func (x *nameIndex) grow(properties []event.Property) {
	x.slots, x.epoch = make([]nameSlot, 2*len(x.slots)), 1
	mask := uint64(len(x.slots) - 1)
	for at := range properties {
		i := maphash.String(nameSeed, properties[at].Key) & mask
		for x.slots[i].epoch == x.epoch {
			i = (i + 1) & mask
		}
		x.slots[i] = nameSlot{x.epoch, uint32(at)}
	}
}
