package queries_test

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// bought is a purchase of the CDNOW file, in cents.
type bought struct {
	who   string
	day   time.Time
	cents int
}

// readCDNOW reads the file as it is, and the events that the mapping in examples/ makes of it.
func readCDNOW(t *testing.T) (all []bought, events []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(realData(t, "cdnow/CDNOW_master.txt").Name())
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		f := strings.Fields(line)
		if len(f) != 4 || i == 0 {
			continue
		}
		day, err := time.Parse("20060102", f[1])
		if err != nil {
			t.Fatal(err)
		}
		var units, cents int
		if _, err := fmt.Sscanf(f[3], "%d.%02d", &units, &cents); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		all = append(all, bought{f[0], day, 100*units + cents})
		events = append(events, map[string]any{"ts": day.Format("2006-01-02 15:04:05"), "user_id": f[0], "kind": "purchase", "channel": "web", "value": json.Number(f[3]), "currency": "EUR"})
	}
	return all, events
}

// decoded reads an answer in ndjson.
func decoded[T any](t *testing.T, ndjson string) (all []T) {
	t.Helper()
	for d := json.NewDecoder(strings.NewReader(ndjson)); d.More(); {
		var row T
		if err := d.Decode(&row); err != nil {
			t.Fatalf("%v in %.500s", err, ndjson)
		}
		all = append(all, row)
	}
	return all
}

type cohortRow struct {
	Cohort     string  `json:"cohort"`
	Month      int     `json:"month"`
	Customers  int     `json:"customers"`
	Buyers     int     `json:"buyers"`
	Orders     int     `json:"orders"`
	Cumulative float64 `json:"cumulative"`
	LTV        float64 `json:"ltv"`
	Complete   bool    `json:"complete"`
}

// naiveCohorts is the triangle of the months from the first to the last purchase, up to the day after the last.
func naiveCohorts(all []bought, months int, end time.Time) []cohortRow {
	first := map[string]time.Time{}
	for _, b := range all {
		if f, seen := first[b.who]; !seen || b.day.Before(f) {
			first[b.who] = b.day
		}
	}
	monthOf := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC) }
	cells := map[string]*cohortRow{}
	who := map[string]map[string]bool{}
	cents := map[string]int{}
	sizes := map[time.Time]int{}
	for _, f := range first {
		sizes[monthOf(f)]++
	}
	key := func(cohort time.Time, month int) string {
		return fmt.Sprintf("%s %03d", cohort.Format("2006-01-02"), month)
	}
	for cohort, customers := range sizes {
		for month := range months {
			begin := cohort.AddDate(0, month, 0)
			if !begin.Before(end) {
				break
			}
			cells[key(cohort, month)] = &cohortRow{Cohort: cohort.Format("2006-01-02"), Month: month, Customers: customers, Complete: !begin.AddDate(0, 1, 0).After(end)}
			who[key(cohort, month)] = map[string]bool{}
		}
	}
	for _, b := range all {
		cohort := monthOf(first[b.who])
		month := (b.day.Year()-cohort.Year())*12 + int(b.day.Month()-cohort.Month())
		if c := cells[key(cohort, month)]; c != nil {
			c.Orders++
			who[key(cohort, month)][b.who] = true
			cents[key(cohort, month)] += b.cents
		}
	}
	keys := make([]string, 0, len(cells))
	for k := range cells {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	rows, sum := make([]cohortRow, 0, len(keys)), 0
	for _, k := range keys {
		c := cells[k]
		if c.Month == 0 {
			sum = 0
		}
		sum += cents[k]
		c.Buyers, c.Cumulative = len(who[k]), float64(sum)/100
		c.LTV = round4(float64(sum) / 100 / float64(c.Customers))
		rows = append(rows, *c)
	}
	return rows
}

func round4(f float64) float64 {
	var r float64
	_, _ = fmt.Sscan(fmt.Sprintf("%.4f", f), &r)
	return r
}

