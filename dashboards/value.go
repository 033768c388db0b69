package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// value is the board on what customers are worth and which ways in bring them.
func value() (dashboard.Dashboard, error) {
	c, err := newCatalogue()
	if err != nil {
		return dashboard.Dashboard{}, err
	}
	board := dashboard.NewDashboardBuilder("Customer value and acquisition").
		Uid("livello-customer-value").
		Description("What customers bring, month after month, what winning them costs, and which ways in it is credited to. Money is in the base currency of the definitions; times are UTC.").
		Tags([]string{boardTag}).
		Timezone(common.TimeZoneUtc).Time("now-365d", "now").Refresh("15m").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Link(otherBoards()).
		WithVariable(datasourceVariable()).
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
	if c.err != nil {
		return dashboard.Dashboard{}, fmt.Errorf("queries of the board: %w", c.err)
	}
	d, err := board.Build()
	if err != nil {
		return d, fmt.Errorf("build the board: %w", err)
	}
	numberPanels(&d)
	for i := range d.Links {
		d.Links[i].Placement = nil // as on the overview
	}
	return d, nil
}
