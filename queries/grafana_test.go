package queries_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/livello/livello/queries"
)

// asGrafana does to a panel's SQL what Grafana and the plugin do before they send it: variables, then macros. The plugin
// takes a macro's arguments to be what the next parenthesis that opens encloses, unless one closes first.
func asGrafana(t *testing.T, sql string, variables map[string]string) string {
	t.Helper()
	for name, value := range variables {
		sql = strings.ReplaceAll(sql, "${"+name+":singlequote}", value)
	}
	for macro, value := range map[string]string{
		"$__fromTime_ms": "fromUnixTimestamp64Milli(1767225600000)", // 2026-01-01
		"$__toTime_ms":   "fromUnixTimestamp64Milli(1775044800000)", // 2026-04-01 12:00
	} {
		for {
			at := strings.Index(sql, macro)
			if at < 0 {
				break
			}
			after := sql[at+len(macro):]
			if open, closing := strings.Index(after, "("), strings.Index(after, ")"); open >= 0 && open < closing {
				t.Fatalf("the plugin would take %q for the arguments of %s", after[:closing], macro)
			}
			sql = sql[:at] + value + after
		}
	}
	return sql
}

// A panel's SQL gives the same answer as the API, for every query of the catalogue.
func testPanels(t *testing.T, db database) {
	set, err := queries.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range set.All() {
		t.Run(q.Name, func(t *testing.T) {
			panel, params, variables := map[string]string{}, map[string]string{}, map[string]string{}
			for _, p := range q.Params {
				switch p.Name {
				case "from":
					params["from"] = "2026-01-01"
				case "to":
					params["to"] = "2026-04-01T12:00:00"
				case "as_of":
					panel["as_of"], params["as_of"] = "2026-04-01T12:00:00", "2026-04-01T12:00:00"
				case "person":
					panel["person"], params["person"], variables["who"] = "${who}", "ada", "'ada'"
				case "account":
					panel["account"], params["account"], variables["which"] = "${which}", "acme", "'acme'"
				case "steps":
					panel["steps"], params["steps"], variables["kinds"] = "$kinds", "page_view,cart_add", "'page_view','cart_add'"
				case "limit":
					panel["limit"], params["limit"], variables["n"] = "$n", "3", "'3'"
				}
			}
			sql, err := q.Grafana(panel)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(sql, "{from:") || strings.Contains(sql, ":DateTime64(3)}") {
				t.Fatalf("a placeholder is left in\n%s", sql)
			}
			answer, err := db.QueryFormat(context.Background(), "JSONEachRow", asGrafana(t, sql, variables))
			if err != nil {
				t.Fatalf("%v in\n%s", err, sql)
			}
			defer answer.Close()
			got, err := io.ReadAll(answer)
			if err != nil {
				t.Fatal(err)
			}
			if want := ask(t, db, q.Name, "ndjson", params); !sameRows(t, string(got), want) {
				t.Errorf("the panel gets\n%s\nthe API\n%s", got, want)
			}
		})
	}
}

// sameRows compares two answers in ndjson, whatever their settings for numbers were.
func sameRows(t *testing.T, a, b string) bool {
	t.Helper()
	normal := func(s string) string {
		var out strings.Builder
		for _, line := range strings.Split(strings.TrimSpace(s), "\n") {
			row := map[string]json.RawMessage{}
			if line == "" {
				continue
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			text, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			out.WriteString(strings.ReplaceAll(string(text), `"`, "") + "\n")
		}
		return out.String()
	}
	return normal(a) == normal(b)
}

func TestGrafanaConstants(t *testing.T) {
	q, err := queries.Parse("example", `-- What.
-- param from  DateTime64(3) = now-1d
-- param to    DateTime64(3) = now
-- param who   String = ada
-- param list  Array(String) = a,b
-- param n     UInt32 = 5
-- param share Float64 = 0.5
-- param day   Date = 2026-01-31
-- param as_of DateTime64(3) = now
-- column x    UInt8
SELECT {from:DateTime64(3)}, {to:DateTime64(3)}, {who:String}, {list:Array(String)}, {n:UInt32}, {share:Float64}, {day:Date}, {as_of:DateTime64(3)}, '{who:String}'`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := q.Grafana(map[string]string{"to": "2026-02-01", "who": `O'Hara \ x`, "n": "${top}"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `SELECT toTimeZone(($__fromTime_ms), 'UTC'), toDateTime64('2026-02-01 00:00:00.000', 3, 'UTC'), 'O\'Hara \\ x', ['a', 'b'], CAST(${top:singlequote}, 'UInt32'), 0.5, toDate('2026-01-31'), now64(3, 'UTC'), '{who:String}'`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for name, values := range map[string]map[string]string{
		"unknown": {"nobody": "x"}, "wrong type": {"n": "many"}, "half a variable": {"n": "${top"}, "expression": {"n": "1) UNION ALL SELECT 2"},
	} {
		if _, err := q.Grafana(values); err == nil {
			t.Errorf("%s: %v was taken", name, values)
		}
	}
}
