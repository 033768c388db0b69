package event

import (
	"encoding/binary"
	"strings"
)

// dictColumn is LowCardinality(String). Its dictionary outlives the block: a value that came before costs one map
// look-up and no allocation. What goes over the wire is only the part that the block uses.
type dictColumn struct {
	rows   []uint32 // per row, a position in values
	values []string
	index  map[string]uint32

	// places[v] is where values[v] stands in the dictionary being encoded, if its upper half is the current epoch:
	// a stamp instead of a slice to clear for each block.
	places []uint64
	epoch  uint64

	translated []uint32 // scratch of decode: positions of a block's dictionary in values
}

// maxDictionary bounds what a dictionary may remember between blocks (a column that turns out to hold many values).
const maxDictionary = 1 << 15

func (d *dictColumn) append(v string) {
	// Neighbours are often equal; comparing is cheaper than hashing.
	if n := len(d.rows); n > 0 {
		if last := d.rows[n-1]; d.values[last] == v {
			d.rows = append(d.rows, last)
			return
		}
	}
	d.rows = append(d.rows, d.intern(v))
}

// intern is v's position in values. That of "" is 0 without a look-up: it is what most of an event's columns hold.
func (d *dictColumn) intern(v string) uint32 {
	if len(d.values) == 0 {
		if d.index == nil {
			d.index = make(map[string]uint32)
		}
		d.add("")
	}
	if v == "" {
		return 0
	}
	id, ok := d.index[v]
	if !ok {
		id = d.add(strings.Clone(v))
	}
	return id
}

func (d *dictColumn) add(v string) uint32 {
	id := uint32(len(d.values))
	d.values = append(d.values, v)
	d.places = append(d.places, 0)
	d.index[v] = id
	return id
}

// nextEpoch makes every stamp old. The epoch has 32 bits: before it would run over, the stamps are cleared.
func (d *dictColumn) nextEpoch() {
	if d.epoch++; d.epoch >= 1<<32 {
		clear(d.places)
		d.epoch = 1
	}
}

// place gives values[id] its position in this epoch's dictionary: the one it has, or next.
func (d *dictColumn) place(id uint32, next int) (position int, added bool) {
	if p := d.places[id]; p>>32 == d.epoch {
		return int(uint32(p)), false
	}
	d.places[id] = d.epoch<<32 | uint64(next)
	return next, true
}

func (d *dictColumn) appendRange(src column, from, to int) {
	o := src.(*dictColumn)
	if to == from+1 { // a request of one event: nothing to remember, and the row before may be equal
		d.append(o.values[o.rows[from]])
		return
	}
	// The source's stamps remember which of its values were translated already in this call.
	o.nextEpoch()
	for _, id := range o.rows[from:to] {
		p := o.places[id]
		if p>>32 != o.epoch {
			p = o.epoch<<32 | uint64(d.intern(o.values[id]))
			o.places[id] = p
		}
		d.rows = append(d.rows, uint32(p))
	}
}

// Numbers of ClickHouse's LowCardinality serialization.
const (
	dictVersion        = 1       // shared dictionaries with additional keys
	dictAdditionalKeys = 1 << 9  // the block brings its dictionary along
	dictUpdate         = 1 << 10 // and it replaces any before
)

func (d *dictColumn) encode(dst []byte) []byte {
	return d.encodeData(d.encodePrefix(dst))
}

func (d *dictColumn) encodePrefix(dst []byte) []byte {
	return binary.LittleEndian.AppendUint64(dst, dictVersion)
}

func (d *dictColumn) encodeData(dst []byte) []byte {
	if len(d.rows) == 0 {
		return dst
	}
	d.nextEpoch()
	header := len(dst)
	dst = append(dst, make([]byte, 16)...) // index type and dictionary size, known below
	used := 0
	for _, id := range d.rows {
		if _, added := d.place(id, used); added {
			used++
			dst = binary.AppendUvarint(dst, uint64(len(d.values[id])))
			dst = append(dst, d.values[id]...)
		}
	}
	width := 0 // log2 of the bytes an index takes
	switch {
	case used > 1<<16:
		width = 2
	case used > 1<<8:
		width = 1
	}
	binary.LittleEndian.PutUint64(dst[header:], uint64(width)|dictAdditionalKeys|dictUpdate)
	binary.LittleEndian.PutUint64(dst[header+8:], uint64(used))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(d.rows)))
	for _, id := range d.rows {
		place := uint32(d.places[id])
		switch width {
		case 0:
			dst = append(dst, byte(place))
		case 1:
			dst = binary.LittleEndian.AppendUint16(dst, uint16(place))
		default:
			dst = binary.LittleEndian.AppendUint32(dst, place)
		}
	}
	return dst
}

func (d *dictColumn) size() int { return 2*len(d.rows) + 32 }

func (d *dictColumn) reset() {
	d.rows = d.rows[:0]
	if len(d.values) > maxDictionary {
		clear(d.index)
		clear(d.values)
		d.values, d.places = d.values[:0], d.places[:0]
	}
}
