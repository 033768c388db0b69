package dashboards_test

import (
	"fmt"
	"strings"
	"testing"
)

// The figures of the fixture on the funnel's board, written with their units: eight orders of 10.50, half of them in dollars, and seven
// euros spent.
func TestFunnelBoardCounts(t *testing.T) {
	w := warehouseWithEvents(t, true)
	for _, b := range boards(t) {
		if b.File != "funnel-of-metrics.json" {
			continue
		}
		d := parse(t, b)
		var got []string
		for _, title := range []string{"Business", "Outcomes"} {
			for _, row := range ask(t, w, d.panel(t, title).Targets[0].RawSQL, nil).rows {
				got = append(got, fmt.Sprint(row[0], " ", row[1], ", before ", row[2]))
			}
		}
		for _, want := range []string{"revenue 63 EUR, before 0 EUR", "cost 7 EUR, before -", "roi 8.00, before -", "conversions 8 conversions, before 0 conversions"} {
			if !strings.Contains(strings.Join(got, "\n"), want) {
				t.Errorf("there is no %q:\n%s", want, strings.Join(got, "\n"))
			}
		}
		return
	}
	t.Fatal("there is no board funnel-of-metrics.json")
}
