package event

import "encoding/binary"

// mapColumn is Map(LowCardinality(String), String): all keys and all values in two columns, and where each row ends.
type mapColumn struct {
	ends   []uint64
	keys   dictColumn
	values stringColumn
}

func (m *mapColumn) append(properties []Property) {
	for _, p := range properties {
		m.keys.append(p.Key)
		m.values.append(p.Value)
	}
	m.ends = append(m.ends, uint64(len(m.keys.rows)))
}

func (m *mapColumn) appendRange(src column, from, to int) {
	o := src.(*mapColumn)
	first := uint64(0)
	if from > 0 {
		first = o.ends[from-1]
	}
	last := o.ends[to-1]
	base := uint64(len(m.keys.rows))
	if first < last {
		m.keys.appendRange(&o.keys, int(first), int(last))
		m.values.appendRange(&o.values, int(first), int(last))
	}
	for _, end := range o.ends[from:to] {
		m.ends = append(m.ends, end-first+base)
	}
}

func (m *mapColumn) encode(dst []byte) []byte {
	dst = m.keys.encodePrefix(dst)
	for _, end := range m.ends {
		dst = binary.LittleEndian.AppendUint64(dst, end)
	}
	dst = m.keys.encodeData(dst)
	return m.values.encode(dst)
}

func (m *mapColumn) size() int { return 8*len(m.ends) + m.keys.size() + m.values.size() }

func (m *mapColumn) reset() {
	m.ends = m.ends[:0]
	m.keys.reset()
	m.values.reset()
}
