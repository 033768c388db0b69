package jsontape

import (
	"encoding/binary"
	"math/bits"
)

func (t *Tape) fail(at int, reason string) (int, int) {
	if t.err == nil {
		if at >= len(t.data) {
			at, reason = len(t.data), "the text ends in the middle of a value"
		}
		t.err = &SyntaxError{Offset: at, Reason: reason}
	}
	return -1, 0
}

func (t *Tape) skipSpace(i int) int {
	for i < len(t.data) {
		switch t.data[i] {
		case ' ', '\t', '\n', '\r':
			t.space = true
			i++
		default:
			return i
		}
	}
	return i
}

// value reads the value at i and returns the offset after it (-1: t.err) and its height. Without emit it is only checked.
func (t *Tape) value(i, depth int, emit bool, key Span, flags uint8) (end, height int) {
	if i >= len(t.data) {
		return t.fail(i, "")
	}
	var kind Kind
	switch c := t.data[i]; c {
	case '"':
		end, escaped := t.str(i + 1)
		if emit && end > 0 {
			if escaped {
				flags |= textEscaped
			}
			t.nodes = append(t.nodes, Node{key, Span{uint32(i + 1), uint32(end - 1)}, int32(len(t.nodes) + 1), 0, String, flags})
		}
		return end, 0
	case '{', '[':
		return t.container(i, depth, emit, key, flags)
	case 't':
		kind, end = True, t.literal(i, "true")
	case 'f':
		kind, end = False, t.literal(i, "false")
	case 'n':
		kind, end = Null, t.literal(i, "null")
	default:
		if c != '-' && (c < '0' || c > '9') {
			return t.fail(i, "a value cannot start with "+quote(c))
		}
		kind, end = Number, t.number(i)
	}
	if emit && end > 0 {
		t.nodes = append(t.nodes, Node{key, Span{uint32(i), uint32(end)}, int32(len(t.nodes) + 1), 0, kind, flags})
	}
	return end, 0
}

// container reads the object or array at i.
func (t *Tape) container(i, depth int, emit bool, key Span, flags uint8) (end, height int) {
	at := len(t.nodes)
	if emit {
		t.nodes = append(t.nodes, Node{})
	}
	kind := Object
	if t.data[i] == '{' {
		end, height = t.object(i+1, depth, emit)
	} else {
		kind = Array
		open := emit && t.Open != nil && t.Open(depth, t.data[key.From:key.To])
		before := t.space
		t.space = false
		end, height = t.array(i+1, depth, open)
		if t.space {
			flags |= spaced
		}
		t.space = t.space || before
	}
	if emit && end > 0 {
		t.nodes[at] = Node{key, Span{uint32(i), uint32(end)}, int32(len(t.nodes)), uint16(height), kind, flags}
	}
	return end, height
}

func (t *Tape) object(i, depth int, emit bool) (end, height int) {
	if depth >= MaxDepth {
		return t.fail(i, "nested too deeply")
	}
	if i = t.skipSpace(i); i < len(t.data) && t.data[i] == '}' {
		return i + 1, 1
	}
	for {
		if i >= len(t.data) || t.data[i] != '"' {
			return t.fail(i, "expected a member name in double quotes")
		}
		after, escaped := t.str(i + 1)
		if after < 0 {
			return after, 0
		}
		key, flags := Span{uint32(i + 1), uint32(after - 1)}, uint8(0)
		if escaped {
			flags = keyEscaped
		}
		if i = after; i >= len(t.data) || t.data[i] != ':' {
			if i = t.skipSpace(i); i >= len(t.data) || t.data[i] != ':' {
				return t.fail(i, "expected ':' after the member name")
			}
		}
		if i++; i < len(t.data) && t.data[i] <= ' ' {
			i = t.skipSpace(i)
		}
		after, h := t.value(i, depth+1, emit, key, flags)
		if after < 0 {
			return after, 0
		}
		height = max(height, h)
		if i = after; i < len(t.data) && t.data[i] <= ' ' {
			i = t.skipSpace(i)
		}
		if i >= len(t.data) {
			return t.fail(i, "")
		}
		switch t.data[i] {
		case ',':
			if i++; i < len(t.data) && t.data[i] <= ' ' {
				i = t.skipSpace(i)
			}
		case '}':
			return i + 1, height + 1
		default:
			return t.fail(i, "expected ',' or '}' after a member")
		}
	}
}

