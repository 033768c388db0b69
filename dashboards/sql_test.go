package dashboards_test

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/queries"
	"github.com/livello/livello/warehouse"
)

// result is what a panel's query answers with.
type result struct {
	names []string
	types []string // without LowCardinality and Nullable
	rows  [][]any
}

// ask runs a panel's SQL as Grafana and the plugin would send it, over the last 30 days.
func ask(t *testing.T, w *warehouse.Warehouse, sql string, channels []string) result {
	t.Helper()
	sql = asSent(t, sql, time.Now().Add(-30*24*time.Hour), time.Now(), channels)
	rows, err := w.Query(context.Background(), sql)
	if err != nil {
		t.Fatalf("%v in\n%s", err, sql)
	}
	defer rows.Close()
	r := result{names: rows.Columns()}
	for _, c := range rows.ColumnTypes() {
		r.types = append(r.types, plain(c.DatabaseTypeName()))
	}
	for rows.Next() {
		values := make([]any, len(r.names))
		for i, c := range rows.ColumnTypes() {
			values[i] = reflect.New(c.ScanType()).Interface()
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			values[i] = reflect.Indirect(reflect.ValueOf(v)).Interface()
			if p := reflect.ValueOf(values[i]); p.Kind() == reflect.Pointer && !p.IsNil() {
				values[i] = p.Elem().Interface()
			}
		}
		r.rows = append(r.rows, values)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%v in\n%s", err, sql)
	}
	return r
}

var (
	interval = regexp.MustCompile(`\$__timeInterval\(([a-z_]+)\)`)
	wrapper  = regexp.MustCompile(`^(?:LowCardinality|Nullable)\((.*)\)$`)
)

// asSent does what Grafana (variables) and the plugin (macros) do to SQL before they send it.
func asSent(t *testing.T, sql string, from, to time.Time, channels []string) string {
	t.Helper()
	quoted := make([]string, len(channels))
	for i, c := range channels {
		quoted[i] = "'" + c + "'"
	}
	sql = strings.ReplaceAll(sql, "${channel:singlequote}", strings.Join(quoted, ","))
	sql = interval.ReplaceAllString(sql, "toStartOfInterval(toDateTime($1), INTERVAL 3600 second)")
	sql = strings.ReplaceAll(sql, "$__fromTime_ms", fmt.Sprintf("fromUnixTimestamp64Milli(%d)", from.UnixMilli()))
	sql = strings.ReplaceAll(sql, "$__toTime_ms", fmt.Sprintf("fromUnixTimestamp64Milli(%d)", to.UnixMilli()))
	if strings.Contains(sql, "$") {
		t.Fatalf("the test does not know a macro or variable in\n%s", sql)
	}
	return sql
}

func plain(typ string) string {
	for {
		m := wrapper.FindStringSubmatch(typ)
		if m == nil {
			return typ
		}
		typ = m[1]
	}
}

func isNumber(typ string) bool {
	return regexp.MustCompile(`^(U?Int|Float|Decimal)`).MatchString(typ)
}
func isTime(typ string) bool { return strings.HasPrefix(typ, "DateTime") }
func isText(typ string) bool { return typ == "String" }

// Every panel's SQL runs on the real engine, with events and without, and answers in the shape its panel can draw.
func TestPanelsAnswer(t *testing.T) {
	full, empty := warehouseWithEvents(t, true), warehouseWithEvents(t, false)
	evaluate(t, full)
	for _, b := range boards(t) {
		for _, p := range parse(t, b).Panels {
			if p.Type == "row" {
				continue
			}
			t.Run(p.Title, func(t *testing.T) {
				r := ask(t, full, p.Targets[0].RawSQL, []string{"web", "email", "chat"})
				if len(r.rows) == 0 {
					t.Error("no rows, though there are events")
				}
				checkShape(t, p, r)
				if r := ask(t, empty, p.Targets[0].RawSQL, nil); len(r.rows) > 0 { // without rows the driver knows no columns
					checkShape(t, p, r)
				}
				for _, o := range p.FieldConfig.Overrides {
					if o.Matcher.ID == "byName" && !slices.Contains(r.names, o.Matcher.Options) {
						t.Errorf("an override is for column %s; the query has %v", o.Matcher.Options, r.names)
					}
				}
			})
		}
	}
}

// checkShape holds an answer against what each kind of panel needs.
func checkShape(t *testing.T, p panel, r result) {
	t.Helper()
	var times, texts, numbers []string
	for i, typ := range r.types {
		switch {
		case isTime(typ):
			times = append(times, r.names[i])
		case isText(typ):
			texts = append(texts, r.names[i])
		case isNumber(typ):
			numbers = append(numbers, r.names[i])
		default:
			t.Errorf("column %s is %s: the plugin shows such a value as JSON", r.names[i], typ)
		}
	}
	switch p.Type {
	case "stat":
		if len(numbers) != 1 || len(texts) > 1 || len(times) > 0 {
			t.Errorf("a stat needs one number, and at most a text to name it: %v %v", r.names, r.types)
		}
		if len(texts) == 0 && len(r.rows) != 1 {
			t.Errorf("%d figures without names", len(r.rows))
		}
	case "barchart":
		if len(texts) != 1 || len(numbers) == 0 || p.Options.XField != texts[0] {
			t.Errorf("bars need a text, which is xField, and numbers: %v %v", r.names, r.types)
		}
	case "timeseries":
		if len(times) != 1 || times[0] != "time" || len(numbers) == 0 {
			t.Errorf("a time series needs one time, named time, and numbers: %v %v", r.names, r.types)
		}
		at := slices.Index(r.names, "time")
		for i := 1; i < len(r.rows); i++ {
			if r.rows[i][at].(time.Time).Before(r.rows[i-1][at].(time.Time)) {
				t.Error("times are not in order")
			}
		}
	case "table":
		if len(r.names) < 2 {
			t.Errorf("a table of %v", r.names)
		}
	default:
		t.Errorf("panel type %s: say here what its query has to answer with", p.Type)
	}
}

