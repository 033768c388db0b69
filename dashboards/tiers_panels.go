package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// place names a tier and its micro-segment in one text, as segment_outcomes does.
const place = "trim(concat('tier ', toString(tier), ' ', micro_segment))"

// asOfNow is said of what does not follow the range of the board.
const asOfNow = "\n\nAs of now, whatever the range of the board."

func peopleOfTier(c *catalogue, title string, tier int) *stat.PanelBuilder {
	a := c.pick("tier_distribution", fmt.Sprintf("SELECT sumIf(people, tier = %d) AS people FROM answer", tier))
	return number(title, a, a.about("tier", "people")+asOfNow, count)
}

func cameIntoTier2(c *catalogue) *stat.PanelBuilder {
	a := c.pick("tier_movers", "SELECT sumIf(came_7d, tier = 2) AS came_7d FROM answer")
	about := "People who came into a micro-segment of tier 2 in the seven days before the end of the range; who came into two of them counts in both.\n\n" + a.about("came_7d")
	return number("Came into tier 2, 7 days", a, about, count)
}

// waitingNews turns orange where the service is behind with loading or evaluation, and red where it does not evaluate at all.
func waitingNews(c *catalogue) *stat.PanelBuilder {
	a := c.pick("tier_freshness", "SELECT waiting_seconds FROM answer")
	return number("Oldest news not evaluated", a, a.about("waiting_seconds"), seconds).NoValue("not evaluated").
		Thresholds(steps(calm, step{10, warn}, step{120, bad}))
}

func overduePeople(c *catalogue) *stat.PanelBuilder {
	a := c.pick("tier_freshness", "SELECT overdue FROM answer")
	return number("People overdue", a, a.about("overdue"), count).
		Thresholds(steps(calm, step{1, warn}))
}

func tierDistribution(c *catalogue) *table.PanelBuilder {
	a := c.pick("tier_distribution", "SELECT "+place+" AS segment, people, share, score, days, action FROM answer")
	return rows("People by tier and micro-segment", a, a.about("tier", "people", "score", "days", "action")+asOfNow,
		column{name: "segment", title: "Segment", width: 120},
		column{name: "people", title: "People", unit: count, width: 70},
		column{name: "share", title: "Share", unit: share, width: 100, gauge: true},
		column{name: "score", title: "Median score", unit: score, width: 105},
		column{name: "days", title: "Median days", unit: days, width: 100},
		column{name: "action", title: "What next", wrap: true},
	).Span(half)
}

func tiersOverTime(c *catalogue) *timeseries.PanelBuilder {
	a := c.pick("tier_over_time", "SELECT toDateTime(day, 'UTC') AS time, "+place+" AS segment, sum(people) AS people FROM answer GROUP BY time, segment ORDER BY time, segment")
	return series("People by segment over time", a, a.about("people")).Span(half).
		Interval("1d").
		DisplayName("${__field.labels.segment}")
}

func tierMovers(c *catalogue) *table.PanelBuilder {
	a := c.pick("tier_movers", "SELECT "+place+" AS segment, came_24h, left_24h, came_7d, left_7d FROM answer ORDER BY segment DESC")
	return rows("Came and left", a, a.about("came_24h", "left_24h", "came_7d", "left_7d")+"\n\nBefore the end of the range of the board.",
		column{name: "segment", title: "Segment"},
		column{name: "came_24h", title: "Came, 24 h", unit: count, width: 100},
		column{name: "left_24h", title: "Left, 24 h", unit: count, width: 100},
		column{name: "came_7d", title: "Came, 7 days", unit: count, width: 110},
		column{name: "left_7d", title: "Left, 7 days", unit: count, width: 110},
	).Span(half)
}

func lifecycle(c *catalogue) *barchart.PanelBuilder {
	a := c.pick("tier_lifecycle", "SELECT lifecycle, people FROM answer ORDER BY people DESC, lifecycle")
	return bars("Lifecycle segments", a, a.about("lifecycle", "people")+asOfNow, "lifecycle").Span(half)
}

func topList(c *catalogue) *table.PanelBuilder {
	a := c.pick("tier_top", "SELECT person_id, micro_segment, score, reasons, action, lifecycle, since, last_seen FROM answer", "limit", "50")
	return rows("Top list of tier 2", a, a.about("score", "reasons", "action", "since")+asOfNow,
		column{name: "person_id", title: "Person", width: 160},
		column{name: "micro_segment", title: "Segment", width: 85},
		column{name: "score", title: "Score of 100", unit: score, width: 120, gauge: true},
		column{name: "reasons", title: "Why (points of the score)", wrap: true},
		column{name: "action", title: "Action required", width: 230, wrap: true},
		column{name: "lifecycle", title: "Lifecycle", width: 125},
		column{name: "since", title: "Since, UTC", width: 155},
		column{name: "last_seen", title: "Last seen, UTC", width: 155},
	).Span(full).Height(11)
}

func segmentOutcomes(c *catalogue) *table.PanelBuilder {
	a := c.pick("segment_outcomes", "SELECT segment, verdict, people, known, conversions, rate, rate_low, rate_high, lift, warning FROM answer")
	return rows("Do segments convert", a, a.about("verdict", "known", "conversions", "rate_low", "rate_high", "lift", "warning"),
		column{name: "segment", title: "Segment", width: 130},
		column{name: "verdict", title: "Verdict", width: 120},
		column{name: "people", title: "Came", unit: count, width: 90},
		column{name: "known", title: "Outcome known", unit: count, width: 125},
		column{name: "conversions", title: "Converted", unit: count, width: 90},
		column{name: "rate", title: "Rate", unit: share, width: 160, gauge: true},
		column{name: "rate_low", title: "95 % range from", unit: share, width: 120},
		column{name: "rate_high", title: "to", unit: share, width: 80},
		column{name: "lift", title: "Times the others", unit: ratio, width: 120},
		column{name: "warning", title: "Warning", wrap: true},
	).Span(full).Height(8)
}

func signalStrength(c *catalogue) *table.PanelBuilder {
	a := c.pick("signal_strength", "SELECT signals, people, known, false_positives, rate, rate_low, rate_high, note FROM answer")
	return rows("Two signals beside three", a, a.about("signals", "known", "false_positives", "rate", "rate_low", "rate_high"),
		column{name: "signals", title: "Kinds of signs", width: 130},
		column{name: "people", title: "People", unit: count, width: 90},
		column{name: "known", title: "Outcome known", unit: count, width: 125},
		column{name: "false_positives", title: "Did not convert", unit: count, width: 120},
		column{name: "rate", title: "Rate", unit: share, width: 160, gauge: true},
		column{name: "rate_low", title: "95 % range from", unit: share, width: 120},
		column{name: "rate_high", title: "to", unit: share, width: 80},
		column{name: "note", title: "Note"},
	).Span(full).Height(5)
}
