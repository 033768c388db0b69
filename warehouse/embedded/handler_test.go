package embedded_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestFormats(t *testing.T) {
	base := owner(t)
	const query = "SELECT number AS n, 'x' AS s FROM numbers(3)"
	for format, want := range map[string]struct{ body, media string }{
		"TabSeparated":               {"0\tx\n1\tx\n2\tx\n", "text/tab-separated-values"},
		"CSVWithNames":               {"\"n\",\"s\"\n0,\"x\"\n1,\"x\"\n2,\"x\"\n", "text/csv"},
		"JSONCompactEachRow":         {"[0, \"x\"]\n[1, \"x\"]\n[2, \"x\"]\n", "application/x-ndjson"},
		"RowBinaryWithNamesAndTypes": {"\x02\x01n\x01s\x06UInt64\x06String" + "\x00\x00\x00\x00\x00\x00\x00\x00\x01x" + "\x01\x00\x00\x00\x00\x00\x00\x00\x01x" + "\x02\x00\x00\x00\x00\x00\x00\x00\x01x", "application/octet-stream"},
		"Native":                     {"\x02\x03\x01n\x06UInt64" + "\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00" + "\x01s\x06String\x01x\x01x\x01x", "application/octet-stream"},
	} {
		t.Run(format, func(t *testing.T) {
			for name, r := range map[string]reply{
				"clause":    send(t, base, query+" FORMAT "+format),
				"parameter": send(t, base, query, "default_format="+format),
				"settings":  send(t, base, query+" FORMAT "+format+" SETTINGS max_threads = 1"),
				"comment":   send(t, base, query+" /* FORMAT Null */ FORMAT "+format+" ; -- FORMAT Null"),
			} {
				if r.status != http.StatusOK || r.body != want.body || r.err != nil {
					t.Errorf("%s: %d %q (%v), want %q", name, r.status, r.body, r.err, want.body)
				}
				if got := r.header.Get("X-ClickHouse-Format"); got != format {
					t.Errorf("%s: X-ClickHouse-Format %q", name, got)
				}
				if got := r.header.Get("Content-Type"); !strings.HasPrefix(got, want.media) {
					t.Errorf("%s: Content-Type %q, want %q", name, got, want.media)
				}
			}
		})
	}
}

// A JSON document of several blocks must be one document, with totals and the row count at its end.
func TestJSONIsOneDocument(t *testing.T) {
	r := send(t, owner(t), "SELECT number % 3 AS k, count() AS n FROM numbers(300000) GROUP BY k WITH TOTALS ORDER BY k FORMAT JSON", "max_block_size=1000")
	var doc struct {
		Data       []map[string]any
		Totals     map[string]any
		Rows       int
		Statistics struct {
			RowsRead int `json:"rows_read"`
		}
	}
	if err := json.Unmarshal([]byte(r.body), &doc); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
	if doc.Rows != 3 || len(doc.Data) != 3 || doc.Totals["n"] != 300000.0 || doc.Statistics.RowsRead != 300000 {
		t.Fatalf("got %+v", doc)
	}
}

