package spool

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	"github.com/shopspring/decimal"
)

// errEnough ends the reading of blocks when the limit of rows is reached.
var errEnough = errors.New("enough rows")

// WriteNDJSON writes the first limit events (0: all) as one JSON object a line, each with the columns of the table that are not
// empty, in ClickHouse's form: INSERT INTO events FORMAT JSONEachRow takes them. Names and types are those in the block, so a
// segment of another version can be read, and no database is needed.
func (f *File) WriteNDJSON(w io.Writer, limit int) (rows int, err error) {
	out := bufio.NewWriterSize(w, 1<<16)
	err = f.Blocks(func(block []byte, _ int) error {
		b := proto.Block{ServerContext: &column.ServerContext{Timezone: time.UTC}}
		if err := b.Decode(chproto.NewReader(bytes.NewReader(block)), 0); err != nil {
			return fmt.Errorf("decode block: %w", err)
		}
		for row := range b.Rows() {
			if limit > 0 && rows == limit {
				return errEnough
			}
			line, err := appendRow(nil, &b, row)
			if err != nil {
				return err
			}
			rows++
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return rows, errors.Join(err, out.Flush()) // what was read before the damage is worth having
}

func appendRow(dst []byte, b *proto.Block, row int) ([]byte, error) {
	dst = append(dst, '{')
	for i, c := range b.Columns {
		value := c.Row(row, false)
		if v := reflect.ValueOf(value); !v.IsValid() || v.IsZero() || v.Kind() == reflect.Map && v.Len() == 0 {
			continue
		}
		switch v := value.(type) {
		case time.Time:
			value = v.UTC().Format("2006-01-02 15:04:05.000")
		case decimal.Decimal:
			if v.IsZero() {
				continue
			}
			value = json.Number(v.String())
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", b.ColumnsNames()[i], err)
		}
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = append(append(append(append(dst, '"'), b.ColumnsNames()[i]...), `":`...), text...)
	}
	return append(dst, '}', '\n'), nil
}
