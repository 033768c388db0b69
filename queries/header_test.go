package queries_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/livello/livello/queries"
)

func TestParse(t *testing.T) {
	const text = `-- How many of them,
-- and when.
--
-- First paragraph.
--
-- Second one.
--
-- param  from  DateTime64(3) = now-90d    start, inclusive
-- param  kinds Array(String) 1..3 = a,b   which
-- param  text  String = ''                may be empty
-- param  say   String = 'two words'       quoted
-- param  limit UInt32 1..10               required
-- column day   Date                       UTC
-- column sum   Map(String, Decimal(38, 4)) by currency
-- column bare  UInt8
SELECT 1 -- {not:UInt8} a parameter
WHERE '{nor:this}' != {text:String} AND {from:DateTime64(3)} > 0 AND kind IN {kinds:Array(String)} AND {say:String} = '' LIMIT {limit:UInt32}
`
	q, err := queries.Parse("example", text)
	if err != nil {
		t.Fatal(err)
	}
	want := queries.Query{
		Name: "example", Title: "How many of them, and when.", Doc: "First paragraph.\n\nSecond one.",
		Params: []queries.Param{
			{Name: "from", Type: "DateTime64(3)", Default: "now-90d", Doc: "start, inclusive"},
			{Name: "kinds", Type: "Array(String)", Default: "a,b", Bounds: &queries.Range{Min: 1, Max: 3}, Doc: "which"},
			{Name: "text", Type: "String", Doc: "may be empty"},
			{Name: "say", Type: "String", Default: "two words", Doc: "quoted"},
			{Name: "limit", Type: "UInt32", Required: true, Bounds: &queries.Range{Min: 1, Max: 10}, Doc: "required"},
		},
		Columns: []queries.Column{
			{Name: "day", Type: "Date", Doc: "UTC"},
			{Name: "sum", Type: "Map(String, Decimal(38, 4))", Doc: "by currency"},
			{Name: "bare", Type: "UInt8"},
		},
		SQL: strings.TrimSpace(text[strings.Index(text, "SELECT"):]), Text: text,
	}
	if diff := cmp.Diff(want, q); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	const column = "-- column n UInt8\n"
	for _, c := range []struct{ name, text, want string }{
		{"no title", "-- param a String\n" + column + "SELECT {a:String}", "no title"},
		{"no columns", "-- What.\nSELECT 1", "declares no columns"},
		{"no statement", "-- What.\n" + column, "no statement"},
		{"undeclared", "-- What.\n" + column + "SELECT {a:String}", "uses {a:String}, which no param line declares"},
		{"unused", "-- What.\n-- param a String\n" + column + "SELECT 1", "param a is declared but"},
		{"unused but in a comment", "-- What.\n-- param a String\n" + column + "SELECT 1 /* {a:String} */", "param a is declared but"},
		{"another type", "-- What.\n-- param a String\n" + column + "SELECT {a:UInt8}", "its param line says String"},
		{"unknown type", "-- What.\n-- param a Tuple(String)\n" + column + "SELECT {a:Tuple(String)}", `line 2: param a: type "Tuple(String)" is not one of`},
		{"twice", "-- What.\n-- param a String\n-- param a String\n" + column + "SELECT {a:String}", "line 3: param a is declared twice"},
		{"column twice", "-- What.\n" + column + column + "SELECT 1", "line 3: column n is declared twice"},
		{"column without type", "-- What.\n-- column n\nSELECT 1", "column n has no type"},
		{"bad name", "-- What.\n-- param a-b String\n" + column + "SELECT 1", `"a-b" is no name`},
		{"taken name", "-- What.\n-- param format String\n" + column + "SELECT {format:String}", "taken by the API"},
		{"bad default", "-- What.\n-- param a UInt8 = 300\n" + column + "SELECT {a:UInt8}", "300"},
		{"default out of bounds", "-- What.\n-- param a UInt8 1..5 = 6\n" + column + "SELECT {a:UInt8}", "out of bounds"},
		{"bad bounds", "-- What.\n-- param a UInt8 5..1\n" + column + "SELECT {a:UInt8}", "the lower one comes first"},
		{"open quote", "-- What.\n-- param a String = 'x\n" + column + "SELECT {a:String}", "not closed"},
		{"two statements", "-- What.\n" + column + "SELECT 1; DROP TABLE events", "without a semicolon"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := queries.Parse("example", c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "query example") {
				t.Errorf("got %v, want one with %q and the query's name", err, c.want)
			}
		})
	}
	if _, err := queries.Parse("Not-A-Name", "-- What.\n"+column+"SELECT 1"); err == nil {
		t.Error("the name Not-A-Name was taken")
	}
}

func TestLoadReportsAllMistakes(t *testing.T) {
	_, err := queries.Load(fstest.MapFS{
		"good.sql":  {Data: []byte("-- What.\n-- column n UInt8\nSELECT 1")},
		"bad.sql":   {Data: []byte("-- What.\nSELECT 1")},
		"worse.sql": {Data: []byte("SELECT 1")},
	})
	if err == nil || !strings.Contains(err.Error(), "query bad:") || !strings.Contains(err.Error(), "query worse:") || strings.Contains(err.Error(), "good") {
		t.Errorf("got %v, want bad and worse named", err)
	}
}

func TestGetSuggests(t *testing.T) {
	set, err := queries.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		"funel": "did you mean funnel?", "retention": "weekly_retention", "active-people": "active_people", "Totals": "totals", "xyzzy": "the catalogue has: account_people,",
	} {
		if _, err := set.Get(got); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", got, err, want)
		}
	}
}
