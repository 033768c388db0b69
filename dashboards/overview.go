package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// overview is the first board to look at: what came in, on which channels, who did it and where it led.
func overview() (dashboard.Dashboard, error) {
	c, err := newCatalogue()
	if err != nil {
		return dashboard.Dashboard{}, err
	}
	totals := c.ask("totals")
	board := dashboard.NewDashboardBuilder("Engagement overview").
		Uid("livello-engagement-overview").
		Description("What people did on every channel, who is engaged now, and what it led to. Times are UTC; each panel's text says where its numbers come from.").
		Tags([]string{boardTag}).
		Timezone(common.TimeZoneUtc).Time("now-30d", "now").Refresh("1m").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Link(otherBoards()).
		WithVariable(datasourceVariable()).
		WithVariable(channelVariable(c.pick("channel_summary", "SELECT toString(channel) AS channel FROM answer ORDER BY channel"))).
		WithRow(dashboard.NewRowBuilder("Totals of the period")).
		WithPanel(number("Events", c.pick("totals", "SELECT events FROM answer"), totals.about("events"), count)).
		WithPanel(number("People", c.pick("totals", "SELECT people FROM answer"), totals.about("people"), count)).
		WithPanel(number("Purchases", c.pick("totals", "SELECT purchases FROM answer"), totals.about("purchases"), count)).
		WithPanel(revenue(c)).
		WithPanel(machineShare(c)).
		WithPanel(freshness(c)).
		WithRow(dashboard.NewRowBuilder("What happened")).
		WithPanel(eventsByChannel(c)).
		WithPanel(eventsByKind(c)).
		WithRow(dashboard.NewRowBuilder("Who, and how far they came")).
		WithPanel(activePeople(c)).
		WithPanel(funnel(c)).
		WithRow(dashboard.NewRowBuilder("Channels and content")).
		WithPanel(channelSummary(c)).
		WithPanel(topContent(c)).
		WithPanel(emailEngagement(c)).
		WithRow(dashboard.NewRowBuilder("People to look at")).
		WithPanel(mostEngaged(c)).
		WithRow(dashboard.NewRowBuilder("Do the numbers add up")).
		WithPanel(dataTrust(c)).
		WithPanel(verifications(c))
	if c.err != nil {
		return dashboard.Dashboard{}, fmt.Errorf("queries of the board: %w", c.err)
	}
	d, err := board.Build()
	if err != nil {
		return d, fmt.Errorf("build the board: %w", err)
	}
	numberPanels(&d)
	for i := range d.Links {
		d.Links[i].Placement = nil // the SDK's default hides links in a menu; without one they stand above the panels
	}
	return d, nil
}

// boardTag is on every board of ours; the link above each lists them.
const boardTag = "livello"

func otherBoards() *dashboard.DashboardLinkBuilder {
	return dashboard.NewDashboardLinkBuilder("Livello boards").
		Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{boardTag}).
		AsDropdown(true).IncludeVars(true).KeepTime(true)
}

// numberPanels gives panels and rows their ids, in order: links to a panel hold its id.
func numberPanels(d *dashboard.Dashboard) {
	for i, p := range d.Panels {
		id := uint32(i + 1)
		if p.RowPanel != nil {
			p.RowPanel.Id = id
		} else {
			p.Panel.Id = &id
		}
	}
}
