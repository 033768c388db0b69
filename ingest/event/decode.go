package event

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/google/uuid"
)

// AppendBlock adds the events of a block that EncodeBlock wrote. On an error c is as it was: the bytes are no block, or one with
// other columns, as an older version wrote it.
func (c *Columns) AppendBlock(block []byte) error {
	r := blockReader{rest: block}
	if r.uvarint() != uint64(len(c.fields)) {
		return fmt.Errorf("append a block: %w", errBlock)
	}
	rows := r.uvarint()
	if rows > uint64(len(block)) { // each row has its own bytes in every column
		r.failed = true
	}
	for i := 0; i < len(c.fields) && !r.failed; i++ {
		f := &c.fields[i]
		if !r.is(f.name) || !r.is(f.typ) {
			r.failed = true
			break
		}
		f.decode(&r, int(rows))
	}
	if r.failed || len(r.rest) > 0 {
		for i := range c.fields {
			c.fields[i].truncate(c.rows)
		}
		return fmt.Errorf("append a block: %w", errBlock)
	}
	c.rows += int(rows)
	return nil
}

// is reads a text and answers whether it is s.
func (r *blockReader) is(s string) bool { return string(r.bytes(r.uvarint())) == s }

// bytes are the next n; after a fault, none.
func (r *blockReader) bytes(n uint64) []byte {
	if r.failed || n > uint64(len(r.rest)) {
		r.failed = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *blockReader) uint64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (s *stringColumn) decode(r *blockReader, rows int) {
	from, all := len(s.buf), r.rest
	for range rows {
		r.bytes(r.uvarint())
		if r.failed {
			return
		}
		s.ends = append(s.ends, from+len(all)-len(r.rest))
	}
	s.buf = append(s.buf, all[:len(all)-len(r.rest)]...)
}

func (s *stringColumn) truncate(rows int) {
	if rows < len(s.ends) {
		s.buf, s.ends = s.buf[:min(s.start(rows), len(s.buf))], s.ends[:rows]
	}
}

func (n *int64Column) decode(r *blockReader, rows int) {
	for b := r.bytes(8 * uint64(rows)); len(b) > 0; b = b[8:] {
		*n = append(*n, int64(binary.LittleEndian.Uint64(b)))
	}
}

func (n *int64Column) truncate(rows int) { *n = (*n)[:min(rows, len(*n))] }

func (u *uuidColumn) decode(r *blockReader, rows int) {
	for b := r.bytes(16 * uint64(rows)); len(b) > 0; b = b[16:] {
		var id uuid.UUID
		binary.BigEndian.PutUint64(id[:8], binary.LittleEndian.Uint64(b))
		binary.BigEndian.PutUint64(id[8:], binary.LittleEndian.Uint64(b[8:]))
		*u = append(*u, id)
	}
}

func (u *uuidColumn) truncate(rows int) { *u = (*u)[:min(rows, len(*u))] }

func (n *nullableColumn) decode(r *blockReader, rows int) {
	n.nulls = append(n.nulls, r.bytes(uint64(rows))...)
	for b := r.bytes(4 * uint64(rows)); len(b) > 0; b = b[4:] {
		n.values = append(n.values, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
}

func (n *nullableColumn) truncate(rows int) {
	n.nulls, n.values = n.nulls[:min(rows, len(n.nulls))], n.values[:min(rows, len(n.values))]
}

func (d *dictColumn) decode(r *blockReader, rows int) {
	d.decodePrefix(r)
	d.decodeData(r, rows)
}

func (d *dictColumn) decodePrefix(r *blockReader) {
	if r.uint64() != dictVersion {
		r.failed = true
	}
}

func (d *dictColumn) decodeData(r *blockReader, rows int) {
	if rows == 0 {
		return
	}
	flags, used := r.uint64(), r.uint64()
	width := flags &^ (dictAdditionalKeys | dictUpdate)
	if flags != width|dictAdditionalKeys|dictUpdate || width > 2 || used > uint64(len(r.rest)) {
		r.failed = true
	}
	d.translated = d.translated[:0]
	for range used {
		text := r.bytes(r.uvarint())
		if r.failed {
			return
		}
		id, ok := d.index[string(text)]
		if !ok {
			id = d.intern(string(text))
		}
		d.translated = append(d.translated, id)
	}
	if r.uint64() != uint64(rows) {
		r.failed = true
	}
	for b := r.bytes(uint64(rows) << width); len(b) > 0; b = b[1<<width:] {
		var place uint64
		switch width {
		case 0:
			place = uint64(b[0])
		case 1:
			place = uint64(binary.LittleEndian.Uint16(b))
		default:
			place = uint64(binary.LittleEndian.Uint32(b))
		}
		if place >= uint64(len(d.translated)) {
			r.failed = true
			return
		}
		d.rows = append(d.rows, d.translated[place])
	}
}

func (d *dictColumn) truncate(rows int) { d.rows = d.rows[:min(rows, len(d.rows))] }

func (m *mapColumn) decode(r *blockReader, rows int) {
	m.keys.decodePrefix(r)
	base, last := uint64(len(m.keys.rows)), uint64(0)
	for b := r.bytes(8 * uint64(rows)); len(b) > 0; b = b[8:] {
		end := binary.LittleEndian.Uint64(b)
		if end < last || end > uint64(len(r.rest)) {
			r.failed = true
			return
		}
		last = end
		m.ends = append(m.ends, base+end)
	}
	m.keys.decodeData(r, int(last))
	m.values.decode(r, int(last))
}

func (m *mapColumn) truncate(rows int) {
	m.ends = m.ends[:min(rows, len(m.ends))]
	entries := 0
	if rows > 0 {
		entries = int(m.ends[rows-1])
	}
	m.keys.truncate(entries)
	m.values.truncate(entries)
}
