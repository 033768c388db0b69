package identity

import (
	"bytes"
	"context"
	varint "encoding/binary"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

// rowBinary is rows in ClickHouse's RowBinary: ids can be any bytes, and go in as they are.
type rowBinary struct{ bytes.Buffer }

func (b *rowBinary) uint8(v uint8)   { b.WriteByte(v) }
func (b *rowBinary) uint16(v uint16) { b.Write(varint.LittleEndian.AppendUint16(nil, v)) }
func (b *rowBinary) int64(v int64)   { b.uint64(uint64(v)) }
func (b *rowBinary) uint64(v uint64) { b.Write(varint.LittleEndian.AppendUint64(nil, v)) }
func (b *rowBinary) length(n int)    { b.Write(varint.AppendUvarint(nil, uint64(n))) }

func (b *rowBinary) text(s string) {
	b.length(len(s))
	b.WriteString(s)
}

// uuid writes two numbers, the first half first.
func (b *rowBinary) uuid(id uuid.UUID) {
	b.uint64(varint.BigEndian.Uint64(id[:8]))
	b.uint64(varint.BigEndian.Uint64(id[8:]))
}

// insert writes rows, if there are any. No block may be skipped for looking like another one.
func (r *Resolver) insert(ctx context.Context, into string, rows *rowBinary) error {
	if rows.Len() == 0 {
		return nil
	}
	return r.db.InsertFormat(ctx, "RowBinary", "INSERT INTO "+into+" SETTINGS insert_deduplicate = 0, async_insert = 0", &rows.Buffer)
}

func named(name string, value any) driver.NamedValue {
	return driver.NamedValue{Name: name, Value: value}
}
