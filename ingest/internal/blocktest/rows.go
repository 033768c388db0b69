// Package blocktest reads blocks of events back in tests, with ch-go, which knows nothing of the code that wrote them.
package blocktest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/livello/livello/ingest/event"
)

// TB is what of a test Rows needs; *rapid.T has it too.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Rows are the events of a block (EncodeBlock), each as the text of its columns under their names; a property has its key
// in brackets, "properties[plan.name]". Columns with their default value are left out.
func Rows(t TB, block []byte) []map[string]string {
	t.Helper()
	if len(block) == 0 {
		return nil
	}
	columns := map[string]column{}
	var order []string
	var results proto.Results
	for _, name := range strings.Split(event.InsertColumns(), ", ") {
		c := newColumn(name)
		columns[name] = c
		order = append(order, name)
		results = append(results, proto.ResultColumn{Name: name, Data: c.data})
	}
	var b proto.Block
	if err := b.DecodeRawBlock(proto.NewReader(bytes.NewReader(block)), 0, results); err != nil {
		t.Fatalf("read block: %v", err)
	}
	rows := make([]map[string]string, b.Rows)
	for i := range rows {
		rows[i] = map[string]string{}
		for _, name := range order {
			columns[name].read(i, func(key, value string) { rows[i][name+key] = value })
		}
	}
	return rows
}

type column struct {
	data proto.ColResult
	read func(row int, found func(key, value string))
}

// newColumn is a column by its name; their types are those of the table.
func newColumn(name string) column {
	text := func(at func(int) string) func(int, func(string, string)) {
		return func(row int, found func(key, value string)) {
			if v := at(row); v != "" {
				found("", v)
			}
		}
	}
	switch name {
	case "event_id":
		c := new(proto.ColUUID)
		return column{c, text(func(i int) string { return c.Row(i).String() })}
	case "ts", "received_at":
		c := new(proto.ColDateTime64).WithPrecision(proto.PrecisionMilli)
		return column{c, text(func(i int) string { return c.Row(i).UTC().Format("2006-01-02T15:04:05.000Z") })}
	case "value":
		c := new(proto.ColDecimal64)
		return column{c, text(func(i int) string { return money(int64(c.Row(i))) })}
	case "score", "sentiment":
		c := proto.NewColNullable[float32](new(proto.ColFloat32))
		return column{c, text(func(i int) string {
			if v := c.Row(i); v.Set {
				return strconv.FormatFloat(float64(v.Value), 'g', -1, 32)
			}
			return ""
		})}
	case "properties":
		c := proto.NewMap(proto.NewLowCardinality(new(proto.ColStr)), new(proto.ColStr))
		return column{c, func(row int, found func(key, value string)) {
			for _, entry := range c.RowKV(row) {
				found("["+entry.Key+"]", entry.Value)
			}
		}}
	case "message_id", "distinct_id", "anonymous_id", "user_id", "previous_id", "account_id", "session_id", "url", "path", "referrer",
		"content_id", "order_id", "text", "ip":
		c := new(proto.ColStr)
		return column{c, text(func(i int) string { return c.Row(i) })}
	}
	c := proto.NewLowCardinality(new(proto.ColStr))
	return column{c, text(func(i int) string { return c.Row(i) })}
}

// money is an amount in ten-thousandths as a decimal number, "" for none.
func money(v int64) string {
	if v == 0 {
		return ""
	}
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%s%d.%04d", sign, v/10_000, v%10_000), "0"), ".")
}
