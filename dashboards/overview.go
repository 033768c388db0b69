package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// overview is the first board to look at: what came in, on which channels, who did it and where it led.
func overview() (dashboard.Dashboard, error) {
	board, c := newBoard("Engagement overview", "livello-engagement-overview",
		"What people did on every channel, who is engaged now, and what it led to. Times are UTC; each panel's text says where its numbers come from.",
		"now-30d", "1m")
	totals := c.ask("totals")
	board.
		WithVariable(channelVariable(c)).
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
	return finish(board, c)
}
