package files

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
)

// readAll reads every row of a text: cells joined by |, ! and the reason for a reject.
func readAll(t testing.TB, format, mapping, text string) (string, error) {
	t.Helper()
	m, err := ParseMapping("m.yaml", []byte("source: s\nevent: A\nuserId: x\ntime: received\n"+mapping))
	if err != nil {
		t.Fatal(err)
	}
	b, err := newRowBuffer(strings.NewReader(text), m.skipLines)
	if err != nil {
		return "", err
	}
	var r rowReader
	switch format {
	case "blank":
		r, err = newBlankReader(b, m)
	case "ndjson":
		r, err = newNDJSONReader(b, m)
	default:
		r, err = newCSVReader(b, m, format)
	}
	if err != nil {
		return "", err
	}
	var out []string
	for {
		var row row
		err := r.read(&row)
		if err == io.EOF {
			return strings.Join(out, "\n"), nil
		}
		var rej *reject
		if errors.As(err, &rej) {
			out = append(out, fmt.Sprintf("%d!%s <%s>", row.line, rej.Error(), row.raw))
			continue
		}
		if err != nil {
			return "", err
		}
		var cells []string
		for _, c := range row.cells {
			s := string(c.text)
			if c.kind != textCell {
				s = fmt.Sprintf("%d:%s", c.kind, s)
			}
			cells = append(cells, s)
		}
		out = append(out, fmt.Sprintf("%d %s", row.line, strings.Join(cells, "|")))
	}
}

