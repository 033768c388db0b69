package cards

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// row is one row of person_states on its way into the store. It is read from RowBinary and kept as it comes, so that a row costs a microsecond or two: a card is
// the row in RowBinary without is_deleted, and with shorter features, see appendFeature.
type row struct {
	person  string
	version uint64
	deleted bool
	ids     []string // all of the person
	card    []byte
}

// longest text or list that is believed.
const longest = 64 << 20

// rows reads them from RowBinary.
type rows struct {
	in  *bufio.Reader
	row *row
	err error
}

// next reads the next row into r, whose slices it uses again. ok is false at the end.
func (in *rows) next(r *row) (ok bool, err error) {
	if _, err := in.in.Peek(1); err == io.EOF {
		return false, nil
	}
	in.row, in.err = r, nil
	r.card, r.ids = r.card[:0], r.ids[:0]
	r.person = in.text()
	r.version = binary.LittleEndian.Uint64(in.fixed(8))
	r.deleted = in.fixed(1)[0] != 0
	r.card = r.card[:len(r.card)-1]
	for range in.length() {
		r.ids = append(r.ids, in.text())
	}
	in.fixed(1) // tier
	in.skip()   // micro_segment
	in.texts()  // lifecycle
	in.texts()  // criteria_met
	in.fixed(8) // score
	for range in.length() {
		in.skip()   // name
		in.fixed(8) // points
		in.skip()   // text
	}
	in.skip()   // action_required
	in.fixed(8) // since
	in.fixed(8) // evaluated_at
	in.fixed(4) // definitions
	for range in.length() {
		v := math.Float64frombits(binary.LittleEndian.Uint64(in.fixed(8)))
		r.card = appendFeature(r.card[:len(r.card)-8], v)
	}
	in.amounts() // revenue_365d
	in.amounts() // revenue_total
	in.fixed(24) // first_seen, last_seen, last_purchase_at
	if in.err == io.EOF {
		in.err = io.ErrUnexpectedEOF
	}
	if in.err != nil {
		return false, fmt.Errorf("read a row: %w", in.err)
	}
	return true, nil
}

// fixed appends n bytes to the card, and returns them; zeros after an error.
func (in *rows) fixed(n int) []byte {
	card := append(in.row.card, make([]byte, n)...)
	in.row.card = card
	to := card[len(card)-n:]
	if in.err == nil {
		_, in.err = io.ReadFull(in.in, to)
	}
	return to
}

// length appends how long what follows is; zero after an error.
func (in *rows) length() int {
	if in.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(in.in)
	if err == nil && n > longest {
		err = fmt.Errorf("a length of %d", n)
	}
	if in.err = err; err != nil {
		return 0
	}
	in.row.card = binary.AppendUvarint(in.row.card, n)
	return int(n)
}

func (in *rows) text() string { return string(in.fixed(in.length())) }

func (in *rows) skip() { in.fixed(in.length()) }

func (in *rows) texts() {
	for range in.length() {
		in.skip()
	}
}

// amounts are a Map(String, Decimal(38, 4)).
func (in *rows) amounts() {
	for range in.length() {
		in.skip()
		in.fixed(16)
	}
}

// Forms of a feature. Most are small numbers of things: they are their own first byte.
const (
	unknown = 253 // nan
	short   = 254 // a float32 of the same value follows
	long    = 255 // a float64 follows
)

func appendFeature(card []byte, v float64) []byte {
	switch small := float32(v); {
	case v >= 0 && v < unknown && v == math.Trunc(v) && !math.Signbit(v):
		return append(card, byte(v))
	case math.IsNaN(v):
		return append(card, unknown)
	case float64(small) == v:
		return binary.LittleEndian.AppendUint32(append(card, short), math.Float32bits(small))
	default:
		return binary.LittleEndian.AppendUint64(append(card, long), math.Float64bits(v))
	}
}
