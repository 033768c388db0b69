package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// funnelOfMetrics is leadership's board: what a period was worth, and down the funnel what fed it, against the period before.
func funnelOfMetrics() (dashboard.Dashboard, error) {
	board, c := newBoard("Funnel of metrics", "livello-funnel-of-metrics",
		"What marketing was worth in the period, and what fed it: business, outcomes, interaction and advocacy, counts. Each beside the same number of days before. Days are whole UTC days.",
		"now-30d", "5m")
	board.
		WithVariable(channelVariable(c)).
		WithRow(dashboard.NewRowBuilder("Worth, money in the base currency")).
		WithPanel(metric(c, "Revenue", "revenue", amount)).
		WithPanel(metric(c, "Cost", "cost", amount)).
		WithPanel(metric(c, "Return on investment", "roi", share)).
		WithPanel(metric(c, "Lifetime value of a customer", "ltv", amount)).
		WithPanel(metric(c, "Cost of a new customer", "cac", amount)).
		WithPanel(metric(c, "Lifetime value to cost", "ltv_to_cac", ratio)).
		WithRow(dashboard.NewRowBuilder("What it led to")).
		WithPanel(metric(c, "Conversions", "conversions", count)).
		WithPanel(metric(c, "New customers", "new_customers", count)).
		WithPanel(metric(c, "Orders of returning customers", "repeat_purchase_rate", share)).
		WithPanel(metric(c, "Retention within a week", "retention", share)).
		WithPanel(metric(c, "NPS", "nps", share)).
		WithPanel(metric(c, "CSAT", "csat", share)).
		WithRow(dashboard.NewRowBuilder("The loop, from business down to counts")).
		WithPanel(loop(c, "Business", "business")).
		WithPanel(loop(c, "Outcomes", "outcome")).
		WithPanel(loop(c, "Interaction and advocacy", "foundational")).
		WithPanel(loop(c, "Counts", "counting")).
		WithRow(dashboard.NewRowBuilder("Channels, money in the base currency")).
		WithPanel(rateOverTime(c)).
		WithPanel(moneyOverTime(c)).
		WithPanel(channelsOfMetrics(c)).
		WithRow(dashboard.NewRowBuilder("What cannot be told")).
		WithPanel(metricProblems(c))
	return finish(board, c)
}
