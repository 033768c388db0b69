package funnel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/livello/livello/funnel"
	"github.com/livello/livello/measurements"
	"github.com/livello/livello/queries"
	"github.com/livello/livello/test/engine"
)

// converting is every view and query that adds up money of several currencies, and what of it is money or made of it. A place that converts and is
// not here fails the test below.
var converting = map[string]string{
	"view outcomes":               "amount FROM outcomes",
	"view attribution_between":    "amount, linear_amount FROM attribution_between(from = {from}, to = {to}, lookback = 30)",
	"view person_orders":          "gross, refunded, revenue, average_order FROM person_orders(person = '')",
	"view person_value":           "gross, refunded, revenue, average_order, historic_ltv, monetary FROM person_value",
	"view customer_terms":         "amount FROM customer_terms WHERE term = 'person:acquired_revenue'",
	"view funnel_terms":           "amount FROM funnel_terms WHERE startsWith(term, 'value:') OR term IN ('measurement:ad_spend', 'person:acquired_revenue')",
	"view metric_funnel":          "value, numerator FROM metric_funnel WHERE metric IN ('revenue', 'cost', 'roi', 'cac', 'average_order', 'ltv')",
	"query attribution":           "first_amount last_amount linear_amount",
	"query attribution_campaigns": "first_amount last_amount linear_amount",
	"query campaign_roi":          "cost revenue roi cac ltv ltv_to_cac",
	"query ltv_by_cohort":         "revenue cumulative ltv",
	"query person_value":          "gross refunded revenue average_order historic_ltv",
	"query rfm":                   "revenue per_customer monetary",
	"query metric_by_channel":     "value numerator",
	"query metric_loop":           "value",
	"query metric_over_time":      "value numerator",
}

// moneyMetrics are asked of the queries that answer any metric.
const moneyMetrics = "revenue,cost,roi,cac,average_order,ltv"

// countsOnly are the places that read those views and use no money of theirs.
var countsOnly = []string{"query experiment_arms"}

// TestMissingRateIsNeverZero has an order, a refund and ad spend in a currency without a rate, and nothing else: wherever money is converted there is
// no number, and the reason names the currency.
func TestMissingRateIsNeverZero(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := engine.Migrated(t)
	now := time.Now().UTC().Truncate(time.Second)
	at := dayOf(now).AddDate(0, 0, -3).Add(9 * time.Hour)
	store(t, db, "", world{}, []did{
		{at: at, person: "ann", id: "ann", kind: "page_view", channel: "web"},
		{at: at.Add(time.Minute), person: "ann", id: "ann", kind: "purchase", channel: "web", value: 20, currency: "CHF"},
		{at: at.Add(2 * time.Minute), person: "ann", id: "ann", kind: "refund", channel: "web", value: 5, currency: "CHF"},
	})
	var spent []measurements.Measurement
	for _, channel := range []string{"web", "direct"} { // where the order was, and by which way the person came
		spent = append(spent, measurements.Measurement{Kind: "ad_spend", Channel: channel, Time: at, Value: decimal.NewFromInt(3), Currency: "CHF"})
	}
	if err := measurements.Store(ctx, db, "test", now, spent); err != nil {
		t.Fatal(err)
	}
	if err := funnel.New(funnel.Options{DB: db}).Tick(ctx); err != nil {
		t.Fatal(err)
	}
	from, to := dayOf(now).AddDate(0, 0, -20), dayOf(now)
	for place, money := range converting {
		kind, name, _ := strings.Cut(place, " ")
		var answer bytes.Buffer
		columns := strings.Fields(money)
		if kind == "view" {
			list, source, _ := strings.Cut(money, " FROM ")
			quoted := func(t time.Time) string { return t.Format("'2006-01-02 15:04:05'") }
			source = strings.NewReplacer("{from}", quoted(from), "{to}", quoted(to)).Replace(source)
			rows, err := db.QueryFormat(ctx, "JSONEachRow", "SELECT "+list+", problem FROM "+source)
			if err != nil {
				t.Fatalf("%s: %v", place, err)
			}
			if _, err := answer.ReadFrom(rows); err != nil {
				t.Fatalf("%s: %v", place, err)
			}
			if err := rows.Close(); err != nil {
				t.Fatalf("%s: %v", place, err)
			}
			columns = regexp.MustCompile(`\w+(?:,|$)`).FindAllString(list, -1)
		} else {
			params := map[string]string{}
			if name != "rfm" && name != "person_value" {
				params["from"], params["to"] = from.Format(time.DateOnly), to.Format(time.DateOnly)
			}
			if name == "metric_by_channel" || name == "metric_over_time" {
				params["metrics"] = moneyMetrics
			}
			if err := (queries.Runner{DB: db}).Run(ctx, name, params, "ndjson", &answer); err != nil {
				t.Fatalf("%s: %v", place, err)
			}
		}
		told := 0
		for d := json.NewDecoder(&answer); d.More(); {
			row := map[string]any{}
			if err := d.Decode(&row); err != nil {
				t.Fatalf("%s: %v", place, err)
			}
			if metric, ok := row["metric"].(string); ok && !slices.Contains(strings.Split(moneyMetrics, ","), metric) {
				continue
			}
			if name == "campaign_roi" && row["acquisition"] == "web" {
				continue // nobody came by it
			}
			problem := fmt.Sprint(row["problem"])
			if strings.Contains(problem, "no rate from CHF to EUR for "+at.Format(time.DateOnly)) {
				told++
			}
			for _, column := range columns {
				column = strings.TrimSuffix(column, ",")
				value, there := row[column]
				if !there {
					t.Fatalf("%s: there is no column %s", place, column)
				}
				if value != nil {
					t.Errorf("%s: %s is %v without a rate, problem %q", place, column, value, problem)
				}
			}
		}
		if told == 0 {
			t.Errorf("%s: no row says which rate is missing", place)
		}
	}
}

// TestEveryConversionIsListed finds places that read converted money by the text of the SQL.
func TestEveryConversionIsListed(t *testing.T) {
	reads := regexp.MustCompile(`(?:FROM|JOIN) (?:daily_rates|outcomes|person_orders|person_value|attribution_between|customer_terms|funnel_terms|metric_funnel)\b`)
	comment := regexp.MustCompile(`--.*`)
	known := append(slices.Collect(maps.Keys(converting)), countsOnly...)
	check := func(place, text string) {
		if reads.MatchString(comment.ReplaceAllString(text, "")) && !slices.Contains(known, place) {
			t.Errorf("%s reads money that is converted: add it to converting, or to countsOnly", place)
		}
	}
	folder := os.DirFS("../schema")
	files, err := fs.Glob(folder, "views/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("views: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(folder, file)
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), "_")
		check("view "+name, string(text))
	}
	set, err := queries.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range set.All() {
		check("query "+q.Name, q.SQL)
	}
}
