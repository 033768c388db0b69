package embedded_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/klauspost/compress/zstd"

	"github.com/livello/livello/warehouse/embedded"
)

func TestInsertForms(t *testing.T) {
	base := owner(t)
	mustRun(t, "CREATE DATABASE IF NOT EXISTS ins", "CREATE TABLE ins.t (a UInt64, s String DEFAULT 'd') ENGINE = MergeTree ORDER BY a")
	t.Cleanup(func() { mustRun(t, "DROP DATABASE ins SYNC") })
	const native = "\x02\x02\x01a\x06UInt64" + "\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00" + "\x01s\x06String\x01x\x01y"
	for name, c := range map[string]struct {
		query, body string
		args        []string
		want        string
	}{
		"VALUES in the body":        {"", "INSERT INTO ins.t VALUES (1, 'x'), (2, 'y')", nil, "1x2y"},
		"VALUES after the query":    {"INSERT INTO ins.t (a, s) VALUES", "(1, 'x'), (2, 'y');", nil, "1x2y"},
		"VALUES with parameters":    {"", "INSERT INTO ins.t VALUES ({a:UInt64}, {s:String})", []string{"param_a=1", "param_s=x\\'y"}, "1x'y"},
		"VALUES with expressions":   {"", "INSERT INTO ins.t VALUES (1 + 1, upper('q'))", nil, "2Q"},
		"nothing after VALUES":      {"INSERT INTO ins.t VALUES", "", nil, ""},
		"JSONEachRow in the body":   {"", "INSERT INTO ins.t FORMAT JSONEachRow\n{\"a\":1}\n{\"a\":2,\"s\":\"z\"}\n", nil, "1d2z"},
		"JSONEachRow on one line":   {"", "INSERT INTO ins.t FORMAT JSONEachRow {\"a\":1}", nil, "1d"},
		"CSV after the query":       {"INSERT INTO ins.t FORMAT CSV", "1,x\n2,y\n", nil, "1x2y"},
		"CSV that looks like SQL":   {"INSERT INTO ins.t FORMAT CSV", "1,\"; DROP TABLE ins.t; --\"\n", nil, "1; DROP TABLE ins.t; --"},
		"CSV with SETTINGS":         {"INSERT INTO ins.t SETTINGS format_csv_delimiter = ';', insert_deduplication_token = 'x' FORMAT CSV", "1;x", nil, "1x"},
		"settings as parameters":    {"INSERT INTO ins.t FORMAT CSV", "1|x", []string{"format_csv_delimiter=|"}, "1x"},
		"Native":                    {"INSERT INTO ins.t (a, s) FORMAT Native", native, nil, "1x2y"},
		"Native in the body":        {"", "INSERT INTO ins.t FORMAT Native\n" + native, nil, "1x2y"},
		"Native, more blocks":       {"INSERT INTO ins.t FORMAT Native", native + native, nil, "1x1x2y2y"},
		"SELECT":                    {"", "INSERT INTO ins.t SELECT number, toString(number) FROM numbers(3)", nil, "001122"},
		"SELECT in brackets":        {"", "INSERT INTO ins.t (a) (SELECT 7)", nil, "7d"},
		"WITH before INSERT":        {"", "WITH x AS (SELECT 8 AS a) INSERT INTO ins.t (a) SELECT a FROM x", nil, "8d"},
		"database as parameter":     {"INSERT INTO t FORMAT TSV", "1\tx\n", []string{"database=ins"}, "1x"},
		"a comment before the data": {"", "/* FORMAT CSV */ INSERT INTO ins.t -- VALUES\n FORMAT CSV\n5,x\n", nil, "5x"},
	} {
		t.Run(name, func(t *testing.T) {
			mustRun(t, "TRUNCATE TABLE ins.t SYNC")
			args := c.args
			if c.query != "" {
				args = append(args, "query="+c.query)
			}
			r := send(t, base, c.body, args...)
			if r.status != http.StatusOK || r.body != "" {
				t.Fatalf("%d %s", r.status, r.body)
			}
			got := send(t, base, "SELECT arrayStringConcat(arrayMap(x -> x.1 || x.2, arraySort(groupArray((toString(a), s)))), '') FROM ins.t FORMAT TSVRaw")
			if strings.TrimSuffix(got.body, "\n") != c.want {
				t.Errorf("stored %q, want %q", got.body, c.want)
			}
		})
	}
}

