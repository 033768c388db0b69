package embedded

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"testing"
)

func TestAnalyze(t *testing.T) {
	for _, c := range []struct {
		sql    string
		kind   statementKind
		format string
		tail   string // of a select: from FORMAT on; of an insert: its data
	}{
		{"", statementEmpty, "", ""},
		{" \n -- nothing\n/* here */ ;; ", statementEmpty, "", ""},
		{"SELECT 1", statementSelect, "", ""},
		{"SELECT 1 FORMAT JSON", statementSelect, "JSON", "FORMAT JSON"},
		{"SELECT 1 format json;", statementSelect, "json", "format json"},
		{"SELECT 1 FORMAT JSON SETTINGS a = 1, b = 'FORMAT CSV'", statementSelect, "JSON", "FORMAT JSON SETTINGS a = 1, b = 'FORMAT CSV'"},
		{"SELECT 1 SETTINGS a = 1 FORMAT JSON -- FORMAT CSV", statementSelect, "JSON", "FORMAT JSON"},
		{"SELECT 'it''s FORMAT CSV'", statementSelect, "", ""},
		{`SELECT 'it\'s FORMAT CSV'`, statementSelect, "", ""},
		{"SELECT $$ FORMAT CSV $$", statementSelect, "", ""},
		{"SELECT $x$ FORMAT CSV $$ $x$", statementSelect, "", ""},
		{"SELECT ‘ FORMAT CSV’", statementSelect, "", ""},
		{"SELECT (SELECT 1 AS format x)", statementSelect, "", ""},
		{"SELECT format FROM t ORDER BY format DESC", statementSelect, "", ""},
		{"SELECT `FORMAT` CSV FROM t", statementSelect, "", ""},
		{"(SELECT 1) UNION ALL (SELECT 2) FORMAT CSV", statementSelect, "CSV", "FORMAT CSV"},
		{"WITH a AS (SELECT 1) SELECT * FROM a", statementSelect, "", ""},
		{"WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", statementOther, "", ""},
		{"SHOW TABLES FORMAT JSON", statementOther, "JSON", "FORMAT JSON"},
		{"CREATE TABLE t (a String DEFAULT ';') ENGINE = Memory;", statementOther, "", ""},
		{"INSERT INTO t VALUES (1)", statementInsert, "Values", " (1)"},
		{"INSERT INTO t (a, format) VALUES (1)", statementInsert, "Values", " (1)"},
		{"insert into table t format CSV\n1,2", statementInsert, "CSV", "\n1,2"},
		{"INSERT INTO FUNCTION null('a Int8') FORMAT CSV 1", statementInsert, "CSV", " 1"},
		{"INSERT INTO format FORMAT CSV 1", statementInsert, "CSV", " 1"},
		{"INSERT INTO values.select VALUES (1)", statementInsert, "Values", " (1)"},
		{"INSERT INTO `a`.`FORMAT CSV` (b) SETTINGS x = 'VALUES' FORMAT TSV 1", statementInsert, "TSV", " 1"},
		{"INSERT INTO t (SELECT 1)", statementOther, "", ""},
		{"INSERT INTO t (a) SELECT 1 FORMAT CSV", statementOther, "", ""},
		{"INSERT INTO t (a) ((SELECT 1))", statementOther, "", ""},
		{"INSERT INTO input (a) SELECT input, 'input(1)' FROM t", statementOther, "", ""},
		{"INSERT INTO t (a)", statementInsert, "", ""},
	} {
		st, more, err := analyze([]byte(c.sql), true)
		if err != nil || more {
			t.Errorf("%q: more %v, %v", c.sql, more, err)
			continue
		}
		tail := st.sel.tail
		if st.kind == statementInsert {
			tail = c.sql[st.data:]
		}
		if st.kind != c.kind || st.format != c.format || tail != c.tail {
			t.Errorf("%q: kind %d, format %q, tail %q", c.sql, st.kind, st.format, tail)
		}
	}
	for sql, code := range map[string]int{
		"SELECT 1; SELECT 2":                                                        codeSyntaxError,
		"INSERT INTO t VALUES; DROP TABLE t":                                        0, // all of it is data, and bad data at that
		"INSERT INTO t; DROP TABLE t":                                               codeSyntaxError,
		"SELECT 1 INTO OUTFILE 'x'":                                                 codeIntoOutfile,
		"SHOW TABLES INTO /**/ OUTFILE 'x'":                                         codeIntoOutfile,
		"INSERT INTO t FROM INFILE 'x'":                                             codeNotImplemented,
		"INSERT INTO t SELECT lower(a) FROM input('a String') FORMAT CSV\nA":        codeNotImplemented,
		"INSERT INTO t (a) (SELECT a FROM /* b */ INPUT ('a String')) FORMAT CSV":   codeNotImplemented,
		"WITH x AS (SELECT a FROM input('a String')) INSERT INTO t SELECT * FROM x": codeNotImplemented,
		"INSERT INTO t FORMAT 'x'":                                                  codeSyntaxError,
		"SELECT 'INTO OUTFILE' -- ; SELECT 2":                                       0,
	} {
		_, _, err := analyze([]byte(sql), true)
		exc, _ := err.(*exception)
		if (exc == nil) != (code == 0) || exc != nil && exc.code != code {
			t.Errorf("%q: %v, want code %d", sql, err, code)
		}
	}
}

