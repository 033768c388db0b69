package files

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// good is a mapping without faults, which the cases below spoil.
const good = `source: shop
userId: "{id}"
event: Order Completed
time: {column: at}
properties:
  value: {column: amount, type: decimal}
`

func TestMappingErrors(t *testing.T) {
	if _, err := ParseMapping("m.yaml", []byte(good)); err != nil {
		t.Fatalf("the mapping that the cases spoil: %v", err)
	}
	cases := []struct{ name, old, new, want string }{
		{"no YAML", "source: shop", "source: [shop", "m.yaml:2:1: ',' or ']' must be specified"},
		{"empty", good, "# nothing\n", "m.yaml: a mapping file is one YAML document"},
		{"a list", good, "- source\n", "m.yaml:1:1: source: ..., time: ... and so on expected, not a list"},
		{"unknown key", "source: shop", "sorce: shop", `m.yaml:1:1: sorce: there is no such key; did you mean source?`},
		{"no source", "source: shop\n", "", "m.yaml: source: a name for where this data comes from is needed"},
		{"source is no name", "source: shop", "source: my shop", `m.yaml:1:9: source: "my shop" cannot be the name of a source`},
		{"unknown format", "source: shop", "source: shop\nformat: cvs", `m.yaml:2:9: format: "cvs" is unknown; known are csv, tsv`},
		{"other encoding", "source: shop", "source: shop\nencoding: latin1", `m.yaml:2:11: encoding: only utf-8 is read, not "latin1"; convert the file first: iconv`},
		{"long delimiter", "source: shop", "source: shop\ndelimiter: '||'", "m.yaml:2:12: delimiter: the delimiter is one ASCII character"},
		{"no names", "source: shop", "source: shop\nheader: false", "m.yaml: header: a file without a header needs its names in columns: [...]"},
		{"a name twice", "source: shop", "source: shop\ncolumns: [id, at, id]", `m.yaml:2:19: columns[2]: column name "id" is empty or there twice`},
		{"bad skip", "source: shop", "source: shop\nskip_lines: some", "m.yaml:2:13: skip_lines: a number of lines"},
		{"unknown id rule", "source: shop", "source: shop\nid: hash", `m.yaml:2:5: id: "hash" is unknown`},
		{"twice", "source: shop", "source: shop\nsource: stop", "m.yaml:2:1: "},
		{"an anchor", "source: shop", "source: &a shop", "m.yaml:1:9: source: a name expected, not an anchor or alias"},
		{"nobody", "userId: \"{id}\"\n", "", "m.yaml: userId: who did it is needed"},
		{"no quotes", `"{id}"`, "{id}", `m.yaml:2:9: userId: a text or a template such as "{column}" expected; what starts with a brace needs quotes`},
		{"open brace", `"{id}"`, `"{id"`, `m.yaml:2:9: userId: "{id" opens a brace and does not close it`},
		{"lone brace", `"{id}"`, `"id}"`, "closes a brace that is not open"},
		{"empty brace", `"{id}"`, `"{}"`, "a column is {name}, a brace itself is {{"},
		{"empty", `"{id}"`, `""`, "m.yaml:2:9: userId: is empty; leave the key out"},
		{"no event", "event: Order Completed\n", "", "m.yaml: event: a track message needs a name"},
		{"unknown type", "event:", "type: trak\nevent:", `m.yaml:3:7: type: "trak" is unknown; did you mean track`},
		{"unknown kind", "event:", "kind: purchases\nevent:", `m.yaml:3:7: kind: kind "purchases" is unknown; did you mean purchase`},
		{"event of a page", "event:", "type: page\nevent:", "m.yaml:4:8: event: is for messages of type track; this one is page"},
		{"alias of nobody", "event: Order Completed", "type: alias", "an alias needs userId and previousId"},
		{"group without", "event: Order Completed", "type: group", "a group message needs groupId"},
		{"properties of identify", "event: Order Completed", "type: identify", "a message of type identify has traits"},
		{"no time", "time: {column: at}\n", "", "m.yaml: time: when it happened is needed"},
		{"bad constant time", "{column: at}", "yesterday", `m.yaml:4:7: time: "yesterday" is no time`},
		{"a Go layout", "{column: at}", "{column: at, layout: 2006-01-02}", `m.yaml:4:28: time.layout: "2006-01-02" has no directive: a date such as 2008-03-20 is %Y-%m-%d`},
		{"unknown directive", "{column: at}", `{column: at, layout: "%Y-%m-%q"}`, "%q is unknown"},
		{"half a date", "{column: at}", `{column: at, layout: "%Y-%m"}`, "gives no date"},
		{"half a day's hour", "{column: at}", `{column: at, layout: "%Y-%m-%d %I:%M"}`, "%I and %p go together"},
		{"unknown zone", "{column: at}", "{column: at, zone: Rome}", `m.yaml:4:26: time.zone: zone "Rome" is unknown`},
		{"unknown key of time", "{column: at}", "{column: at, format: iso}", "m.yaml:4:20: time.format: there is no such key"},
		{"time of another type", "{column: at}", "{column: at, type: string}", "the type of a time is time"},
		{"unknown property type", "decimal", "money", `m.yaml:6:33: properties.value.type: "money" is unknown`},
		{"layout of a number", "type: decimal", "type: decimal, layout: iso", "layout and zone are for type: time"},
		{"comma of a text", "type: decimal", "type: string, decimal_comma: true", "decimal_comma is for type: decimal and type: number"},
		{"typed constant", "{column: amount, type: decimal}", `{value: "12", type: decimal}`, "names no column"},
		{"odd number", "{column: amount, type: decimal}", "0x1F", "put it in quotes to send it as a text"},
		{"null property", "{column: amount, type: decimal}", "null", "m.yaml:6:10: properties.value: a constant, a template"},
		{"typed id", `"{id}"`, "{column: id, type: integer}", "is a text; type integer is for properties"},
		{"when null", "event:", "when: {id: null}\nevent:", "compares with nothing; write {empty: true}"},
		{"when what", "event:", "when: {id: {like: 1}}\nevent:", "there is no such condition"},
		{"no events", "event: Order Completed", "events: []", "an empty list gives no messages"},
		{"events without dash", "event: Order Completed", "events: {event: A}", "a list of events expected"},
		{"unknown key of an event", "event: Order Completed", "events:\n  - event: A\n    format: csv", "m.yaml:5:5: events[0].format: an event has no such key"},
		{"one id for two", "event: Order Completed", "messageId: '{id}'\nevents: [{event: A}, {event: B}]", "all but one count as duplicates"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatal("the case changes nothing")
			}
			_, err := ParseMapping("m.yaml", []byte(text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

func TestMappingErrorsAreCollected(t *testing.T) {
	_, err := ParseMapping("m.yaml", []byte("sorce: shop\nuserid: '{id}'\nevent: A\n"))
	if got := strings.Count(err.Error(), "\n") + 1; got != 5 {
		t.Errorf("%d errors, want 5 (two unknown keys, no source, no time, nobody):\n%v", got, err)
	}
}

// convertText makes the messages of a file with this text, and returns them with the rejects.
func convertText(t testing.TB, mapping, name, text string) ([]*sent, []Rejected, error) {
	t.Helper()
	m, err := ParseMapping("m.yaml", []byte(mapping))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var all []*sent
	var rejected []Rejected
	_, err = Convert(context.Background(), path, m, func(text []byte, _ int64) error {
		all = append(all, decode(t, text))
		return nil
	}, func(r Rejected) error {
		rejected = append(rejected, r)
		return nil
	})
	return all, rejected, err
}

func TestMappingAgainstColumns(t *testing.T) {
	cases := []struct{ name, mapping, header, want string }{
		{"unknown column", strings.Replace(good, "{id}", "{customer_id}", 1), "customerid,at,amount",
			`m.yaml:2:9: userId: f.csv has no column "customer_id"; did you mean customerid?`},
		{"unknown and nothing near", strings.Replace(good, "column: at", "column: happened", 1), "id,at,amount",
			`m.yaml:4:16: time.column: f.csv has no column "happened"; known are id, at, amount`},
		{"unknown in when", good + "when: {stat: Won}\n", "id,at,amount,state",
			`m.yaml:7:8: when.stat: f.csv has no column "stat"; did you mean state or at?`},
		{"unknown in id", good + "id: [order]\n", "id,at,amount,order_id", `m.yaml:7:6: id[0]: f.csv has no column "order"; did you mean order_id?`},
		{"kept under a name that is taken", good, "id,at,amount,value", "f.csv has a column \"value\" too, which `rest: keep` would write under the same name"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := convertText(t, c.mapping, "f.csv", c.header+"\n")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

func TestEventsOfARow(t *testing.T) {
	mapping := `
source: crm
userId: "{id}"
time: {column: at}
properties: {deal: "{id}-{stage}", both: 1}
events:
  - event: Opened
    when: {stage: [Open, Won]}
    properties: {nested: {amount: {column: amount, type: integer}, fixed: true}}
    context: {campaign: {name: "{campaign}"}}
  - event: Closed
    when: {stage: {not: [Open, ""]}, amount: {empty: false}}
    time: 2020-02-03T04:05:06+01:00
    groupId: "a{{{id}}}"
    properties: {both: 2}
    rest: drop
  - type: identify
    when: {note: {empty: true}}
    traits: {stage: "{stage}"}
    properties: {}
`
	_, err := ParseMapping("m.yaml", []byte(mapping))
	if err == nil || !strings.Contains(err.Error(), "an event has properties or traits, not both") {
		t.Fatalf("properties and traits in one event: %v", err)
	}
	mapping = strings.Split(mapping, "  - type: identify")[0]
	all, rejected, err := convertText(t, mapping, "f.csv",
		"id,at,stage,amount,campaign,note\n1,2020-01-01,Open,5,spring,hello\n2,2020-01-02,Won,7,,\n3,2020-01-03,Lost,,x,y\n4,2020-01-04,,,,\n5,2020-01-04,Won,many,,\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range all {
		got = append(got, s.Event+" "+s.UserID+" "+s.Timestamp+" "+toJSON(s.Properties)+toJSON(s.Context))
	}
	want := []string{
		`Opened 1 2020-01-01T00:00:00.000Z {"both":1,"deal":"1-Open","nested":{"amount":5,"fixed":true},"note":"hello"}{"campaign":{"name":"spring"}}`,
		`Opened 2 2020-01-02T00:00:00.000Z {"both":1,"deal":"2-Won","nested":{"amount":7,"fixed":true}}null`,
		`Closed 2 2020-02-03T03:05:06.000Z {"both":2,"deal":"2-Won"}{"groupId":"a{2}"}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("messages\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(rejected) != 1 || rejected[0].Line != 6 || rejected[0].Field != "properties.nested.amount" || rejected[0].Reason != `"many" is no number` ||
		rejected[0].Row != "5,2020-01-04,Won,many,," {
		t.Errorf("rejected %+v", rejected)
	}
}

// TestDocumentedMappings reads the mappings that docs/load.md shows.
func TestDocumentedMappings(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "load.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) != 2 {
		t.Fatalf("%d mappings in docs/load.md, want 2", len(blocks))
	}
	whole, _, _ := strings.Cut(blocks[0], "```")
	when, _, _ := strings.Cut(blocks[1], "```")
	if _, err := ParseMapping("load.md", []byte(whole+when)); err != nil {
		t.Error(err)
	}
	all, rejected, err := convertText(t, whole, "f.csv", "customer_id,order_no,ordered_at,amount\n7,A1,06.02.2018 09:58,\"1.234,50\"\n")
	if err != nil || len(rejected) > 0 || all[0].Timestamp != "2018-02-06T08:58:00.000Z" || all[0].text("value") != "1234.50" || all[0].text("order_id") != "A1" {
		t.Errorf("%+v, rejected %v, %v", all, rejected, err)
	}
}