func TestInsertErrors(t *testing.T) {
	base := owner(t)
	mustRun(t, "CREATE DATABASE IF NOT EXISTS inserr", "CREATE TABLE inserr.t (a UInt64) ENGINE = MergeTree ORDER BY a")
	t.Cleanup(func() { mustRun(t, "DROP DATABASE inserr SYNC") })
	for query, code := range map[string]string{
		"INSERT INTO inserr.nothing FORMAT CSV":                "60",
		"INSERT INTO inserr.t (b) FORMAT CSV":                  "16",
		"INSERT INTO inserr.t FORMAT Nonsense":                 "73",
		"INSERT INTO inserr.t":                                 "62",
		"INSERT INTO inserr.t FORMAT":                          "62",
		"INSERT INTO inserr.t FROM INFILE 'x' FORMAT CSV":      "48",
		"INSERT INTO inserr.t SETTINGS no_such = 1 FORMAT CSV": "115",
	} {
		if r := send(t, base, "1\n", "query="+query); r.header.Get("X-ClickHouse-Exception-Code") != code {
			t.Errorf("%s: %d %s, want code %s", query, r.status, r.body, code)
		}
	}
	// An error in the middle of much data ends the request and does not hang on what is still to be read.
	data := strings.Repeat("1\n", 5_000_000) + "x\n" + strings.Repeat("1\n", 1_000_000)
	if r := send(t, base, data, "query=INSERT INTO inserr.t FORMAT CSV"); r.status == http.StatusOK {
		t.Errorf("bad data was accepted")
	}
}

// A broken request must not commit what came before the break.
func TestInsertThatBreaksOff(t *testing.T) {
	base := owner(t)
	mustRun(t, "CREATE DATABASE IF NOT EXISTS brk", "CREATE TABLE brk.t (a UInt64) ENGINE = MergeTree ORDER BY a")
	t.Cleanup(func() { mustRun(t, "DROP DATABASE brk SYNC") })
	body, w := io.Pipe()
	go func() {
		fmt.Fprint(w, "1\n2\n3\n")
		w.CloseWithError(fmt.Errorf("the client died"))
	}()
	r, err := http.NewRequest(http.MethodPost, withArgs(base, "query=INSERT INTO brk.t FORMAT CSV"), body)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := http.DefaultClient.Do(r); err == nil {
		res.Body.Close()
		t.Fatalf("status %d for a request that broke off", res.StatusCode)
	}
	if got := send(t, base, "SELECT count() FROM brk.t"); got.body != "0\n" {
		t.Errorf("stored %s", got.body)
	}
}

