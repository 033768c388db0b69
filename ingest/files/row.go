package files

import (
	"encoding/binary"
	"fmt"
)

// row is one record of a file: its cells by column number. All byte slices are valid until the next read.
type row struct {
	line   int64 // where it starts, from 1; of a Parquet file the number of the row
	number int64 // of the record among the records, from 1, the unreadable ones counted
	cells  []cell
	raw    []byte // as it stands in the file, without the line end; a JSON object for Parquet
	whole  []byte // what is hashed instead of the cells, when not nil
}

// cell is one value of a row. text is kept also when the value is one of the mapping's nulls.
type cell struct {
	kind cellKind
	text []byte
}

type cellKind uint8

const (
	noValue    cellKind = iota // null, empty, or not there
	textCell                   // valid UTF-8
	numberCell                 // a JSON number
	boolCell                   // true or false
	jsonCell                   // a JSON array
)

// appendContent appends what makes two rows the same row: the cells, or the whole text where cells have no fixed order.
func (r *row) appendContent(dst []byte) []byte {
	if r.whole != nil {
		return append(dst, r.whole...)
	}
	for i := range r.cells {
		dst = appendSized(dst, r.cells[i].text)
	}
	return dst
}

// appendSized appends b behind its length, so that ("a", "bc") and ("ab", "c") differ.
func appendSized[T string | []byte](dst []byte, b T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// rowReader reads the rows of one file in order, in constant memory.
type rowReader interface {
	// columns are the names of the cells. Of NDJSON they may grow while reading, at the end.
	columns() []string
	// read fills the row. It returns io.EOF after the last row, and a *reject for a row that cannot be read: raw and line
	// are filled then, and reading goes on with the next.
	read(*row) error
}

// reject is why a row, or the message made of it, is left out. It is an error, so that it travels like one.
type reject struct{ field, reason string }

func (r *reject) Error() string {
	if r.field == "" {
		return r.reason
	}
	return r.field + ": " + r.reason
}

func rejectf(field, format string, args ...any) *reject {
	return &reject{field, fmt.Sprintf(format, args...)}
}

// clip shortens what came from a file, so that a message stays readable.
func clip(b []byte) string {
	const most = 80
	if len(b) > most {
		return string(b[:most]) + "..."
	}
	return string(b)
}
