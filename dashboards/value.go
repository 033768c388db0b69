package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// value is the board on what customers are worth and which ways in bring them.
func value() (dashboard.Dashboard, error) {
	board, c := newBoard("Customer value and acquisition", "livello-customer-value",
		"What customers bring, month after month, what winning them costs, and which ways in it is credited to. Money is in the base currency of the definitions; times are UTC.",
		"now-365d", "15m")
	board.
		WithRow(dashboard.NewRowBuilder("Lifetime value by cohort")).
		WithPanel(cohortCurves(c)).
		WithPanel(cohortTriangle(c)).
		WithRow(dashboard.NewRowBuilder("Short horizon beside long")).
		WithPanel(channelReturn(c)).
		WithPanel(campaignReturn(c)).
		WithRow(dashboard.NewRowBuilder("Who gets the credit")).
		WithPanel(attributionModels(c)).
		WithPanel(attributionCampaigns(c)).
		WithPanel(sessionsOverTime(c)).
		WithRow(dashboard.NewRowBuilder("Customers by recency and frequency")).
		WithPanel(rfmGrid(c)).
		WithPanel(bestCustomers(c))
	return finish(board, c)
}
