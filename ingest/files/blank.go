package files

// blankReader reads columns that are separated by any number of blanks and tabs, as statistics packages print them. There
// are no quotes and no empty cells.
type blankReader struct {
	in     *rowBuffer
	names  []string
	number int64
	cells  []cell
}

func newBlankReader(in *rowBuffer, m *Mapping) (*blankReader, error) {
	r := &blankReader{in: in}
	names, err := readHeader(m, r.fields)
	r.names = names
	return r, err
}

func (r *blankReader) columns() []string { return r.names }

func (r *blankReader) read(row *row) error {
	err := r.fields(row)
	return checkFields(row, err, r.names, &r.number)
}

// fields reads the next line that has something on it.
func (r *blankReader) fields(row *row) error {
	for {
		end, next, err := r.in.lineEnd(0)
		if err == errRowTooLong {
			return r.in.tooLong(row)
		}
		if err != nil {
			return err
		}
		line := r.in.bytes(0, end)
		row.line, row.raw = r.in.line, line
		r.in.advance(next, 1)
		r.cells = r.cells[:0]
		for i := 0; i < len(line); {
			if isBlank(line[i]) {
				i++
				continue
			}
			from := i
			for i < len(line) && !isBlank(line[i]) {
				i++
			}
			r.cells = append(r.cells, cell{textCell, line[from:i]})
		}
		if len(r.cells) > 0 {
			row.cells = r.cells
			return nil
		}
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