func TestReadText(t *testing.T) {
	long := strings.Repeat("x", maxRow+1)
	cases := []struct{ name, format, mapping, text, want string }{
		{"plain", "csv", "", "a,b\n1,2\n3,\n", "2 1|2\n3 3|"},
		{"CRLF, empty lines, no end", "csv", "", "a,b\r\n\r\n1,2\r\n\n3,4", "3 1|2\n5 3|4"},
		{"byte order mark", "csv", "", "\ufeffa,b\n1,2", "2 1|2"},
		{"quotes", "csv", "", "a,b\n\"1,\"\"x\"\"\",\"two\nlines\"\n,\"\"\n", "2 1,\"x\"|two\nlines\n4 |"},
		{"CRLF in quotes", "csv", "", "a,b\r\n1,\"two\r\nlines\"\r\n2,3\r\n", "2 1|two\nlines\n4 2|3"},
		{"a quote inside", "csv", "", "a,b\n5\" pipe,2\n", "2 5\" pipe|2"},
		{"text behind a quote", "csv", "", "a,b\n\"1\"x,2\n3,4\n", "2!text after the closing quote of field 1; a quote inside quotes is written twice <\"1\"x,2>\n3 3|4"},
		{"an open quote", "csv", "", "a,b\n\"1,2\n3,4\n", "2!the quote opened at byte 1 is not closed within 1048576 bytes; if quotes mean nothing in this file, say quote: none <\"1,2>\n3 3|4"},
		{"too many and too few", "csv", "", "a,b\n1,2,3\n1\n1,2\n", "2!3 fields, but there are 2 columns <1,2,3>\n3!1 fields, but there are 2 columns <1>\n4 1|2"},
		{"not UTF-8", "csv", "", "a,b\n1,caf\xe9\n3,4\n", "2!byte 6 of the row (0xe9) is not UTF-8; convert the file first, for example: iconv -f WINDOWS-1252 -t UTF-8 <1,caf\xe9>\n3 3|4"},
		{"too long", "csv", "", "a\n" + long + "\n2\n", "2!longer than 1048576 bytes, the most a row may have; is the format right? <" + long[:1000] + ">\n3 2"},
		{"other delimiter and quote", "csv", "delimiter: ;\nquote: \"'\"\n", "a;b\n'1;2';\"\n", "2 1;2|\""},
		{"no quotes", "tsv", "quote: none\n", "a\tb\n\"1\t2\"\n", "2 \"1|2\""},
		{"no header", "csv", "columns: [a, b]\n", "1,2\n", "1 1|2"},
		{"other names", "csv", "columns: [a, b]\nheader: true\n", "x,x\n1,2\n", "2 1|2"},
		{"lines to skip", "csv", "skip_lines: 2\n", "Report\nof today, with, commas\na,b\n1,2\n", "4 1|2"},
		{"blanks", "blank", "", "  a \t b\n\n 00001   2 \r\n3\n\t4 5", "3 00001|2\n4!1 fields, but there are 2 columns <3>\n5 4|5"},
		{"ndjson", "ndjson", "", "{\"a\":\"x\",\"b\":{\"c\":1.50,\"d\":[1, \"y\"]},\"e\":null}\n\n  {\"b\":{\"c\":true},\"f\":\"\\u00e9\"} \r\n",
			"1 x|2:1.50|4:[1,\"y\"]|0:\n3 0:|3:true|0:|é"},
		{"bad ndjson", "ndjson", "", "{\"a\":1}\n{\"a\":}\n[1]\n{\"a\":01}\n{\"a\":\"\\x\"}\n{\"a\":\"\xff\"}\n{\"a\":2}\n", ""},
		{"ndjson with names", "ndjson", "columns: [late]\n", "{\"a\":1}\n", "1 0:|2:1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := readAll(t, c.format, c.mapping, c.text)
			if err != nil {
				t.Fatal(err)
			}
			if c.name == "bad ndjson" {
				lines := strings.Split(got, "\n")
				if len(lines) != 7 || lines[0] != "1 2:1" || lines[6] != "7 2:2" || strings.Count(got, "!") != 5 {
					t.Errorf("rows\n%s", got)
				}
				return
			}
			if got != c.want {
				t.Errorf("rows\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestReadTextErrors(t *testing.T) {
	cases := []struct{ name, format, mapping, text, want string }{
		{"empty", "csv", "", "", "the file is empty"},
		{"nameless", "csv", "", "a,,b\n", "column 2 has no name in the header (line 1); name them all with columns: [...]"},
		{"a name twice", "csv", "", "a,b,a\n", `columns 1 and 3 are both called "a"`},
		{"columns of another file", "csv", "columns: [a]\nheader: true\n", "a,b\n", "names 1 columns, the header of the file 2"},
		{"UTF-16", "csv", "", "\xff\xfea\x00", "this is UTF-16, and only UTF-8 is read; convert it first: iconv"},
		{"a spreadsheet", "csv", "", "PK\x03\x04", "zip archive or a spreadsheet"},
		{"header not UTF-8", "csv", "", "caf\xe9\n", "line 1, which should hold the column names: byte 4"},
		{"delimiter is quote", "csv", "delimiter: '\"'\n", "a\n", "delimiter and quote are both"},
		{"a JSON array", "ndjson", "", " [{\"a\":1}]", "jq -c '.[]' FILE"},
		{"skipped away", "csv", "skip_lines: 5\n", "a\n1\n", "the file is empty"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := readAll(t, c.format, c.mapping, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

// FuzzCSV compares with encoding/csv on all that it takes without an error.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"1,2\n", "\"1\",\"a\"\"b\"\n", "\"a\nb\",c\r\n\r\nd,e", "\"", "\"a\"b,c\n1,2\n", ",\n", "a,\"b\r\nc\"\n", "a,b\r"} {
		f.Add(s)
	}
	m, err := ParseMapping("m.yaml", []byte("source: s\nevent: A\nuserId: x\ntime: received\ncolumns: [a, b]\n"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		reference := csv.NewReader(strings.NewReader(strings.TrimPrefix(s, "\ufeff")))
		reference.FieldsPerRecord = 2
		want, err := reference.ReadAll()
		if err != nil || !utf8.ValidString(s) {
			return
		}
		b, err := newRowBuffer(strings.NewReader(s), 0)
		if err != nil {
			return // another kind of file, by its first bytes
		}
		r, err := newCSVReader(b, m, "csv")
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			var row row
			err := r.read(&row)
			if err == io.EOF {
				if i != len(want) {
					t.Fatalf("%q: %d rows, encoding/csv reads %q", s, i, want)
				}
				return
			}
			if err != nil || i >= len(want) || string(row.cells[0].text) != want[i][0] || string(row.cells[1].text) != want[i][1] {
				t.Fatalf("%q: row %d is %q, %v; encoding/csv reads %q", s, i, row.cells, err, want)
			}
		}
	})
}

// FuzzRows: whatever a file holds, reading it ends, every row has as many cells as there are columns, and lines only grow.
func FuzzRows(f *testing.F) {
	f.Add("a b\n1 2\n", uint8(0))
	f.Add("{\"a\":{\"b\":[1,{}]}}\n{\"a\":\"\\ud800\"}\n", uint8(1))
	f.Add("a,b\n\"1\n\n,2\n", uint8(2))
	f.Fuzz(func(t *testing.T, s string, which uint8) {
		m, err := ParseMapping("m.yaml", []byte("source: s\nevent: A\nuserId: x\ntime: received\n"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := newRowBuffer(strings.NewReader(s), 0)
		if err != nil {
			return
		}
		var r rowReader
		switch which % 3 {
		case 0:
			r, err = newBlankReader(b, m)
		case 1:
			r, err = newNDJSONReader(b, m)
		case 2:
			r, err = newCSVReader(b, m, "csv")
		}
		if err != nil {
			return
		}
		p, err := m.bind("f", r)
		if err != nil {
			t.Fatal(err)
		}
		maker := newMessageMaker(p)
		line := int64(0)
		for rows := 0; ; rows++ {
			var row row
			err := r.read(&row)
			if err == io.EOF {
				return
			}
			if rows > len(s) || row.line <= line {
				t.Fatalf("row %d at line %d after line %d, of %d bytes", rows, row.line, line, len(s))
			}
			line = row.line
			if err != nil {
				continue
			}
			if len(row.cells) != len(r.columns()) {
				t.Fatalf("%d cells, %d columns", len(row.cells), len(r.columns()))
			}
			out, rej := maker.each(nil, &row, func(int) {})
			if rej == nil {
				decode(t, out)
			}
		}
	})
}

func TestPackedFilesGiveTheSameIDs(t *testing.T) {
	plain := idsOf(t, good, "a.csv", twoRows)
	var gz, zst bytes.Buffer
	g := gzip.NewWriter(&gz)
	z, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{g, z} {
		if _, err := io.WriteString(w, twoRows); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"a.csv.gz": gz.String(), "a.csv.zst": zst.String(), "named-wrongly.csv": zst.String()} {
		if ids := idsOf(t, good, name, text); !slices.Equal(ids, plain) {
			t.Errorf("%s gives %v, the plain file %v", name, ids, plain)
		}
	}
	cut := gz.String()[:gz.Len()-6]
	if _, _, err := convertText(t, good, "cut.csv.gz", cut); err == nil || !strings.Contains(err.Error(), "cut.csv.gz: unexpected EOF") {
		t.Errorf("a file that was cut off: %v", err)
	}
	if _, _, err := convertText(t, good, "f.txt", twoRows); err == nil || !strings.Contains(err.Error(), "the name f.txt does not say what the file is; add `format:`") {
		t.Errorf("a file of no known kind: %v", err)
	}
}

// order is a row of the Parquet file of the test below.
type order struct {
	ID     [16]byte  `parquet:"id,uuid"`
	At     time.Time `parquet:"at,timestamp(microsecond)"`
	Day    int32     `parquet:"day,date"`
	Amount int64     `parquet:"amount,decimal(2:18)"`
	Items  uint32    `parquet:"items"`
	Rate   float64   `parquet:"rate"`
	Paid   bool      `parquet:"paid"`
	Note   *string   `parquet:"note,optional"`
	Tags   []string  `parquet:"tags,list"`
	Person struct {
		Name string `parquet:"name"`
	} `parquet:"person"`
	Bytes []byte `parquet:"bytes"`
}

func TestReadParquet(t *testing.T) {
	note := "he said \"no\""
	o := order{ID: [16]byte{0x12, 15: 0xff}, At: time.Date(2020, 1, 2, 3, 4, 5, 678_901_000, time.UTC), Day: 18263, Amount: -1205, Items: 4_000_000_000,
		Rate: 0.25, Paid: true, Note: &note, Tags: []string{"a", "b\n"}, Bytes: []byte{0xff, 0}}
	o.Person.Name = "Ada"
	rows := make([]order, 300)
	for i := range rows {
		rows[i] = o
		rows[i].Items = uint32(i)
	}
	rows[1].Note, rows[1].Tags = nil, nil
	path := filepath.Join(t.TempDir(), "orders.parquet")
	if err := parquet.WriteFile(path, rows, parquet.MaxRowsPerRowGroup(128)); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mapping := "source: p\nevent: A\nuserId: '{person.name}'\ntime: {column: at}\nproperties: {value: {column: amount, type: decimal}}\n"
	all, rejected, err := convertText(t, mapping, "orders.parquet", string(file))
	if err != nil || len(rejected) > 0 || len(all) != 300 {
		t.Fatalf("%d messages, rejected %v, %v", len(all), rejected, err)
	}
	want := `{"bytes":"ff00","day":"2020-01-02","id":"12000000-0000-0000-0000-0000000000ff","items":0,"note":"he said \"no\"","paid":true,"rate":0.25,"tags":["a","b\n"],"value":-12.05}`
	if got := toJSON(all[0].Properties); got != want || all[0].UserID != "Ada" || all[0].Timestamp != "2020-01-02T03:04:05.678Z" {
		t.Errorf("first row %+v\nproperties %s\nwant       %s", all[0], got, want)
	}
	if p := all[1].Properties; p["note"] != nil || p["tags"] != nil || fmt.Sprint(all[299].Properties["items"]) != "299" {
		t.Errorf("second row %+v, last %+v", p, all[299].Properties)
	}
	for _, at := range []int{len(file) / 3, len(file) / 2, len(file) - 20} { // damaged: an error, or other values, never a panic
		broken := slices.Clone(file)
		for i := range 16 {
			broken[at+i] ^= 0x5a
		}
		_, _, _ = convertText(t, mapping, "broken.parquet", string(broken))
	}
	if _, _, err := convertText(t, mapping, "no.parquet", "a,b\n"); err == nil || !strings.Contains(err.Error(), "open Parquet") {
		t.Errorf("a Parquet file that is none: %v", err)
	}
}
