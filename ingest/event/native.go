package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/go-faster/city"
	"github.com/google/uuid"
)

// EncodeBlock appends the events to dst as one block of ClickHouse's Native format (revision 0: no block info, no
// per-column serialization byte), as `INSERT INTO events (InsertColumns()) FORMAT Native` reads it. Blocks may follow one
// another. An empty block appends nothing.
func (c *Columns) EncodeBlock(dst []byte) []byte {
	if c.rows == 0 {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.fields)))
	dst = binary.AppendUvarint(dst, uint64(c.rows))
	for i := range c.fields {
		f := &c.fields[i]
		dst = appendText(dst, f.name)
		dst = appendText(dst, f.typ)
		dst = f.encode(dst)
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// InsertColumns is the column list of the INSERT statement, in the order of the blocks.
func InsertColumns() string {
	fields := New().fields
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return strings.Join(names, ", ")
}

// errBlock says that bytes are not a block that EncodeBlock wrote.
var errBlock = errors.New("not a block of events")

// Head is the first three columns of a block: who each event is, when it happened, when it came. They are read from the
// bytes as they lie, so that what a segment holds can be said without decoding it. It is valid as long as the block is.
type Head struct {
	ids, times, received []byte
}

// ReadHead answers the head of a block that EncodeBlock wrote.
func ReadHead(block []byte) (Head, error) {
	r := blockReader{rest: block}
	r.uvarint() // columns
	rows := r.uvarint()
	h := Head{
		ids:      r.column("event_id", "UUID", rows, 16),
		times:    r.column("ts", "DateTime64(3, 'UTC')", rows, 8),
		received: r.column("received_at", "DateTime64(3, 'UTC')", rows, 8),
	}
	if r.failed {
		return Head{}, fmt.Errorf("read the head of a block: %w", errBlock)
	}
	return h, nil
}

// Rows is the number of events.
func (h Head) Rows() int { return len(h.times) / 8 }

// EventID is the id of event i.
func (h Head) EventID(i int) (id uuid.UUID) {
	half := h.ids[16*i : 16*i+16]
	binary.BigEndian.PutUint64(id[:8], binary.LittleEndian.Uint64(half))
	binary.BigEndian.PutUint64(id[8:], binary.LittleEndian.Uint64(half[8:]))
	return id
}

// EventHash is cityHash64(event_id), as ClickHouse computes it from the same sixteen bytes.
func (h Head) EventHash(i int) uint64 { return city.CH64(h.ids[16*i : 16*i+16]) }

// Time is ts of event i, ReceivedAt its received_at: milliseconds since 1970.
func (h Head) Time(i int) int64       { return int64(binary.LittleEndian.Uint64(h.times[8*i:])) }
func (h Head) ReceivedAt(i int) int64 { return int64(binary.LittleEndian.Uint64(h.received[8*i:])) }

// BlockEventIDs appends the event ids of a block that EncodeBlock wrote to ids.
func BlockEventIDs(ids []uuid.UUID, block []byte) ([]uuid.UUID, error) {
	h, err := ReadHead(block)
	if err != nil {
		return ids, err
	}
	for i := range h.Rows() {
		ids = append(ids, h.EventID(i))
	}
	return ids, nil
}

// blockReader reads a block; after a fault it reads zeros and failed stays true.
type blockReader struct {
	rest   []byte
	failed bool
}

func (r *blockReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.failed = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// column answers the bytes of a column of this name and type with width bytes a row.
func (r *blockReader) column(name, typ string, rows, width uint64) []byte {
	if !r.is(name) || !r.is(typ) || rows > uint64(len(r.rest))/width {
		r.failed = true
	}
	if r.failed {
		return nil
	}
	data := r.rest[:rows*width]
	r.rest = r.rest[rows*width:]
	return data
}
