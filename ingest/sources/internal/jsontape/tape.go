// Package jsontape reads JSON into a flat list of nodes that point into the text: no value is copied, no map is built, and
// the list is used again for the next document.
//
// It is strict (RFC 8259: no control characters in strings, no unknown escapes, no leading zeros, no NaN) and says at which
// byte a text stops being JSON, which is why a decoder of our senders' bodies uses it rather than a lenient parser.
// UTF-8 is not checked: that is one call of utf8.Valid over the whole text.
//
// Arrays are one node, checked but not opened, because their text is kept as it is. Only those that hold the records of a
// body are opened: see Tape.Open.
package jsontape

import "fmt"

// Kind is the type of a JSON value.
type Kind uint8

const (
	Null Kind = iota
	False
	True
	Number
	String
	Object
	Array
)

func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a boolean", "a number", "a string", "an object", "an array"}[k]
}

// Span is a range of the text, To exclusive.
type Span struct{ From, To uint32 }

// Len is the number of bytes in the range.
func (s Span) Len() int { return int(s.To - s.From) }

// Node is one value. The members of an object (and the elements of an opened array) at index i start at i+1 and end before
// Next; the sibling after node j is at its Next.
type Node struct {
	Key  Span // of a member: the name between its quotes, still escaped
	Text Span // a string between its quotes, still escaped; every other value whole
	Next int32
	// Height is the number of objects and arrays on the deepest path from here, itself included: 0 for a scalar.
	Height uint16
	Kind   Kind
	flags  uint8
}

const (
	keyEscaped  = 1 << iota // Key holds backslashes
	textEscaped             // Text holds backslashes
	spaced                  // an array with white space between its tokens
)

// KeyEscaped says whether the member's name needs Unescape.
func (n *Node) KeyEscaped() bool { return n.flags&keyEscaped != 0 }

// TextEscaped says whether the string needs Unescape.
func (n *Node) TextEscaped() bool { return n.flags&textEscaped != 0 }

// Spaced says whether the array's text needs AppendCompact to be without white space.
func (n *Node) Spaced() bool { return n.flags&spaced != 0 }

// MaxDepth is how deep values may be nested for the parser's own safety; a document's own limit is checked with Height.
const MaxDepth = 512

// MaxText is the largest text a tape can point into.
const MaxText = 1<<31 - 1

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int // bytes from the start of the text
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("malformed JSON at byte %d: %s", e.Offset, e.Reason)
}

// TooManyError says that an opened array has more elements than MaxElements.
type TooManyError struct{ Limit int }

func (e *TooManyError) Error() string { return fmt.Sprintf("more than %d elements", e.Limit) }

// Tape is a parsed text. The zero value is ready; not safe for concurrent use.
type Tape struct {
	// Open says whether the array at this depth (0: the text itself) under this member name (nil: none) gets nodes for its
	// elements; nil opens none.
	Open func(depth int, key []byte) bool
	// MaxElements limits opened arrays; 0 means no limit.
	MaxElements int

	data  []byte
	nodes []Node
	space bool // white space was seen since the start of the current array
	err   error
}

// Reset empties the tape and makes it point into data, which must stay unchanged while nodes are used.
func (t *Tape) Reset(data []byte) {
	t.data, t.nodes, t.err = data[:len(data):len(data)], t.nodes[:0], nil
	if len(data) > MaxText {
		t.data = nil // reads as an unexpected end; callers limit their texts far below
	}
}

// Shrink lets go of the nodes' memory if there is room for more than max of them, and of the text.
func (t *Tape) Shrink(max int) {
	t.data = nil
	if cap(t.nodes) > max {
		t.nodes = nil
	}
}

// Nodes are the values read since Reset. The slice is the tape's own.
func (t *Tape) Nodes() []Node { return t.nodes }

// Value reads the value that starts at byte at (white space before it is skipped) and ends at or before limit. It returns
// the index of its node and the offset after it. The error is a *SyntaxError or a *TooManyError.
func (t *Tape) Value(at, limit int) (node, end int, err error) {
	whole := t.data
	t.data = whole[:min(limit, len(whole))]
	node = len(t.nodes)
	end, _ = t.value(t.skipSpace(at), 0, true, Span{}, 0)
	t.data = whole
	if end < 0 {
		t.nodes = t.nodes[:node]
		err, t.err = t.err, nil
		return 0, 0, err
	}
	return node, end, nil
}

// SkipSpace returns the first offset from at that is not white space.
func (t *Tape) SkipSpace(at int) int { return t.skipSpace(at) }

// Raw is the text of a range.
func (t *Tape) Raw(s Span) []byte { return t.data[s.From:s.To] }
