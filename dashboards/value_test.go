package dashboards_test

import (
	"fmt"
	"testing"
)

// dollarRate and spent are measurements of the fixture's day: a dollar is worth half a euro, and the spring campaign cost 7 euros.
const (
	dollarRate = `
INSERT INTO measurements (kind, channel, campaign, ts, value, currency, received_at)
SELECT 'exchange_rate', '', 'USD/EUR', toStartOfDay(now('UTC')) - INTERVAL 1 DAY, 0.5, 'USD', now64(3)`
	spent = `
INSERT INTO measurements (kind, channel, campaign, ts, value, currency, received_at)
SELECT 'ad_spend', 'email', 'spring', toStartOfDay(now('UTC')) - INTERVAL 1 DAY, 7, 'EUR', now64(3)`
)

// The figures of the fixture on the value board: eight orders of 10.50, half of them in dollars, all of people who came directly.
func TestValueBoardCounts(t *testing.T) {
	w := warehouseWithEvents(t, true)
	for _, b := range boards(t) {
		if b.File != "customer-value.json" {
			continue
		}
		d := parse(t, b)
		for title, want := range map[string]string{
			"Conversions by channel and model": "[[direct 8 8 8]]",
			"ROI and LTV by channel":           "[[direct <nil> 8 63 <nil> 8 <nil> 7.875 <nil> ] [email 7 0 0 -1 0 <nil> <nil> <nil> ]]",
			"ROI and LTV by campaign":          "[[email spring 7 0 0 -1 0 <nil> <nil> <nil> ]]",
			"RFM grid":                         "[[1 8 0 0 0 0 63 ]]",
		} {
			if got := fmt.Sprint(ask(t, w, d.panel(t, title).Targets[0].RawSQL, nil).rows); got != want {
				t.Errorf("%s: %s, want %s", title, got, want)
			}
		}
		return
	}
	t.Fatal("there is no board customer-value.json")
}
