package event

import (
	"encoding/binary"
	"math"

	"github.com/google/uuid"
)

// stringColumn is String: rows lie in buf as they go over the wire, each a varint length and its bytes.
type stringColumn struct {
	buf  []byte
	ends []int // where each row ends in buf
}

func (s *stringColumn) append(v string) {
	s.buf = binary.AppendUvarint(s.buf, uint64(len(v)))
	s.buf = append(s.buf, v...)
	s.ends = append(s.ends, len(s.buf))
}

func (s *stringColumn) start(row int) int {
	if row == 0 {
		return 0
	}
	return s.ends[row-1]
}

func (s *stringColumn) appendRange(src column, from, to int) {
	o := src.(*stringColumn)
	first := o.start(from)
	shift := len(s.buf) - first
	s.buf = append(s.buf, o.buf[first:o.ends[to-1]]...)
	for _, end := range o.ends[from:to] {
		s.ends = append(s.ends, end+shift)
	}
}

func (s *stringColumn) encode(dst []byte) []byte { return append(dst, s.buf...) }
func (s *stringColumn) size() int                { return len(s.buf) }
func (s *stringColumn) reset()                   { s.buf, s.ends = s.buf[:0], s.ends[:0] }

// int64Column is every type that is eight little-endian bytes a row: DateTime64 and Decimal(18, x).
type int64Column []int64

func (n *int64Column) appendRange(src column, from, to int) {
	*n = append(*n, (*src.(*int64Column))[from:to]...)
}

func (n *int64Column) encode(dst []byte) []byte {
	for _, v := range *n {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(v))
	}
	return dst
}
func (n *int64Column) size() int { return 8 * len(*n) }
func (n *int64Column) reset()    { *n = (*n)[:0] }

// uuidColumn is UUID: two little-endian halves, the more significant one first.
type uuidColumn []uuid.UUID

func (u *uuidColumn) appendRange(src column, from, to int) {
	*u = append(*u, (*src.(*uuidColumn))[from:to]...)
}

func (u *uuidColumn) encode(dst []byte) []byte {
	for i := range *u {
		id := &(*u)[i]
		dst = binary.LittleEndian.AppendUint64(dst, binary.BigEndian.Uint64(id[:8]))
		dst = binary.LittleEndian.AppendUint64(dst, binary.BigEndian.Uint64(id[8:]))
	}
	return dst
}
func (u *uuidColumn) size() int { return 16 * len(*u) }
func (u *uuidColumn) reset()    { *u = (*u)[:0] }

// nullableColumn is Nullable(Float32): a byte per row that says whether it is NULL, then the values.
type nullableColumn struct {
	nulls  []byte
	values []float32
}

func (n *nullableColumn) append(v Float) {
	null := byte(1)
	if v.Valid {
		null = 0
	}
	n.nulls = append(n.nulls, null)
	n.values = append(n.values, v.Value)
}

func (n *nullableColumn) appendRange(src column, from, to int) {
	o := src.(*nullableColumn)
	n.nulls = append(n.nulls, o.nulls[from:to]...)
	n.values = append(n.values, o.values[from:to]...)
}

func (n *nullableColumn) encode(dst []byte) []byte {
	dst = append(dst, n.nulls...)
	for _, v := range n.values {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
	}
	return dst
}
func (n *nullableColumn) size() int { return 5 * len(n.nulls) }
func (n *nullableColumn) reset()    { n.nulls, n.values = n.nulls[:0], n.values[:0] }
