package files

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/valyala/fastjson"
)

const (
	sampleRows = 1000    // lines of NDJSON whose keys are the columns a mapping may name
	maxColumns = 10_000  // different keys in one file
	sampleSize = 1 << 20 // bytes of the sample at most
)

// ndjsonReader reads one JSON object a line. Columns are the keys, those of nested objects joined by dots; an array is one
// cell of JSON. The names known from the start are those of the first lines and of the mapping's columns:.
type ndjsonReader struct {
	in     *rowBuffer
	parser fastjson.Parser
	names  []string
	index  map[string]int
	number int64
	cells  []cell
	text   []byte // of the cells
	ends   []int  // where in text each cell lies: cells[i] is text[ends[2i]:ends[2i+1]]
	path   []byte // of the key in hand
}

func newNDJSONReader(in *rowBuffer, m *Mapping) (*ndjsonReader, error) {
	r := &ndjsonReader{in: in, index: map[string]int{}}
	for _, n := range m.names {
		r.column([]byte(n.text))
	}
	at := 0
	for rows := 0; rows < sampleRows && at < sampleSize; rows++ {
		end, next, err := in.lineEnd(at)
		if err == io.EOF || err == errRowTooLong {
			break
		}
		if err != nil {
			return nil, err
		}
		if line := in.bytes(at, end); rows == 0 && bytes.HasPrefix(bytes.TrimSpace(line), []byte("[")) {
			return nil, fmt.Errorf("this is a JSON array, and one object a line is read; convert it first: jq -c '.[]' FILE")
		}
		_ = r.object(in.bytes(at, end)) // what is wrong with it is said when it is read
		at = next
	}
	if at == 0 {
		return nil, fmt.Errorf("the file is empty")
	}
	return r, nil
}

func (r *ndjsonReader) columns() []string { return r.names }

func (r *ndjsonReader) read(row *row) error {
	for {
		end, next, err := r.in.lineEnd(0)
		if err == errRowTooLong {
			r.number++
			row.number = r.number
			return r.in.tooLong(row)
		}
		if err != nil {
			return err
		}
		line := bytes.TrimSpace(r.in.bytes(0, end))
		row.line, row.raw, row.whole = r.in.line, line, line
		r.in.advance(next, 1)
		if len(line) == 0 {
			continue
		}
		r.number++
		row.number = r.number
		if rej := checkUTF8(line); rej != nil {
			return rej
		}
		if rej := r.object(line); rej != nil {
			return rej
		}
		row.cells = r.cells
		return nil
	}
}

// object reads a line into cells.
func (r *ndjsonReader) object(line []byte) *reject {
	v, err := r.parser.ParseBytes(line)
	if err != nil {
		return rejectf("", "is not JSON: %v", err)
	}
	if err := fastjson.ValidateBytes(line); err != nil { // the parser is lenient about escapes and numbers
		return rejectf("", "is not JSON: %v", err)
	}
	o, err := v.Object()
	if err != nil {
		return rejectf("", "is %s, not an object", v.Type())
	}
	r.text = r.text[:0]
	clear(r.cells)
	r.path = r.path[:0]
	if rej := r.members(o, 0); rej != nil {
		return rej
	}
	for i := range r.cells { // text has stopped moving
		if c := &r.cells[i]; c.kind != noValue {
			c.text = r.text[r.ends[2*i]:r.ends[2*i+1]]
		}
	}
	return nil
}

// members reads the keys of an object whose own path is the first prefix bytes of path.
func (r *ndjsonReader) members(o *fastjson.Object, prefix int) (rej *reject) {
	o.Visit(func(key []byte, v *fastjson.Value) {
		if rej != nil || v.Type() == fastjson.TypeNull {
			return
		}
		r.path = append(r.path[:prefix], key...)
		if v.Type() == fastjson.TypeObject {
			r.path = append(r.path, '.')
			if len(r.path) > 4096 {
				rej = rejectf("", "keys are nested too deep")
				return
			}
			rej = r.members(v.GetObject(), len(r.path))
			return
		}
		i := r.column(r.path)
		if i < 0 {
			rej = rejectf(clip(r.path), "is one of more than %d different keys in this file", maxColumns)
			return
		}
		from := len(r.text)
		kind := textCell
		switch v.Type() {
		case fastjson.TypeString:
			r.text = append(r.text, v.GetStringBytes()...)
		case fastjson.TypeNumber:
			kind = numberCell
			r.text = v.MarshalTo(r.text)
		case fastjson.TypeTrue, fastjson.TypeFalse:
			kind = boolCell
			r.text = v.MarshalTo(r.text)
		default:
			kind = jsonCell
			r.text = v.MarshalTo(r.text)
		}
		r.cells[i].kind = kind
		r.ends[2*i], r.ends[2*i+1] = from, len(r.text)
	})
	return rej
}

// column returns the number of a column, a new one if need be, or -1 when there are too many.
func (r *ndjsonReader) column(name []byte) int {
	if i, ok := r.index[string(name)]; ok {
		return i
	}
	i := len(r.names)
	if i == maxColumns {
		return -1
	}
	r.names = append(r.names, string(name))
	r.index[r.names[i]] = i
	r.cells = append(r.cells, cell{})
	r.ends = slices.Grow(r.ends, 2)[:len(r.ends)+2]
	return i
}
