package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

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

// BlockEventIDs appends the event ids of a block that EncodeBlock wrote to ids: event_id is the first column, so the rest
// of the block is not read.
func BlockEventIDs(ids []uuid.UUID, block []byte) ([]uuid.UUID, error) {
	r := blockReader{rest: block}
	r.uvarint() // columns
	rows := r.uvarint()
	name, typ := r.text(), r.text()
	if r.failed || name != "event_id" || typ != "UUID" || rows > uint64(len(r.rest))/16 {
		return ids, fmt.Errorf("read event ids: %w", errBlock)
	}
	for i := range int(rows) {
		half := r.rest[16*i : 16*i+16]
		var id uuid.UUID
		binary.BigEndian.PutUint64(id[:8], binary.LittleEndian.Uint64(half))
		binary.BigEndian.PutUint64(id[8:], binary.LittleEndian.Uint64(half[8:]))
		ids = append(ids, id)
	}
	return ids, nil
}

// blockReader reads the head of a block; after a fault it reads zeros and failed stays true.
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

func (r *blockReader) text() string {
	n := r.uvarint()
	if r.failed || n > uint64(len(r.rest)) {
		r.failed = true
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}
