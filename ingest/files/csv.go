package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// csvReader reads CSV and TSV as RFC 4180 describes them, with the two liberties that spreadsheets take: a quote inside an
// unquoted field is a letter, and lines may end in LF or CRLF. It is our own and not encoding/csv, because a row that
// cannot be read has to be kept as it stands and must not take the rest of the file with it, rows are bounded, the quote
// may be another one, and it makes no strings.
type csvReader struct {
	in        *rowBuffer
	delimiter byte
	quote     byte // 0: none
	names     []string
	number    int64
	cells     []cell
	text      []byte // of a row with quotes, unquoted
	ends      []int  // of its cells in text
}

func newCSVReader(in *rowBuffer, m *Mapping, format string) (*csvReader, error) {
	r := &csvReader{in: in, delimiter: ',', quote: m.quote}
	if format == "tsv" {
		r.delimiter = '\t'
	}
	if m.delimiter != 0 {
		r.delimiter = m.delimiter
	}
	if r.delimiter == r.quote {
		return nil, fmt.Errorf("delimiter and quote are both %q", r.quote)
	}
	names, err := readHeader(m, r.fields)
	r.names = names
	return r, err
}

func (r *csvReader) columns() []string { return r.names }

func (r *csvReader) read(row *row) error {
	err := r.fields(row)
	return checkFields(row, err, r.names, &r.number)
}

// fields reads the next row that is not an empty line.
func (r *csvReader) fields(row *row) error {
	for {
		end, next, err := r.in.lineEnd(0)
		if err == errRowTooLong {
			return r.in.tooLong(row)
		}
		if err != nil {
			return err
		}
		if end == 0 {
			r.in.advance(next, 1)
			continue
		}
		row.line = r.in.line
		line := r.in.bytes(0, end)
		if r.quote != 0 && bytes.IndexByte(line, r.quote) >= 0 {
			return r.quoted(row, end, next)
		}
		r.in.advance(next, 1)
		row.raw = line
		r.split(line)
		row.cells = r.cells
		return nil
	}
}

// split cuts a line without quotes.
func (r *csvReader) split(line []byte) {
	r.cells = r.cells[:0]
	for {
		i := bytes.IndexByte(line, r.delimiter)
		if i < 0 {
			r.cells = append(r.cells, cell{textCell, line})
			return
		}
		r.cells = append(r.cells, cell{textCell, line[:i]})
		line = line[i+1:]
	}
}

// quoted reads a row with quotes in it, whose first line ends at end; inside quotes it goes on over further lines. A row
// that cannot be read ends with its first line.
func (r *csvReader) quoted(row *row, end, next int) error {
	firstEnd, firstNext, lines := end, next, 1
	broken := func(format string, args ...any) error {
		row.raw = r.in.bytes(0, firstEnd)
		r.in.advance(firstNext, 1)
		return rejectf("", format, args...)
	}
	r.text, r.ends = r.text[:0], r.ends[:0]
	for at := 0; ; at++ { // at the start of a field
		if at == end || r.in.bytes(at, at+1)[0] != r.quote {
			field := r.in.bytes(at, end)
			i := bytes.IndexByte(field, r.delimiter)
			if i >= 0 {
				field = field[:i]
			}
			r.text = append(r.text, field...)
			at += len(field)
		} else {
			opened := at
			at++
			for {
				field := r.in.bytes(at, end)
				i := bytes.IndexByte(field, r.quote)
				if i < 0 {
					r.text = append(append(r.text, field...), '\n')
					from := next
					var err error
					end, next, err = r.in.lineEnd(from)
					if err == io.EOF || err == errRowTooLong {
						return broken("the quote opened at byte %d is not closed within %d bytes; if quotes mean nothing in this file, say quote: none", opened+1, maxRow)
					}
					if err != nil {
						return err
					}
					at = from
					lines++
					continue
				}
				r.text = append(r.text, field[:i]...)
				at += i + 1
				if at < end && r.in.bytes(at, at+1)[0] == r.quote {
					r.text = append(r.text, r.quote)
					at++
					continue
				}
				break
			}
			if at < end && r.in.bytes(at, at+1)[0] != r.delimiter {
				return broken("text after the closing quote of field %d; a quote inside quotes is written twice", len(r.ends)+1)
			}
		}
		r.ends = append(r.ends, len(r.text))
		if at == end {
			break
		}
	}
	row.raw = r.in.bytes(0, end)
	r.in.advance(next, lines)
	r.cells = r.cells[:0]
	from := 0
	for _, to := range r.ends {
		r.cells = append(r.cells, cell{textCell, r.text[from:to]})
		from = to
	}
	row.cells = r.cells
	return nil
}

// readHeader returns the column names: the mapping's, or the first row's.
func readHeader(m *Mapping, fields func(*row) error) ([]string, error) {
	var given []string
	for _, n := range m.names {
		given = append(given, n.text)
	}
	if !m.header {
		return given, nil
	}
	var r row
	if err := fields(&r); err == io.EOF {
		return nil, fmt.Errorf("the file is empty; at least a line of column names is needed")
	} else if err != nil {
		return nil, fmt.Errorf("line %d, which should hold the column names: %w", r.line, err)
	}
	if rej := checkUTF8(r.raw); rej != nil {
		return nil, fmt.Errorf("line %d, which should hold the column names: %w", r.line, rej)
	}
	if given != nil {
		if len(given) != len(r.cells) {
			return nil, fmt.Errorf("the mapping's columns: names %d columns, the header of the file %d", len(given), len(r.cells))
		}
		return given, nil
	}
	names := make([]string, len(r.cells))
	seen := map[string]int{}
	for i, c := range r.cells {
		names[i] = strings.TrimSpace(string(c.text))
		if names[i] == "" {
			return nil, fmt.Errorf("column %d has no name in the header (line %d); name them all with columns: [...] and header: true, or use skip_lines when the names stand further down", i+1, r.line)
		}
		if before, twice := seen[names[i]]; twice {
			return nil, fmt.Errorf("columns %d and %d are both called %q; name them all with columns: [...] and header: true", before+1, i+1, names[i])
		}
		seen[names[i]] = i
	}
	return names, nil
}

// checkFields counts the row and refuses what has the wrong number of fields or is not UTF-8.
func checkFields(row *row, err error, names []string, number *int64) error {
	if err != nil {
		if _, isReject := errors.AsType[*reject](err); !isReject {
			return err
		}
	}
	*number++
	row.number = *number
	if err != nil {
		return err
	}
	if rej := checkUTF8(row.raw); rej != nil {
		return rej
	}
	if got, want := len(row.cells), len(names); got != want {
		return rejectf("", "%d fields, but there are %d columns", got, want)
	}
	return nil
}
