package files

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// parquetReader reads the rows of a Parquet file, one row group after the other. Columns are the leaves, names of nested
// ones joined by dots. A column that repeats within a row is one cell, a JSON array.
type parquetReader struct {
	file   *parquet.File
	leaves []parquetLeaf
	names  []string
	group  int // the next one to open
	rows   parquet.Rows
	batch  []parquet.Row
	held   int // rows of batch that hold something
	at     int // the next of them
	number int64
	cells  []cell
	text   []byte
	ends   []int
	raw    []byte
	done   func(bytes int64)
	told   int64 // bytes that done was told
}

// parquetLeaf is a column and how its values become text.
type parquetLeaf struct {
	repeated bool
	append   func(dst []byte, v parquet.Value) ([]byte, cellKind)
}

func newParquetReader(f *os.File, size int64, done func(int64)) (r *parquetReader, err error) {
	defer recoverParquet(&err)
	file, err := parquet.OpenFile(f, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("open Parquet: %w", err)
	}
	r = &parquetReader{file: file, done: done, batch: make([]parquet.Row, 64)}
	schema := file.Schema()
	for _, path := range schema.Columns() {
		leaf, ok := schema.Lookup(path...)
		if !ok {
			return nil, fmt.Errorf("column %s of the Parquet schema cannot be found", strings.Join(path, "."))
		}
		r.names = append(r.names, parquetName(path))
		r.leaves = append(r.leaves, parquetLeaf{leaf.MaxRepetitionLevel > 0, parquetText(leaf.Node.Type())})
	}
	if len(r.names) == 0 {
		return nil, fmt.Errorf("the Parquet file has no columns")
	}
	r.cells = make([]cell, len(r.names))
	r.ends = make([]int, 2*len(r.names))
	return r, nil
}

// parquetName joins the path of a leaf by dots, without the groups that only say that something is a list.
func parquetName(path []string) string {
	name := strings.Join(path, ".")
	for _, list := range []string{".list.element", ".list.item", ".bag.array_element", ".array"} {
		name = strings.TrimSuffix(name, list)
	}
	return name
}

// recoverParquet turns a panic of the Parquet library, which a damaged file can cause, into an error about the file.
func recoverParquet(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the Parquet file is damaged: %v", p)
	}
}

func (r *parquetReader) columns() []string { return r.names }

func (r *parquetReader) read(row *row) (err error) {
	defer recoverParquet(&err)
	for r.at == r.held {
		if err := r.next(); err != nil {
			return err
		}
	}
	values := r.batch[r.at]
	r.at++
	r.number++
	row.line, row.number, row.cells, row.raw = r.number, r.number, r.cells, nil
	r.cell(values)
	r.raw = append(r.raw[:0], '{')
	for i := range r.cells {
		if c := &r.cells[i]; c.kind != noValue {
			if len(r.raw) > 1 {
				r.raw = append(r.raw, ',')
			}
			r.raw = appendCell(append(appendString(r.raw, r.names[i]), ':'), c)
		}
	}
	r.raw = append(r.raw, '}')
	row.raw = r.raw
	return nil
}

// next reads more rows into the batch.
func (r *parquetReader) next() error {
	if r.rows == nil {
		groups := r.file.RowGroups()
		if r.group == len(groups) {
			return io.EOF
		}
		r.rows = groups[r.group].Rows()
		r.group++
	}
	n, err := r.rows.ReadRows(r.batch)
	r.at, r.held = 0, n
	if all := r.file.NumRows(); all > 0 {
		now := int64(float64(r.file.Size()) * float64(min(r.number+int64(n), all)) / float64(all))
		r.done(now - r.told)
		r.told = now
	}
	switch {
	case err == io.EOF || err == nil && n == 0:
		err = r.rows.Close()
		r.rows = nil
		if err != nil {
			return fmt.Errorf("read Parquet rows after row %d: %w", r.number, err)
		}
	case err != nil:
		return fmt.Errorf("read Parquet rows after row %d: %w", r.number, err)
	}
	return nil
}

// cell turns the values of a row into cells.
func (r *parquetReader) cell(values parquet.Row) {
	r.text = r.text[:0]
	clear(r.cells)
	values.Range(func(i int, values []parquet.Value) bool {
		leaf, from := &r.leaves[i], len(r.text)
		if !leaf.repeated {
			if !values[0].IsNull() {
				r.text, r.cells[i].kind = leaf.append(r.text, values[0])
			}
		} else {
			r.text = append(r.text, '[')
			for _, v := range values {
				if !v.IsNull() {
					r.element(leaf, v, from)
				}
			}
			r.text, r.cells[i].kind = append(r.text, ']'), jsonCell
			if len(r.text) == from+2 {
				r.cells[i].kind = noValue
			}
		}
		r.ends[2*i], r.ends[2*i+1] = from, len(r.text)
		return true
	})
	for i := range r.cells { // text has stopped moving
		if c := &r.cells[i]; c.kind != noValue {
			c.text = r.text[r.ends[2*i]:r.ends[2*i+1]]
		}
	}
}

// element appends one value of an array that begins at from.
func (r *parquetReader) element(leaf *parquetLeaf, v parquet.Value, from int) {
	if len(r.text) > from+1 {
		r.text = append(r.text, ',')
	}
	at := len(r.text)
	var kind cellKind
	r.text, kind = leaf.append(r.text, v)
	switch kind {
	case textCell:
		s := string(r.text[at:])
		r.text = appendString(r.text[:at], s)
	case noValue:
		r.text = append(r.text[:at], "null"...)
	}
}
