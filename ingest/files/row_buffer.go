package files

import (
	"bytes"
	"errors"
	"io"
)

// maxRow bounds one row of a text file, so that a quote that is never closed does not read the whole file into memory.
const maxRow = 1 << 20

// rowBuffer holds the text from the start of the current row on. Offsets are relative to that start, and what bytes returns
// is valid until the buffer reads more.
type rowBuffer struct {
	in         io.Reader
	buf        []byte
	start, end int // what is held
	err        error
	line       int64 // of start, from 1
}

var errRowTooLong = errors.New("row too long")

// newRowBuffer begins behind a byte order mark and the lines to skip.
func newRowBuffer(in io.Reader, skipLines int) (*rowBuffer, error) {
	b := &rowBuffer{in: in, buf: make([]byte, 256<<10), line: 1}
	for b.end < 4 && b.fill() {
	}
	head := b.buf[:b.end]
	switch {
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		b.start = 3
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return nil, errors.New("this is UTF-16, and only UTF-8 is read; convert it first: iconv -f UTF-16 -t UTF-8 FILE")
	case bytes.HasPrefix(head, []byte("PAR1")):
		return nil, errors.New("this is a Parquet file; say format: parquet")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, errors.New("this is a zip archive or a spreadsheet; unpack it, or save the sheet as CSV")
	}
	for range skipLines {
		if err := b.skipLine(); err != nil {
			if err == io.EOF {
				break
			}
			return nil, err
		}
	}
	return b, nil
}

// fill reads more and says whether there may be more to come. It moves what is held to the front, and grows the buffer
// when that is all of it.
func (b *rowBuffer) fill() bool {
	if b.err != nil {
		return false
	}
	if b.start > 0 {
		b.end = copy(b.buf, b.buf[b.start:b.end])
		b.start = 0
	}
	if b.end == len(b.buf) {
		b.buf = append(b.buf, make([]byte, len(b.buf))...)
	}
	n, err := b.in.Read(b.buf[b.end:])
	b.end += n
	b.err = err
	return true
}

// lineEnd finds the end of the line that begins at offset from: where its text ends, and where the next line begins.
// The last line may lack a line end. It returns io.EOF when nothing is there, and errRowTooLong past maxRow.
func (b *rowBuffer) lineEnd(from int) (end, next int, err error) {
	for at := from; ; {
		if i := bytes.IndexByte(b.buf[b.start+at:b.end], '\n'); i >= 0 {
			end, next = at+i, at+i+1
			break
		}
		at = b.end - b.start
		if at > maxRow {
			return 0, 0, errRowTooLong
		}
		if b.fill() {
			continue
		}
		if b.err != io.EOF {
			return 0, 0, b.err
		}
		if at == from {
			return 0, 0, io.EOF
		}
		end, next = at, at
		break
	}
	if end > maxRow {
		return 0, 0, errRowTooLong
	}
	if end > from && b.buf[b.start+end-1] == '\r' {
		end--
	}
	return end, next, nil
}

// bytes returns what is held between two offsets.
func (b *rowBuffer) bytes(from, to int) []byte { return b.buf[b.start+from : b.start+to] }

// advance makes offset n, behind some lines, the start of the current row.
func (b *rowBuffer) advance(n, lines int) {
	b.start += n
	b.line += int64(lines)
}

// skipLine drops the rest of the current line, however long it is.
func (b *rowBuffer) skipLine() error {
	for {
		if i := bytes.IndexByte(b.buf[b.start:b.end], '\n'); i >= 0 {
			b.advance(i+1, 1)
			return nil
		}
		b.start = b.end
		if !b.fill() {
			return b.err
		}
	}
}

// tooLong rejects the current line, which has no end within maxRow, and goes behind it.
func (b *rowBuffer) tooLong(r *row) error {
	r.line = b.line
	r.raw = append(r.raw[:0:0], b.bytes(0, min(1000, b.end-b.start))...)
	if err := b.skipLine(); err != nil && err != io.EOF {
		return err
	}
	return rejectf("", "longer than %d bytes, the most a row may have; is the format right?", maxRow)
}
