package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// converter makes the messages of one file, row by row.
type converter struct {
	*source
	path  string
	maker *messageMaker
	row   row

	rows, skipped, rejected int64
	first                   *Rejected // the first row that was rejected
}

// newConverter opens a file and checks the mapping against its columns.
func newConverter(path string, m *Mapping, read func(bytes int64)) (*converter, error) {
	s, err := m.open(path, read)
	if err != nil {
		return nil, err
	}
	p, err := m.bind(filepath.Base(path), s.rows)
	if err != nil {
		s.close()
		return nil, err
	}
	return &converter{source: s, path: path, maker: newMessageMaker(p)}, nil
}

// hopeless is how many rows may be rejected from the first on before the mapping is taken to be for other files.
const hopeless = 1000

// next reads a row and appends its messages to dst, calling ended with the length of dst after each. The reject says why
// the row gave none. After the last row it returns io.EOF.
func (c *converter) next(dst []byte, ended func(int)) ([]byte, *Rejected, error) {
	err := c.source.rows.read(&c.row)
	if err == io.EOF {
		return dst, nil, io.EOF
	}
	var rej *reject
	if err != nil {
		rej, _ = errors.AsType[*reject](err)
	}
	if err != nil && rej == nil {
		return dst, nil, fmt.Errorf("read %s: %w", c.path, err)
	}
	c.rows++
	if rej == nil {
		before := len(dst)
		if dst, rej = c.maker.each(dst, &c.row, ended); rej == nil {
			if len(dst) == before {
				c.skipped++
			}
			return dst, nil, nil
		}
	}
	c.rejected++
	rejected := &Rejected{Line: c.row.line, Field: rej.field, Reason: rej.reason, Row: string(c.row.raw)}
	if c.first == nil {
		c.first = rejected
	}
	if c.rejected == hopeless && c.rows == hopeless {
		return dst, rejected, fmt.Errorf("the first %d rows of %s were all rejected; is %s the mapping for this file? Line %d: %w",
			hopeless, c.path, c.maker.plan.name, c.first.Line, &reject{c.first.Field, c.first.Reason})
	}
	return dst, rejected, nil
}

// Converted is what Convert counted.
type Converted struct {
	Rows     int64 // read
	Skipped  int64 // rows for which the mapping has no event
	Rejected int64 // rows that could not be read or mapped
	Messages int64
}

// Convert makes the messages of a file without sending them, one JSON object with a line end at a time. emit gets each with
// the line its row begins at (of Parquet, the row's number); message is valid during the call only. rejected may be nil.
// It stops at the first error, of theirs or of reading; a row that is rejected is none.
func Convert(ctx context.Context, path string, m *Mapping, emit func(message []byte, line int64) error, rejected func(Rejected) error) (Converted, error) {
	var n Converted
	c, err := newConverter(path, m, func(int64) {})
	if err != nil {
		return n, err
	}
	defer c.close()
	var buf []byte
	var ends []int
	for err == nil {
		ends = ends[:0]
		var rej *Rejected
		buf, rej, err = c.next(buf[:0], func(end int) { ends = append(ends, end) })
		if rej != nil && rejected != nil {
			err = errors.Join(err, rejected(*rej))
		}
		from := 0
		for _, end := range ends {
			if err == nil {
				err = emit(buf[from:end], c.row.line)
				n.Messages++
			}
			from = end
		}
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}
	n.Rows, n.Skipped, n.Rejected = c.rows, c.skipped, c.rejected
	if err == io.EOF {
		err = nil
	}
	return n, err
}