type rfmRow struct {
	Recency   int     `json:"recency"`
	Frequency int     `json:"frequency"`
	Customers int     `json:"customers"`
	Orders    int     `json:"orders"`
	Revenue   float64 `json:"revenue"`
}

// naiveRFM sorts customers and counts, for each value, those that are worse.
func naiveRFM(all []bought) []rfmRow {
	type customer struct{ last, orders, cents int }
	people := map[string]*customer{}
	for _, b := range all {
		c := people[b.who]
		if c == nil {
			c = &customer{}
			people[b.who] = c
		}
		c.orders, c.cents, c.last = c.orders+1, c.cents+b.cents, max(c.last, int(b.day.Unix()/86400))
	}
	score := func(value func(customer) int) func(customer) int {
		var sorted []int
		for _, c := range people {
			sorted = append(sorted, value(*c))
		}
		sort.Ints(sorted)
		return func(c customer) int { return 1 + 5*sort.SearchInts(sorted, value(c))/len(sorted) }
	}
	recency, frequency := score(func(c customer) int { return c.last }), score(func(c customer) int { return c.orders })
	cells := map[[2]int]*rfmRow{}
	for _, c := range people {
		k := [2]int{recency(*c), frequency(*c)}
		if cells[k] == nil {
			cells[k] = &rfmRow{Recency: k[0], Frequency: k[1]}
		}
		cells[k].Customers++
		cells[k].Orders += c.orders
		cells[k].Revenue += float64(c.cents)
	}
	rows := make([]rfmRow, 0, len(cells))
	for _, c := range cells {
		c.Revenue = float64(int(c.Revenue)) / 100
		rows = append(rows, *c)
	}
	sort.Slice(rows, func(i, j int) bool {
		return rows[i].Recency > rows[j].Recency || rows[i].Recency == rows[j].Recency && rows[i].Frequency > rows[j].Frequency
	})
	return rows
}

// First-time buyers, loyal fans, repeat purchases, LTV by cohort and RFM of CDNOW, computed from the file without a database.
func TestCDNOWCustomers(t *testing.T) {
	all, events := readCDNOW(t)
	db := openDatabase(t)
	insertEvents(t, db, 0, events)
	end := time.Date(1998, 7, 1, 0, 0, 0, 0, time.UTC)

	period := map[string]string{"from": "1997-01-01", "to": "1998-07-01", "months": "18"}
	if diff := cmp.Diff(naiveCohorts(all, 18, end), decoded[cohortRow](t, ask(t, db, "ltv_by_cohort", "ndjson", period))); diff != "" {
		t.Errorf("LTV by cohort (- file, + query):\n%s", diff)
	}
	if diff := cmp.Diff(naiveRFM(all), decoded[rfmRow](t, ask(t, db, "rfm", "ndjson", nil))); diff != "" {
		t.Errorf("RFM (- file, + query):\n%s", diff)
	}

	orders, lastYear := map[string]int{}, map[string]int{}
	for _, b := range all {
		if orders[b.who]++; !b.day.Before(end.AddDate(0, 0, -365)) {
			lastYear[b.who]++
		}
	}
	once, loyal := 0, 0
	for who, n := range orders {
		if n == 1 {
			once++
		}
		if lastYear[who] >= 3 {
			loyal++
		}
	}
	got := scan(t, db, `SELECT concat(toString((SELECT countIf(orders = 1) FROM person_value)), ' bought once, ', toString(
		(SELECT countIf(n >= 3) FROM (SELECT person_id, count() AS n FROM outcomes WHERE ordered AND ts >= '1997-07-01' AND ts < '1998-07-01' GROUP BY person_id))), ' loyal, ', toString(
		(SELECT sum(revenue) FROM person_value)), ' in all')`)
	if want := fmt.Sprintf("%d bought once, %d loyal, 2500315.63 in all", once, loyal); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	t.Log(got)
}