func TestWaysToSendAStatement(t *testing.T) {
	base := owner(t)
	get := func(args ...string) reply {
		r, err := http.NewRequest(http.MethodGet, withArgs(base, args...), nil)
		if err != nil {
			t.Fatal(err)
		}
		return do(t, r)
	}
	for name, r := range map[string]reply{
		"GET":                  get("query=SELECT 1"),
		"POST parameter":       send(t, base, "", "query=SELECT 1"),
		"POST body":            send(t, base, "SELECT 1"),
		"POST both":            send(t, base, "+ 0", "query=SELECT 1"),
		"semicolon":            send(t, base, " SELECT 1 ; "),
		"comment at the end":   send(t, base, "SELECT 1 -- one"),
		"brackets":             send(t, base, "(SELECT 1)"),
		"WITH":                 send(t, base, "WITH 1 AS x SELECT x"),
		"FROM first":           send(t, base, "FROM numbers(1) SELECT number + 1"),
		"a column named into":  send(t, base, "SELECT into FROM (SELECT 1 AS into)"),
		"ORDER BY format DESC": send(t, base, "SELECT format FROM (SELECT 1 AS format) ORDER BY format DESC"),
		"a column format x":    send(t, base, "SELECT format x FROM (SELECT 1 AS format)"),
		"parameters":           send(t, base, "SELECT {a:UInt8} - {b:UInt8}", "param_a=3", "param_b=2"),
		"SHOW":                 send(t, base, "SELECT 1 FROM (SELECT 1) FORMAT TSV"),
	} {
		if r.status != http.StatusOK || r.body != "1\n" {
			t.Errorf("%s: %d %q", name, r.status, r.body)
		}
	}
	if r := get(); r.body != "Ok.\n" {
		t.Errorf("GET /: %q", r.body)
	}
	r, _ := http.NewRequest(http.MethodGet, base+"/ping", nil)
	if got := do(t, r); got.body != "Ok.\n" {
		t.Errorf("GET /ping: %q", got.body)
	}
	// As on a server, GET is for reading.
	if r := get("query=CREATE DATABASE by_get"); r.status == http.StatusOK {
		t.Errorf("CREATE by GET: %d %s", r.status, r.body)
	}
}

