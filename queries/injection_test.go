package queries_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/livello/livello/queries"
)

var attacks = []string{
	`' OR 1=1 --`, `'; DROP TABLE events; --`, `\`, `\'`, `'') UNION ALL SELECT * FROM system.tables --`, "a\tb\nc\rd", "a\x00b", `{from:String}`,
	"$__fromTime", `"`, "`", "/*", "??", "%27", `\N`, "NULL", `['a']`, "]) --", "caffè 😀", `a','b`, ")", "@x", `\x41`, `\t`, "'", `''`,
}

// What a caller gives comes back from the database as it was, whatever it holds.
func testTextIsBoundAsItIs(t *testing.T, db database) {
	set, err := queries.Load(fstest.MapFS{"echo.sql": {Data: []byte("-- Echo.\n-- param text String\n-- param list Array(String)\n-- column text String\n-- column list Array(String)\nSELECT {text:String} AS text, {list:Array(String)} AS list")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, attack := range attacks {
		list, err := json.Marshal([]string{attack, "b", attack})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = queries.Runner{DB: db, Set: set}.Run(context.Background(), "echo", map[string]string{"text": attack, "list": string(list)}, "ndjson", &out)
		if err != nil {
			t.Errorf("%q: %v", attack, err)
			continue
		}
		var got struct {
			Text string
			List []string
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Text != attack || len(got.List) != 3 || got.List[0] != attack || got.List[2] != attack {
			t.Errorf("%q came back as %q and %q", attack, got.Text, got.List)
		}
	}
}

// Every parameter of every query is given every attack: it is refused as a wrong value, or it is a value that nothing matches.
// The data is the same afterwards.
func testInjection(t *testing.T, db database) {
	before := ask(t, db, "totals", "csv", nil)
	set, err := queries.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	run := func(q queries.Query, params map[string]string) (string, error) {
		for _, other := range q.Params {
			if _, given := params[other.Name]; other.Required && !given {
				params[other.Name] = "page_view,purchase"
			}
		}
		var out bytes.Buffer
		err := queries.Runner{DB: db, Now: then}.Run(context.Background(), q.Name, params, "ndjson", &out)
		return out.String(), err
	}
	as := func(typ, attack string) string {
		if typ != "Array(String)" {
			return attack
		}
		list, err := json.Marshal([]string{attack, "purchase"})
		if err != nil {
			t.Fatal(err)
		}
		return string(list)
	}
	for _, q := range set.All() {
		texts := map[string]string{} // parameters that are text, with their types
		for _, p := range q.Params {
			if strings.Contains(p.Type, "String") {
				texts[p.Name] = p.Type
				out, err := run(q, map[string]string{p.Name: as(p.Type, attacks[0])})
				if err != nil || p.Type == "String" && out != "" {
					t.Errorf("%s, %s = %q: found %s, %v", q.Name, p.Name, attacks[0], out, err)
				}
				continue
			}
			for _, attack := range attacks {
				var e *queries.Error
				if _, err := run(q, map[string]string{p.Name: attack}); !errors.As(err, &e) || e.Code != queries.CodeInvalidParam || e.Field != p.Name {
					t.Errorf("%s, %s = %q: got %v, want invalid_param", q.Name, p.Name, attack, err)
				}
			}
		}
		if len(texts) == 0 {
			continue
		}
		// These would break the statement, or the data, wherever they stood: all at once. "Text is bound as it is" tries the rest.
		for _, attack := range attacks[1:3] {
			params, narrow := map[string]string{}, false
			for name, typ := range texts {
				params[name] = as(typ, attack)
				narrow = narrow || typ == "String"
			}
			if out, err := run(q, params); err != nil || narrow && out != "" {
				t.Errorf("%s, %v: found %s, %v", q.Name, params, out, err)
			}
		}
	}
	if after := ask(t, db, "totals", "csv", nil); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

// Names cannot carry SQL either: only declared ones are taken.
func testNamesAreNotBound(t *testing.T, db database) {
	for _, name := range append([]string{"param_from", "database", "max_result_rows", "query"}, attacks...) {
		var e *queries.Error
		err := queries.Run(context.Background(), db, "totals", map[string]string{name: "1"}, "csv", &bytes.Buffer{})
		if !errors.As(err, &e) || e.Code != queries.CodeUnknownParam {
			t.Errorf("%q: got %v, want unknown_param", name, err)
		}
	}
}