// However a request is cut into pieces, the statement found in it is the same.
func FuzzAnalyzeInPieces(f *testing.F) {
	for _, sql := range []string{
		"INSERT INTO t (a, b) SETTINGS x = 'VALUES' FORMAT CSV\n1,2\n", "INSERT INTO t VALUES (1)", "/* a */ INSERT -- b\n INTO `t` FORMAT JSONEachRow {}",
		"SELECT 'a' FORMAT JSON", "INSERT INTO t SELECT 1", "WITH x AS (SELECT 1) INSERT INTO t SELECT 1", "INSERT INTO t ((SELECT 1))", "INSERT INTO t FORMAT ", "$a$ $a$",
	} {
		f.Add([]byte(sql))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1000 {
			return // every cut is tried
		}
		want, _, wantErr := analyze(text, true)
		for cut := range len(text) {
			st, more, err := analyze(text[:cut], false)
			if more {
				continue
			}
			if (err == nil) != (wantErr == nil) || st.kind != want.kind || st.format != want.format || st.data != want.data || st.text != want.text {
				t.Fatalf("%q cut at %d: %+v, %v; whole: %+v, %v", text, cut, st, err, want, wantErr)
			}
			return
		}
	})
}

func TestParseException(t *testing.T) {
	for msg, want := range map[string]exception{
		"Code: 60. DB::Exception: Unknown table 't'. (UNKNOWN_TABLE)": {60, "Code: 60. DB::Exception: Unknown table 't'. (UNKNOWN_TABLE)"},
		"Code: 73. DB::Exception: Code: 73. DB::Exception: Code: 73. DB::Exception: Unknown format Bogus. (UNKNOWN_FORMAT) (version 26.7.2.1). (UNKNOWN_FORMAT) (version 26.7.2.1). (UNKNOWN_FORMAT)": {73, "Code: 73. DB::Exception: Unknown format Bogus. (UNKNOWN_FORMAT)"},
		"Code: 27. DB::Exception: Cannot parse (at row 1)\n. (CANNOT_PARSE_INPUT_ASSERTION_FAILED) (version 26.7.2.1 (official build))":                                                               {27, "Code: 27. DB::Exception: Cannot parse (at row 1)\n. (CANNOT_PARSE_INPUT_ASSERTION_FAILED)"},
		"something else": {1002, "Code: 1002. DB::Exception: something else. (UNKNOWN_EXCEPTION)"},
	} {
		if got := parseException(msg); *got != want {
			t.Errorf("%q:\n%+v\nwant %+v", msg, *got, want)
		}
	}
}

// FuzzLexer holds our lexer against the engine's: where a comment, string or quoted name ends must be the same, or a FORMAT
// clause would be looked for in the wrong place. Run it with the engine: go test -fuzz FuzzLexer ./warehouse/embedded
func FuzzLexer(f *testing.F) {
	for _, sql := range lexerSeeds {
		f.Add(sql)
	}
	s := fuzzSession(f)
	f.Fuzz(func(t *testing.T, sql string) { compareLexers(t, s, sql) })
}

var lexerSeeds = []string{
	"SELECT 1 -- a\n, 2 # b\n /* c /* d */ e */", "'a''b' 'a\\'b' `a``b` `a\\`b` \"a\"\"b\" \"a\\\"b\"", "$$a$$ $x$ $$ $x$ $1$ $ a",
	"‘a’ “b” 'ü' a.b a . b {x:Identifier} [1, 2] (a) x -> y ; ::", "#! x\n#x", "-- only", "/* open", "'open", "`open", "$a$ open", "1.5e3 0x1F a1 1a _x",
}

// The same on the seeds, always.
func TestLexerAgreesWithTheEngine(t *testing.T) {
	s := fuzzSession(t)
	for _, sql := range lexerSeeds {
		compareLexers(t, s, sql)
	}
}

// TestEngine is set by the package's other tests, which share one engine.
var TestEngine func(testing.TB) *Engine

func fuzzSession(t testing.TB) *session {
	s, err := TestEngine(t).open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// compareLexers looks at strings, quoted names and round brackets, which is what clauses are found by.
func compareLexers(t *testing.T, s *session, sql string) {
	t.Helper()
	out, _, err := s.query(context.Background(), "SELECT t.1, t.2, toString(t.3) FROM (SELECT arrayJoin(tokenizeQuery({sql:String})) AS t)", "TSVRaw", []param{{"sql", escapeTSV(sql)}})
	if err != nil || strings.ContainsRune(sql, 0) {
		return // the engine does not take this text as a parameter at all
	}
	if bytes.Contains(out, []byte("Error")) || bytes.Contains(out, []byte("ErrorSingle")) {
		return // not SQL; the engine will refuse it wherever clauses are looked for
	}
	var want, got strings.Builder
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch fields[2] {
		case "StringLiteral", "HereDoc":
			want.WriteString("s" + fields[0] + "-" + fields[1] + " ")
		case "QuotedIdentifier":
			want.WriteString("q" + fields[0] + "-" + fields[1] + " ")
		case "OpeningRoundBracket", "ClosingRoundBracket", "Semicolon":
			want.WriteString("p" + fields[0] + " ")
		}
	}
	l := &lexer{text: []byte(sql)}
	for t, ok := l.next(); ok; t, ok = l.next() {
		switch {
		case t.kind == tokenString:
			got.WriteString("s" + strconv.Itoa(t.start) + "-" + strconv.Itoa(t.end) + " ")
		case t.kind == tokenQuoted:
			got.WriteString("q" + strconv.Itoa(t.start) + "-" + strconv.Itoa(t.end) + " ")
		case t.kind == tokenPunct && strings.ContainsAny(sql[t.start:t.end], "();"):
			got.WriteString("p" + strconv.Itoa(t.start) + " ")
		}
	}
	if want.String() != got.String() {
		t.Errorf("%q:\nengine %s\nours   %s", sql, want.String(), got.String())
	}
}