func TestCompression(t *testing.T) {
	base := owner(t)
	mustRun(t, "CREATE DATABASE IF NOT EXISTS comp", "CREATE TABLE comp.t (a UInt64) ENGINE = MergeTree ORDER BY a")
	t.Cleanup(func() { mustRun(t, "DROP DATABASE comp SYNC") })

	plain := []byte("1\n2\n3\n")
	var gz bytes.Buffer
	zw := gzip.NewWriter(&gz)
	zw.Write(plain)
	zw.Close()
	zs, _ := zstd.NewWriter(nil)
	block := compress.NewWriter(0, compress.LZ4)
	if err := block.Compress(plain); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body     []byte
		encoding string
		args     []string
	}{
		"gzip": {gz.Bytes(), "gzip", nil}, "zstd": {zs.EncodeAll(plain, nil), "zstd", nil}, "ClickHouse's own": {block.Data, "", []string{"decompress=1"}},
	} {
		mustRun(t, "TRUNCATE TABLE comp.t SYNC")
		r, _ := http.NewRequest(http.MethodPost, withArgs(base, append(c.args, "query=INSERT INTO comp.t FORMAT CSV")...), bytes.NewReader(c.body))
		r.Header.Set("Content-Encoding", c.encoding)
		if got := do(t, r); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		if got := send(t, base, "SELECT sum(a) FROM comp.t"); got.body != "6\n" {
			t.Errorf("%s: stored %s", name, got.body)
		}
	}
	r, _ := http.NewRequest(http.MethodPost, withArgs(base, "query=INSERT INTO comp.t FORMAT CSV"), bytes.NewReader(plain))
	r.Header.Set("Content-Encoding", "lzma")
	if got := do(t, r); got.status != http.StatusUnsupportedMediaType {
		t.Errorf("unknown encoding: %d %s", got.status, got.body)
	}

	want := send(t, base, "SELECT number FROM numbers(200000)").body
	for _, encoding := range []string{"gzip", "zstd"} {
		r, _ := http.NewRequest(http.MethodPost, withArgs(base, "enable_http_compression=1"), strings.NewReader("SELECT number FROM numbers(200000)"))
		r.Header.Set("Accept-Encoding", "identity;q=0.1, "+encoding)
		got := do(t, r)
		if got.header.Get("Content-Encoding") != encoding {
			t.Fatalf("%s: Content-Encoding %q", encoding, got.header.Get("Content-Encoding"))
		}
		var in io.Reader
		if encoding == "gzip" {
			in, _ = gzip.NewReader(strings.NewReader(got.body))
		} else {
			in, _ = zstd.NewReader(strings.NewReader(got.body))
		}
		out, err := io.ReadAll(in)
		if err != nil || string(out) != want {
			t.Errorf("%s: %d bytes, %v, want %d", encoding, len(out), err, len(want))
		}
	}
	got := send(t, base, "SELECT number FROM numbers(200000)", "compress=1")
	out, err := io.ReadAll(compress.NewReader(strings.NewReader(got.body)))
	if (err != nil && !errors.Is(err, io.EOF)) || string(out) != want {
		t.Errorf("compress=1: %d bytes, %v, want %d", len(out), err, len(want))
	}
}

// BenchmarkInsertNative streams blocks of 1,000 rows, 100,000 rows an insert, into a table that keeps nothing: what the way
// into the engine costs.
func BenchmarkInsertNative(b *testing.B) {
	base := owner(b)
	mustRun(b, "CREATE DATABASE IF NOT EXISTS bench", "CREATE TABLE bench.t (a UInt64, s String) ENGINE = Null")
	b.Cleanup(func() { mustRun(b, "DROP DATABASE bench SYNC") })
	block := send(b, base, "SELECT number AS a, repeat('x', 100) AS s FROM numbers(1000) FORMAT Native").body
	segment := strings.Repeat(block, 100)
	client := &http.Client{Transport: embedded.Transport{Handler: openEngine(b).Handler()}}
	b.SetBytes(int64(len(segment)))
	b.ReportAllocs()
	for b.Loop() {
		res, err := client.Post(withArgs("http://engine", "query=INSERT INTO bench.t FORMAT Native"), "", strings.NewReader(segment))
		if err != nil || res.StatusCode != http.StatusOK {
			b.Fatal(res, err)
		}
		res.Body.Close()
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkSelectOneInProcess(b *testing.B) {
	client := &http.Client{Transport: embedded.Transport{Handler: openEngine(b).Handler()}}
	b.ReportAllocs()
	for b.Loop() {
		res, err := client.Post("http://engine/", "", strings.NewReader("SELECT 1"))
		if err != nil || res.StatusCode != http.StatusOK {
			b.Fatal(res, err)
		}
		res.Body.Close()
	}
}
