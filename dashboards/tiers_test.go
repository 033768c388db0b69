package dashboards_test

import (
	"fmt"
	"testing"
)

// The figures of the fixture on the board of tiers: twenty known people, four of whom met two criteria a moment ago.
func TestTiersBoardCounts(t *testing.T) {
	w := warehouseWithEvents(t, true)
	find := func(title string) string {
		t.Helper()
		for _, b := range boards(t) {
			if b.File == "tiers.json" {
				return parse(t, b).panel(t, title).Targets[0].RawSQL
			}
		}
		t.Fatal("there is no board tiers.json")
		return ""
	}
	if got := fmt.Sprint(ask(t, w, find("Oldest news not evaluated"), nil).rows); got != "[[<nil>]]" {
		t.Errorf("before anybody was evaluated news wait for %s, want NULL", got)
	}
	evaluate(t, w)
	for title, want := range map[string]string{
		"Tier 2: behave like buyers": "[[4]]",
		"Tier 1: known":              "[[16]]",
		"Not known yet":              "[[0]]",
		"Came into tier 2, 7 days":   "[[4]]",
		"Oldest news not evaluated":  "[[0]]",
		"People overdue":             "[[0]]",
		"Came and left":              "[[tier 2 medium 4 0 4 0] [tier 1 16 0 16 0] [tier 0 0 20 0 20]]",
		"Do segments convert": "[[tier 2 too few to tell 4 0 0 <nil> <nil> <nil> <nil> ] [tier 1 too few to tell 16 0 0 <nil> <nil> <nil> <nil> ]" +
			" [tier 2 medium too few to tell 4 0 0 <nil> <nil> <nil> <nil> ]]",
		"Two signals beside three": "[[at least 2 4 0 0 <nil> <nil> <nil> too few to tell]]",
	} {
		if got := fmt.Sprint(ask(t, w, find(title), nil).rows); got != want {
			t.Errorf("%s: %s, want %s", title, got, want)
		}
	}
	if top := ask(t, w, find("Top list of tier 2"), nil); len(top.rows) != 4 || top.rows[0][2].(float64) <= 0 || top.rows[0][3] == "" || top.rows[0][4] == "" {
		t.Errorf("top list: %v", top.rows)
	}
	days := ask(t, w, find("People by segment over time"), nil).rows
	if last := fmt.Sprint(days[len(days)-1][1:]); last != "[tier 2 medium 4]" {
		t.Errorf("at the end of the range: %s", last)
	}
}