func TestParametersKeepTheirBytes(t *testing.T) {
	for _, value := range []string{"", "it's", "a\\tb", "ü€😀", "{x:String}", "'; DROP TABLE t; --", "\\N", "100%"} {
		r := send(t, owner(t), "SELECT {v:String} FORMAT RowBinary", "param_v="+strings.ReplaceAll(value, `\`, `\\`))
		if want := string(rune(len(value))) + value; r.body != want {
			t.Errorf("%q: got %q", value, r.body)
		}
	}
}

func TestSettings(t *testing.T) {
	base := owner(t)
	if r := send(t, base, "SELECT getSetting('max_block_size'), getSetting('max_threads')", "max_block_size=7", "max_threads=1"); r.body != "7\t1\n" {
		t.Errorf("settings as parameters: %q", r.body)
	}
	if r := send(t, base, "SELECT getSetting('max_threads')", "max_threads=x"); r.status != http.StatusBadRequest {
		t.Errorf("bad value: %d %s", r.status, r.body)
	}
	r := send(t, base, "SELECT 1", "no_such_setting=1")
	if r.status != http.StatusNotFound || !strings.HasPrefix(r.body, "Code: 115. DB::Exception: ") || !strings.Contains(r.body, "no_such_setting") {
		t.Errorf("unknown setting: %d %s", r.status, r.body)
	}
	if r := send(t, base, "SELECT timezone(), serverTimezone(), toString(toDateTime(0))"); r.body != "UTC\tUTC\t1970-01-01 00:00:00\n" {
		t.Errorf("time zone: %q", r.body)
	}
	if r := send(t, base, "SELECT currentDatabase()", "database=system"); r.body != "system\n" {
		t.Errorf("database: %q", r.body)
	}
}

func TestErrorsHaveClickHousesCodeAndStatus(t *testing.T) {
	base := owner(t)
	for _, c := range []struct {
		sql          string
		code, status int
		args         []string
	}{
		{"SELEC 1", 62, 400, nil},
		{"SELECT 1 +", 62, 400, nil},
		{"", 62, 400, nil},
		{"SELECT 1; SELECT 2", 62, 400, nil},
		{"SELECT * FROM nowhere", 60, 404, nil},
		{"SELECT nothing FROM numbers(1)", 47, 404, nil},
		{"SELECT 1 FORMAT Bogus", 73, 404, nil},
		{"SELECT 1", 73, 404, []string{"default_format=Bogus"}},
		{"SELECT 1", 81, 404, []string{"database=nowhere"}},
		{"SELECT toUInt8('x')", 6, 400, nil},
		{"SELECT throwIf(1, 'boom')", 395, 500, nil},
		{"SELECT {x:UInt8}", 456, 500, nil},
		{"SELECT {x:UInt8}", 457, 500, []string{"param_x=y"}},
		{"SELECT sum(number) FROM numbers(100000000000)", 159, 408, []string{"max_execution_time=0.2"}},
		{"SELECT groupArray(number) FROM numbers(100000000)", 241, 500, []string{"max_memory_usage=10000000"}},
		{"SELECT 1 INTO OUTFILE '/tmp/livello-must-not-exist'", 358, 500, nil},
		{"CREATE TABLE nowhere.t (a Int8) ENGINE = Memory", 81, 404, nil},
		{"INSERT INTO nowhere.t VALUES (1)", 81, 404, nil},
		{"INSERT INTO FUNCTION null('a Int8') FORMAT Bogus 1", 73, 404, nil},
		{"INSERT INTO FUNCTION null('a Int8') FORMAT CSV x", 117, 400, nil},
	} {
		r := send(t, base, c.sql, c.args...)
		if r.status != c.status || r.header.Get("X-ClickHouse-Exception-Code") != strconv.Itoa(c.code) ||
			!strings.HasPrefix(r.body, "Code: "+strconv.Itoa(c.code)+". DB::Exception: ") || !strings.HasSuffix(r.body, "(version "+openEngine(t).Version()+")\n") {
			t.Errorf("%s %v: %d, code %s: %s\nwant %d, code %d", c.sql, c.args, r.status, r.header.Get("X-ClickHouse-Exception-Code"), r.body, c.status, c.code)
		}
		if strings.Count(r.body, "DB::Exception") != 1 {
			t.Errorf("%s: the message repeats itself: %s", c.sql, r.body)
		}
		if strings.Contains(r.body, "/proc/self/fd") {
			t.Errorf("%s: the message shows how results are read: %s", c.sql, r.body)
		}
	}
}

// An error after part of the result was sent must be seen: by the framed exception, and by the broken connection.
func TestErrorInTheMiddleOfAResult(t *testing.T) {
	r := send(t, owner(t), "SELECT throwIf(number = 3000000, 'too far') FROM numbers(10000000) FORMAT CSV", "max_threads=1")
	if r.status != http.StatusOK || r.err == nil {
		t.Fatalf("status %d, error %v: want 200 and a broken body", r.status, r.err)
	}
	tag := r.header.Get("X-ClickHouse-Exception-Tag")
	_, frame, ok := strings.Cut(r.body, "\r\n__exception__\r\n"+tag+"\r\n")
	if !ok || !strings.HasPrefix(frame, "Code: 395. DB::Exception: too far") || !strings.HasSuffix(frame, tag+"\r\n__exception__\r\n") {
		t.Fatalf("body ends with %q", r.body[max(0, len(r.body)-400):])
	}
	// With wait_end_of_query the same error has a status of its own.
	r = send(t, owner(t), "SELECT throwIf(number = 3000000, 'too far') FROM numbers(10000000) FORMAT CSV", "wait_end_of_query=1")
	if r.status != http.StatusInternalServerError || !strings.HasPrefix(r.body, "Code: 395.") {
		t.Fatalf("wait_end_of_query: %d %.200s", r.status, r.body)
	}
}

func TestHeaders(t *testing.T) {
	r := send(t, owner(t), "SELECT number FROM numbers(10)", "query_id=abc")
	var summary map[string]string
	if err := json.Unmarshal([]byte(r.header.Get("X-ClickHouse-Summary")), &summary); err != nil || summary["result_rows"] != "10" || summary["read_rows"] != "10" {
		t.Errorf("summary %s (%v)", r.header.Get("X-ClickHouse-Summary"), err)
	}
	for name, want := range map[string]string{"X-ClickHouse-Query-Id": "abc", "X-ClickHouse-Timezone": "UTC", "X-ClickHouse-Server-Display-Name": "livello"} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
