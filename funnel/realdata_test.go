package funnel_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/funnel"
	"github.com/livello/livello/test/engine"
)

// data reads a public data set, which is not in this repository; examples/README.md says where to get it.
func data(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../shared/data", name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the data set %s is not here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func table(t *testing.T, name string) []map[string]string {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(data(t, name))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range all[1:] {
		row := map[string]string{}
		for i, cell := range line {
			row[all[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

// TestRealData holds metrics to published figures: deals won and lost by quarter (CRM), purchases and who came back (CDNOW), visits
// and conversions of an experiment (Hillstrom). They lie years apart, so one database serves all. Money counts as the base currency.
func TestRealData(t *testing.T) {
	t.Parallel()
	var body strings.Builder
	event := func(at, id, kind, channel, value string) {
		if value == "" {
			value = "0"
		}
		fmt.Fprintf(&body, `{"event_id":"%s","type":"track","kind":"%s","ts":"%s","channel":"%s","distinct_id":"%s","value":%s,"currency":"EUR"}`+"\n", uuid.New(), kind, at, channel, id, value)
	}
	bought := map[string]int{}
	cents := 0.0
	for _, line := range strings.Split(string(data(t, "cdnow/CDNOW_master.txt")), "\n") {
		f := strings.Fields(line)
		if len(f) != 4 {
			continue
		}
		day, err := time.Parse("20060102", f[1])
		value, err2 := strconv.ParseFloat(f[3], 64)
		if err != nil || err2 != nil {
			continue // the header
		}
		bought[f[0]]++
		cents += math.Round(100 * value)
		event(day.Format(time.DateOnly)+" 00:00:00", "cdnow"+f[0], "purchase", "store", f[3])
	}
	again, orders := 0, 0
	for _, n := range bought {
		orders += n
		if n > 1 {
			again++
		}
	}
	for _, row := range table(t, "crm/sales_pipeline.csv") {
		if kind := map[string]string{"Won": "opportunity_won", "Lost": "opportunity_lost"}[row["deal_stage"]]; kind != "" {
			event(row["close_date"]+" 00:00:00", "deal"+row["opportunity_id"], kind, "crm", row["close_value"])
		}
	}
	for i, row := range table(t, "hillstrom/hillstrom.csv") {
		id := fmt.Sprint("hillstrom", i)
		event("2008-03-01 12:00:00", id, "experiment_exposure", "email", "")
		if row["visit"] == "1" {
			event("2008-03-08 12:00:00", id, "page_view", "web", "")
		}
		if row["conversion"] == "1" {
			event("2008-03-08 12:30:00", id, "purchase", "web", row["spend"])
		}
	}
	db := engine.Migrated(t)
	ctx := context.Background()
	keeper := funnel.New(funnel.Options{DB: db})
	if err := keeper.Tick(ctx); err != nil { // of nothing: so that not every day of twenty years is due
		t.Fatal(err)
	}
	if err := db.InsertFormat(ctx, "JSONEachRow", "INSERT INTO events (event_id, type, kind, ts, channel, distinct_id, value, currency) SETTINGS max_partitions_per_insert_block = 0", strings.NewReader(body.String())); err != nil {
		t.Fatal(err)
	}
	march := time.Date(2008, 3, 1, 0, 0, 0, 0, time.UTC) // the visits below
	if err := errors.Join(keeper.Recount(ctx, march, march.AddDate(0, 1, -1)), keeper.Tick(ctx)); err != nil {
		t.Fatal(err)
	}
	ask := func(what, where string, want ...float64) {
		t.Helper()
		rows, err := db.Query(ctx, "SELECT "+what+" FROM metric_funnel WHERE "+where)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		i := 0
		for rows.Next() {
			var got float64
			if err := rows.Scan(&got); err != nil {
				t.Fatal(err)
			}
			if i >= len(want) || math.Abs(got-want[i]) > 1e-6*math.Max(1, math.Abs(want[i])) {
				t.Errorf("%s where %s, row %d: got %v, want %v", what, where, i+1, got, want)
			}
			i++
		}
		if i != len(want) || rows.Err() != nil {
			t.Errorf("%s where %s: %d rows, want %d, %v", what, where, i, len(want), rows.Err())
		}
	}
	const rate = "sum(numerator) / sum(denominator)"
	const cdnow = " AND day < '1999-01-01'"
	ask("sum(numerator)", "metric = 'revenue'"+cdnow, cents/100)
	ask("sum(numerator)", "metric = 'revenue'"+cdnow, 2500315.63)
	ask("sum(numerator)", "metric = 'new_customers'"+cdnow, 23570)
	ask(rate, "metric = 'average_order'"+cdnow, cents/100/float64(orders))
	ask(rate, "metric = 'second_purchase_rate'"+cdnow, float64(again)/23570)
	ask(rate, "metric = 'repeat_purchase_rate'"+cdnow, float64(orders-23570)/float64(orders))
	ask(rate, "metric = 'ltv'"+cdnow, cents/100/23570)

	const crm = " AND channel = 'crm' AND day >= '2010-01-01'"
	const quarterly = " GROUP BY toStartOfQuarter(day) ORDER BY toStartOfQuarter(day)"
	ask("sum(numerator)", "metric = 'deals_won'"+crm+quarterly, 531, 1254, 1257, 1196)
	ask("sum(numerator)", "metric = 'deals_lost'"+crm, 2473)
	ask("round("+rate+", 4)", "metric = 'win_rate'"+crm+quarterly, 0.8207, 0.6171, 0.6141, 0.6025)
	ask("sum(numerator)", "metric = 'revenue'"+crm, 10005534)

	const hillstrom = " AND day BETWEEN '2008-01-01' AND '2008-12-31'"
	ask("sum(numerator) / 64000", "metric = 'visits'"+hillstrom, 9394.0/64000)
	ask("sum(numerator) / 64000", "metric = 'conversions'"+hillstrom, 578.0/64000)
	ask(rate, "metric = 'conversion_rate'"+hillstrom, 578.0/9394)
}