func (t *Tape) array(i, depth int, emit bool) (end, height int) {
	if depth >= MaxDepth {
		return t.fail(i, "nested too deeply")
	}
	if i = t.skipSpace(i); i < len(t.data) && t.data[i] == ']' {
		return i + 1, 1
	}
	for n := 1; ; n++ {
		if emit && t.MaxElements > 0 && n > t.MaxElements {
			t.err = &TooManyError{t.MaxElements}
			return -1, 0
		}
		after, h := t.value(i, depth+1, emit, Span{}, 0)
		if after < 0 {
			return after, 0
		}
		height = max(height, h)
		if i = t.skipSpace(after); i >= len(t.data) {
			return t.fail(i, "")
		}
		switch t.data[i] {
		case ',':
			i = t.skipSpace(i + 1)
		case ']':
			return i + 1, height + 1
		default:
			return t.fail(i, "expected ',' or ']' after an element")
		}
	}
}

func (t *Tape) literal(i int, word string) int {
	for n := range len(word) {
		if i+n >= len(t.data) || t.data[i+n] != word[n] {
			end, _ := t.fail(i+n, "expected "+word)
			return end
		}
	}
	return i + len(word)
}

func (t *Tape) number(i int) int {
	if t.data[i] == '-' {
		i++
	}
	switch from := i; {
	case i < len(t.data) && t.data[i] == '0':
		i++
	default:
		if i = t.digits(i); i == from {
			end, _ := t.fail(i, "expected a digit")
			return end
		}
	}
	if i < len(t.data) && t.data[i] == '.' {
		from := i + 1
		if i = t.digits(from); i == from {
			end, _ := t.fail(i, "expected a digit after the decimal point")
			return end
		}
	}
	if i < len(t.data) && t.data[i]|0x20 == 'e' {
		from := i + 1
		if from < len(t.data) && (t.data[from] == '+' || t.data[from] == '-') {
			from++
		}
		if i = t.digits(from); i == from {
			end, _ := t.fail(i, "expected a digit in the exponent")
			return end
		}
	}
	return i
}

func (t *Tape) digits(i int) int {
	for i < len(t.data) && t.data[i]-'0' <= 9 {
		i++
	}
	return i
}

// str reads a string whose opening quote lies before i and returns the offset after the closing one (-1: t.err).
func (t *Tape) str(i int) (end int, escaped bool) {
	data := t.data
	for {
		// Eight bytes at a time up to the first that is a quote, a backslash or a control character.
		for i+8 <= len(data) {
			special := specialBytes(binary.LittleEndian.Uint64(data[i:]))
			if special != 0 {
				i += bits.TrailingZeros64(special) >> 3
				break
			}
			i += 8
		}
		if i >= len(data) {
			end, _ = t.fail(i, "")
			return end, false
		}
		switch c := data[i]; {
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			escaped = true
			if i = t.escape(i + 1); i < 0 {
				return i, false
			}
		case c < 0x20:
			end, _ = t.fail(i, "a control character in a string must be escaped")
			return end, false
		default:
			i++ // in the last seven bytes of the text
		}
	}
}

// specialBytes has the high bit set in the lowest byte of x that is a quote, a backslash or below 0x20; bits above the
// lowest set one may be wrong.
func specialBytes(x uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quotes, slashes := x^ones*'"', x^ones*'\\'
	return ((quotes-ones) & ^quotes | (slashes-ones) & ^slashes | (x-ones*0x20) & ^x) & highs
}

func (t *Tape) escape(i int) int {
	if i >= len(t.data) {
		end, _ := t.fail(i, "")
		return end
	}
	switch t.data[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for n := 1; n <= 4; n++ {
			if i+n >= len(t.data) || hexDigit(t.data[i+n]) < 0 {
				end, _ := t.fail(i+n, `expected four hexadecimal digits after \u`)
				return end
			}
		}
		return i + 5
	}
	end, _ := t.fail(i, "unknown escape")
	return end
}

func quote(c byte) string {
	if c <= ' ' || c >= 0x7f {
		const hex = "0123456789abcdef"
		return "byte 0x" + string([]byte{hex[c>>4], hex[c&15]})
	}
	return "'" + string(rune(c)) + "'"
}