// The figures of the fixture, worked out by hand.
func TestPanelsCount(t *testing.T) {
	w := warehouseWithEvents(t, true)
	d := parse(t, boards(t)[0])
	all := []string{"web", "email", "chat"}
	for title, want := range map[string]string{
		"Events":           fmt.Sprintf("[[%d]]", fixtureEvents),
		"People":           "[[20]]",
		"Purchases":        "[[8]]",
		"Revenue":          "[[EUR 42] [USD 42]]",
		"Machine share":    fmt.Sprintf("[[%v]]", float64(fixtureMachine)/fixtureEvents),
		"Funnel":           "[[1 page_view 20 1 <nil>] [2 product_view 15 0.75 0.75] [3 cart_add 10 0.5 0.666667] [4 checkout_start 9 0.45 0.9] [5 purchase 8 0.4 0.888889]]",
		"Email engagement": "[[spring 20 1 0 0 0 0 20 ]]",
	} {
		if got := fmt.Sprint(ask(t, w, d.panel(t, title).Targets[0].RawSQL, all).rows); got != want {
			t.Errorf("%s: %s, want %s", title, got, want)
		}
	}
	if age := ask(t, w, d.panel(t, "Age of newest event").Targets[0].RawSQL, all).rows[0][0].(int64); age < 0 || age > 2*86400 {
		t.Errorf("the newest event is of yesterday; its age is %d s", age)
	}
	daily := int64(0)
	for _, row := range ask(t, w, d.panel(t, "Active people per day").Targets[0].RawSQL, all).rows {
		daily += int64(row[1].(uint64))
	}
	if daily != 20 {
		t.Errorf("20 people were active on one day; the series adds up to %d", daily)
	}
}

// An empty warehouse has no newest event: that is not one of age 0, which would look as fresh as can be.
func TestNothingIsNotFresh(t *testing.T) {
	w := warehouseWithEvents(t, false)
	d := parse(t, boards(t)[0])
	for _, title := range []string{"Age of newest event", "Machine share"} {
		if got := fmt.Sprint(ask(t, w, d.panel(t, title).Targets[0].RawSQL, nil).rows); got != "[[<nil>]]" {
			t.Errorf("%s without events: %s, want NULL", title, got)
		}
	}
}

// The headers of the boards' own queries say what DESCRIBE says.
func TestOwnHeaders(t *testing.T) {
	w := warehouseWithEvents(t, false)
	own, err := queries.Load(os.DirFS("sql"))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range own.All() {
		sql, err := q.Grafana(nil)
		if err != nil {
			t.Fatal(err)
		}
		r := ask(t, w, "DESCRIBE ("+sql+")", nil)
		var got, want [][]any
		for _, row := range r.rows {
			got = append(got, []any{row[slices.Index(r.names, "name")], row[slices.Index(r.names, "type")]})
		}
		for _, c := range q.Columns {
			want = append(want, []any{c.Name, c.Type})
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: the statement gives %v, the header says %v", q.Name, got, want)
		}
	}
}

// The channel variable lists what there is, and narrows the panels that say so in their titles, and only these.
func TestChannelVariable(t *testing.T) {
	w := warehouseWithEvents(t, true)
	d := parse(t, boards(t)[0])
	for _, v := range d.Templating.List {
		if v.Name != "channel" {
			continue
		}
		if v.Datasource != chosen {
			t.Errorf("the variable asks %+v", v.Datasource)
		}
		if got := fmt.Sprint(ask(t, w, v.Query.(string), nil).rows); got != "[[chat] [email] [web]]" {
			t.Errorf("channels to choose from: %s", got)
		}
	}
	for _, p := range d.Panels {
		if p.Type == "row" {
			continue
		}
		sql := p.Targets[0].RawSQL
		narrowed := strings.HasSuffix(p.Title, "by channel")
		if narrowed != strings.Contains(sql, "${channel") {
			t.Errorf("%s: title and query disagree whether the channel counts", p.Title)
		}
		if !narrowed {
			continue
		}
		everything := ask(t, w, sql, []string{"chat", "email", "web"})
		chat := ask(t, w, sql, []string{"chat"})
		if len(chat.rows) == 0 || len(chat.rows) >= len(everything.rows) {
			t.Errorf("%s: %d rows of chat, %d of all", p.Title, len(chat.rows), len(everything.rows))
		}
		for _, row := range chat.rows {
			if row[slices.Index(chat.names, "channel")] != "chat" {
				t.Errorf("%s: %v is not of chat", p.Title, row)
			}
		}
	}
}

func (d board) panel(t *testing.T, title string) panel {
	t.Helper()
	for _, p := range d.Panels {
		if p.Title == title && p.Type != "row" {
			return p
		}
	}
	t.Fatalf("the board has no panel %q", title)
	return panel{}
}
