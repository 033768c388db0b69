package files

import (
	"crypto/sha1"
	"encoding/hex"
	"strconv"

	"github.com/zeebo/xxh3"
)

// namespace is the UUID under which message ids are derived (RFC 9562, version 5). It must never change: ids of files that
// were loaded before are made with it.
var namespace = [16]byte{0x6f, 0x1d, 0x4b, 0x0e, 0x52, 0xd8, 0x4a, 0x6c, 0x9b, 0x83, 0x0c, 0x7e, 0x2a, 0x51, 0xf4, 0x38}

// idMaker derives the ids of the messages of one file: UUIDv5 of the mapping's source, which of its events, and
//
//	id: content    what the row holds, and how many times the file held exactly that before
//	id: line       what the row holds, and its line number
//	id: [columns]  the values of these columns
//
// So the same file gives the same ids whatever it is called, also compressed, and identical rows of one file count each.
// id: content remembers a 64-bit hash and a count of every different row, measured at 23 to 38 bytes each (380 MB for ten
// million rows); the others remember nothing. Two different rows whose hashes collide still get different ids, as
// their content goes into the id; only their counts are shared, in the same way on every load.
type idMaker struct {
	plan  *plan
	seen  map[uint64]uint32
	input []byte // what is hashed: a part common to all, then the row's, then the event's
	fixed int
	row   int
}

func newIDMaker(p *plan) *idMaker {
	ids := &idMaker{plan: p, input: appendSized(namespace[:], p.source)}
	ids.fixed = len(ids.input)
	if p.id == idContent {
		ids.seen = map[uint64]uint32{}
	}
	return ids
}

// next takes in a row; every row of the file passes once, in order, whether it gives messages or not.
func (ids *idMaker) next(r *row) *reject {
	b := ids.input[:ids.fixed]
	switch ids.plan.id {
	case idContent:
		b = append(b, 'c')
		from := len(b)
		b = r.appendContent(b)
		hash := xxh3.Hash(b[from:])
		n := ids.seen[hash]
		ids.seen[hash] = n + 1
		b = strconv.AppendUint(append(b, 0), uint64(n), 10)
	case idLine:
		b = append(b, 'l')
		b = r.appendContent(b)
		b = strconv.AppendInt(append(b, 0), r.line, 10)
	case idColumns:
		b = append(b, 'k')
		empty := true
		for _, i := range ids.plan.idColumns {
			empty = empty && r.cells[i].kind == noValue
			b = appendSized(b, r.cells[i].text)
		}
		if empty {
			return rejectf("id", "every column of the id is empty")
		}
	}
	ids.input, ids.row = b, len(b)
	return nil
}

// appendID appends the id of one event of the row that next took in.
func (ids *idMaker) appendID(dst []byte, label string) []byte {
	b := append(append(ids.input[:ids.row], 0), label...)
	ids.input = b
	sum := sha1.Sum(b)
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	for i, group := range [...][]byte{sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, group)
	}
	return dst
}
