package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// boardTag is on every board of ours; the link above each lists them.
const boardTag = "livello"

// newBoard begins a board with what all of them have: UTC, links to the others, one crosshair on all panels and the choice of
// a warehouse. It opens on the time from until now and reads again every refresh. Answers for its panels come from the
// catalogue; finish reports what went wrong on the way.
func newBoard(title, uid, about, from, refresh string) (*dashboard.DashboardBuilder, *catalogue) {
	board := dashboard.NewDashboardBuilder(title).
		Uid(uid).
		Description(about).
		Tags([]string{boardTag}).
		Timezone(common.TimeZoneUtc).Time(from, "now").Refresh(refresh).
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Link(otherBoards()).
		WithVariable(datasourceVariable())
	return board, newCatalogue()
}

// finish builds the board, or says what kept a panel from its query.
func finish(board *dashboard.DashboardBuilder, c *catalogue) (dashboard.Dashboard, error) {
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