// Hillstrom's experiment with the mails as they would have come: sent with a campaign, and a visit of who was mailed through the link in
// it. Attribution gives the mails every order of who was mailed; the experiment says that without them there would have been more
// than half of these orders all the same, which is why both stand in docs/value.md.
func TestHillstromAttribution(t *testing.T) {
	var events []map[string]any
	want := map[string][2]int{} // campaign: orders, cents
	sent, visits := map[string]int{}, map[string]int{}
	for i, row := range readCSV(t, "hillstrom/hillstrom.csv") {
		who, campaign := fmt.Sprintf("hillstrom-%d", i+1), strings.TrimSuffix(row["segment"], " E-Mail")
		if campaign == "No" {
			campaign = ""
		} else {
			sent[campaign]++
			events = append(events, map[string]any{"ts": "2008-03-01 12:00:00", "user_id": who, "kind": "email_sent", "channel": "email", "utm_campaign": campaign})
		}
		if row["visit"] == "1" {
			visits[campaign]++
			if campaign != "" {
				events = append(events, map[string]any{"ts": "2008-03-08 11:59:00", "user_id": who, "kind": "email_click", "channel": "email", "utm_campaign": campaign})
			}
			events = append(events, map[string]any{"ts": "2008-03-08 12:00:00", "user_id": who, "kind": "page_view", "channel": "web", "path": "/"})
		}
		if row["conversion"] == "1" {
			var units, cents int
			if _, err := fmt.Sscanf(row["spend"]+"00", "%d.%2d", &units, &cents); err != nil {
				if _, err := fmt.Sscan(row["spend"], &units); err != nil {
					t.Fatal(err)
				}
			}
			want[campaign] = [2]int{want[campaign][0] + 1, want[campaign][1] + 100*units + cents}
			events = append(events, map[string]any{"ts": "2008-03-08 12:30:00", "user_id": who, "kind": "purchase", "value": json.Number(row["spend"]), "currency": "EUR"})
		}
	}
	db := openDatabase(t)
	insertEvents(t, db, 0, events)

	period := map[string]string{"from": "2008-03-01", "to": "2008-03-15"}
	type mailed struct {
		Campaign   string `json:"campaign"`
		Recipients int    `json:"recipients"`
		Clickers   int    `json:"clickers"`
	}
	for _, m := range decoded[mailed](t, ask(t, db, "email_engagement", "ndjson", period)) {
		if m.Recipients != sent[m.Campaign] || m.Clickers != visits[m.Campaign] {
			t.Errorf("%+v, the file has %d mailed and %d visits", m, sent[m.Campaign], visits[m.Campaign])
		}
	}
	type credited struct {
		Acquisition string  `json:"acquisition"`
		Campaign    string  `json:"campaign"`
		First       float64 `json:"first"`
		Last        float64 `json:"last"`
		Linear      float64 `json:"linear"`
		Amount      float64 `json:"linear_amount"`
	}
	var got, file []credited
	got = decoded[credited](t, ask(t, db, "attribution_campaigns", "ndjson", period))
	for campaign, w := range want {
		c := credited{Acquisition: "email", Campaign: campaign, First: float64(w[0]), Last: float64(w[0]), Linear: float64(w[0]), Amount: float64(w[1]) / 100}
		if campaign == "" {
			c.Acquisition = "direct"
		}
		file = append(file, c)
	}
	sort.Slice(file, func(i, j int) bool { return file[i].Linear > file[j].Linear })
	if diff := cmp.Diff(file, got); diff != "" {
		t.Errorf("attribution (- file, + query):\n%s", diff)
	}
	t.Log(got)
}

// scan returns the first row of a statement as text.
func scan(t *testing.T, db database, sql string) string {
	t.Helper()
	answer, err := db.QueryFormat(t.Context(), "TSVRaw", sql)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	var b strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := answer.Read(buffer)
		b.Write(buffer[:n])
		if err != nil {
			return strings.TrimSpace(b.String())
		}
	}
}
