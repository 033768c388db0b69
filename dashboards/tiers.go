package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// tiers is the board on who behaves like a buyer, why, and whether that foretells anything.
func tiers() (dashboard.Dashboard, error) {
	board, c := newBoard("Tiers", "livello-tiers",
		"Who behaves like a buyer now, why, who moved, and whether people of a tier or micro-segment do convert. What the words mean is defined in a file of yours (docs/definitions.md); times are UTC; each panel's text says where its numbers come from.",
		"now-90d", "1m")
	board.
		WithRow(dashboard.NewRowBuilder("Now, and whether it is up to date")).
		WithPanel(peopleOfTier(c, "Tier 2: behave like buyers", 2)).
		WithPanel(peopleOfTier(c, "Tier 1: known", 1)).
		WithPanel(peopleOfTier(c, "Not known yet", 0)).
		WithPanel(cameIntoTier2(c)).
		WithPanel(waitingNews(c)).
		WithPanel(overduePeople(c)).
		WithRow(dashboard.NewRowBuilder("Who is where")).
		WithPanel(tierDistribution(c)).
		WithPanel(tiersOverTime(c)).
		WithRow(dashboard.NewRowBuilder("Who moved, and where in their life as customers people are")).
		WithPanel(tierMovers(c)).
		WithPanel(lifecycle(c)).
		WithRow(dashboard.NewRowBuilder("Who to talk to first, and why")).
		WithPanel(topList(c)).
		WithRow(dashboard.NewRowBuilder("Does it foretell who converts")).
		WithPanel(segmentOutcomes(c)).
		WithPanel(signalStrength(c))
	return finish(board, c)
}
