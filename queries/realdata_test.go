package queries_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"
)

// realData opens a file of ../shared/data beside the repository; without it the test is skipped. The events are made here the way the
// mappings in examples/ make them: what is tested is the queries' arithmetic against figures published by others.
func realData(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open("../../shared/data/" + path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no ../shared/data/%s beside the repository: the figures of real data are not checked", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// readCSV returns the rows as maps from column to text.
func readCSV(t *testing.T, path string) []map[string]string {
	t.Helper()
	records, err := csv.NewReader(realData(t, path)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]map[string]string, 0, len(records))
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, column := range records[0] {
			row[strings.TrimPrefix(column, "\ufeff")] = record[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func TestCDNOW(t *testing.T) {
	text, err := os.ReadFile(realData(t, "cdnow/CDNOW_master.txt").Name())
	if err != nil {
		t.Fatal(err)
	}
	var events []map[string]any
	bought := map[string]int{}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		f := strings.Fields(line)
		if len(f) != 4 || i == 0 {
			continue
		}
		day, err := time.Parse("20060102", f[1])
		if err != nil {
			t.Fatal(err)
		}
		bought[f[0]]++
		events = append(events, map[string]any{"ts": day.Format("2006-01-02 15:04:05"), "user_id": f[0], "kind": "purchase", "channel": "web", "value": json.Number(f[3]), "currency": "USD"})
	}
	db := openDatabase(t)
	insertEvents(t, db, 0, events)

	if got, want := ask(t, db, "totals", "csv", nil), "69659,69659,23570,69659,\"{'USD':2500315.63}\"\n"; !strings.HasSuffix(got, want) {
		t.Errorf("totals: got %s, want %s", got, want)
	}
	repeat := 0
	for _, n := range bought {
		if n >= 2 {
			repeat++
		}
	}
	if got, want := ask(t, db, "repeat_purchase_rate", "csv", nil), fmt.Sprintf("69659,23570,%d,%.6f,", repeat, float64(repeat)/23570); !strings.Contains(got, want) {
		t.Errorf("repeat purchase rate: got %s, want %s", got, want)
	}
	if got := strings.Split(ask(t, db, "revenue_by_month", "csv", nil), "\n"); len(got) != 18+2 || !strings.HasPrefix(got[1], `"1997-01-01","USD",`) {
		t.Errorf("revenue by month: got %s, want the 18 months from January 1997", strings.Join(got, "\n"))
	}
}

// The rates of each arm are those Hillstrom published, to the digit.
func TestHillstrom(t *testing.T) {
	var events []map[string]any
	for i, row := range readCSV(t, "hillstrom/hillstrom.csv") {
		who := fmt.Sprintf("hillstrom-%d", i+1)
		events = append(events, map[string]any{"ts": "2008-03-01 12:00:00", "user_id": who, "kind": "experiment_exposure", "channel": "email",
			"properties": map[string]string{"experiment": "hillstrom-2008", "arm": row["segment"]}})
		if row["visit"] == "1" {
			events = append(events, map[string]any{"ts": "2008-03-08 12:00:00", "user_id": who, "kind": "page_view", "channel": "web"})
		}
		if row["conversion"] == "1" {
			events = append(events, map[string]any{"ts": "2008-03-08 12:30:00", "user_id": who, "kind": "purchase", "value": json.Number(row["spend"]), "currency": "USD"})
		}
	}
	db := openDatabase(t)
	insertEvents(t, db, 0, events)

	type arm struct {
		Arm            string             `json:"arm"`
		People         int                `json:"people"`
		VisitRate      float64            `json:"visit_rate"`
		VisitLow       float64            `json:"visit_low"`
		VisitHigh      float64            `json:"visit_high"`
		ConversionRate float64            `json:"conversion_rate"`
		Spend          map[string]float64 `json:"spend_per_person"`
		Note           string             `json:"note"`
	}
	var got []string
	for d := json.NewDecoder(strings.NewReader(ask(t, db, "experiment_arms", "ndjson", map[string]string{"experiment": "hillstrom-2008"}))); d.More(); {
		var a arm
		if err := d.Decode(&a); err != nil {
			t.Fatal(err)
		}
		if a.VisitLow >= a.VisitRate || a.VisitHigh <= a.VisitRate || a.Note != "" {
			t.Errorf("%+v: the rate is not within its interval, or noted", a)
		}
		got = append(got, fmt.Sprintf("%s: %d people, visit %.3f %%, conversion %.3f %%, spend %.4f", a.Arm, a.People, 100*a.VisitRate, 100*a.ConversionRate, a.Spend["USD"]))
	}
	want := []string{
		"Mens E-Mail: 21307 people, visit 18.276 %, conversion 1.253 %, spend 1.4226",
		"No E-Mail: 21306 people, visit 10.617 %, conversion 0.573 %, spend 0.6528",
		"Womens E-Mail: 21387 people, visit 15.140 %, conversion 0.884 %, spend 1.0772",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCRM(t *testing.T) {
	var events []map[string]any
	for _, row := range readCSV(t, "crm/sales_pipeline.csv") {
		kind := map[string]string{"Won": "opportunity_won", "Lost": "opportunity_lost"}[row["deal_stage"]]
		if kind == "" {
			continue
		}
		e := map[string]any{"ts": row["close_date"] + " 00:00:00", "anonymous_id": "opportunity:" + row["opportunity_id"], "kind": kind, "channel": "crm"}
		if kind == "opportunity_won" {
			e["value"], e["currency"] = json.Number(row["close_value"]), "USD"
		}
		events = append(events, e)
	}
	db := openDatabase(t)
	insertEvents(t, db, 0, events)

	type quarter struct {
		Quarter string             `json:"quarter"`
		Won     int                `json:"won"`
		Lost    int                `json:"lost"`
		Rate    float64            `json:"rate"`
		Value   map[string]float64 `json:"won_value"`
	}
	var got []string
	for d := json.NewDecoder(strings.NewReader(ask(t, db, "win_rate", "ndjson", nil))); d.More(); {
		var q quarter
		if err := d.Decode(&q); err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%s: %d won, %.2f %%", q.Quarter, q.Won, 100*q.Rate)
		if q.Quarter == "all" {
			line += fmt.Sprintf(", %d lost, %.0f USD", q.Lost, q.Value["USD"])
		}
		got = append(got, line)
	}
	want := []string{"2017-Q1: 531 won, 82.07 %", "2017-Q2: 1254 won, 61.71 %", "2017-Q3: 1257 won, 61.41 %", "2017-Q4: 1196 won, 60.25 %", "all: 4238 won, 63.15 %, 2473 lost, 10005534 USD"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestOlistLeads(t *testing.T) {
	var events []map[string]any
	for _, row := range readCSV(t, "olist-leads/mql_8000_with_landing_page.csv") {
		day, err := time.Parse("02-01-2006", row["first_contact_date"])
		if err != nil {
			t.Fatal(err)
		}
		e := map[string]any{"ts": day.Format("2006-01-02 15:04:05"), "user_id": row["mql_id"], "kind": "lead_created", "channel": "web"}
		if row["origin"] != "" {
			e["properties"] = map[string]string{"origin": row["origin"]}
		}
		events = append(events, e)
	}
	db := openDatabase(t)
	insertEvents(t, db, 0, events)

	var got []string
	for _, line := range strings.Split(ask(t, db, "lead_origins", "csv", nil), "\n")[1:] {
		if f := strings.Split(line, ","); len(f) > 1 {
			got = append(got, f[0]+" "+f[1])
		}
	}
	const want = `"organic_search" 2296, "paid_search" 1586, "social" 1350, "unknown" 1099, "direct_traffic" 499, "email" 493, "referral" 284, "other" 150, "display" 118, "other_publicities" 65, "" 60`
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}
