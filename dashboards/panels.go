package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// unit says how a number is written: Grafana's name for it, and the places after the point; auto leaves them to Grafana.
type unit struct {
	id       string
	decimals float64
	most     float64 // the largest there is, where bars in cells end; 0: the largest shown
}

const auto = -1

var (
	count   = unit{id: "locale"}              // 12,345: counts are shown in full
	amount  = unit{id: "locale"}              // of the base currency, whose name Grafana does not know, without cents
	credit  = unit{id: "locale", decimals: 1} // conversions that are shared out
	ratio   = unit{id: "none", decimals: 1}
	score   = unit{id: "none", decimals: 1, most: 100}
	days    = unit{id: "none", decimals: 1}
	share   = unit{id: "percentunit", decimals: 1, most: 1}
	short   = unit{id: "short", decimals: auto}
	seconds = unit{id: "s", decimals: auto}
)

// Widths of panels; a row of the grid is 24 wide.
const (
	sixth     = 4
	third     = 8
	half      = 12
	twoThirds = 16
	full      = 24
)

// number is one figure, large. Its query gives a row with one column of numbers, or rows with a text and a number each.
func number(title string, a answer, about string, in unit) *stat.PanelBuilder {
	p := stat.NewPanelBuilder().
		Title(title).Description(about).Datasource(datasource()).WithTarget(newQuery(a.sql, asTable)).
		Span(sixth).Height(4).
		Unit(in.id).NoValue("none").
		GraphMode(common.BigValueGraphModeNone).Orientation(common.VizOrientationAuto).
		ColorMode(common.BigValueColorModeValue).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Values(true).Calcs([]string{"lastNotNull"})).
		Thresholds(steps(calm))
	if in.decimals != auto {
		p.Decimals(in.decimals)
	}
	return p
}

// series are lines over time. The query gives a column of times called time, sorted, texts that tell lines apart, and numbers.
func series(title string, a answer, about string) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().
		Title(title).Description(about).Datasource(datasource()).WithTarget(newQuery(a.sql, asTimeSeries)).
		Height(9).Unit(count.id).Decimals(count.decimals).Min(0).
		LineWidth(2).FillOpacity(8).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().
			ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
}

// bars compare things by name. The query gives a text and a number, in the order of the bars.
func bars(title string, a answer, about, name string) *barchart.PanelBuilder {
	return barchart.NewPanelBuilder().
		Title(title).Description(about).Datasource(datasource()).WithTarget(newQuery(a.sql, asTable)).
		Height(9).Unit(count.id).Decimals(count.decimals).Min(0).
		XField(name).Orientation(common.VizOrientationHorizontal).
		ShowValue(common.VisibilityModeAlways).FillOpacity(70).
		Legend(common.NewVizLegendOptionsBuilder().
			ShowLegend(false).DisplayMode(common.LegendDisplayModeHidden).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeSingle))
}

// column says how a table shows one column of its query.
type column struct {
	name, title string
	unit        unit    // none for text and times
	width       float64 // pixels; 0 shares what is left, of which Grafana gives each such column 150 at least
	gauge       bool    // a bar in the cell, to compare rows by eye
	wrap        bool    // long text goes on in the next line of its cell
	right       bool    // aligned to the right, as numbers are; for numbers that are written as text
}

// rows is a table. Columns that are not named here are shown as they come.
func rows(title string, a answer, about string, columns ...column) *table.PanelBuilder {
	p := table.NewPanelBuilder().
		Title(title).Description(about).Datasource(datasource()).WithTarget(newQuery(a.sql, asTable)).
		Height(9).ShowHeader(true).CellHeight(common.TableCellHeightSm).NoValue("").
		Thresholds(steps(calm))
	for _, c := range columns {
		properties := []dashboard.DynamicConfigValue{{Id: "displayName", Value: c.title}}
		if c.unit.id != "" {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "unit", Value: c.unit.id})
			if c.unit.decimals != auto {
				properties = append(properties, dashboard.DynamicConfigValue{Id: "decimals", Value: c.unit.decimals})
			}
		}
		if c.wrap {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "auto", "wrapText": true}})
		}
		if c.right {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "custom.align", Value: "right"})
		}
		if c.width > 0 {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "custom.width", Value: c.width})
		}
		if c.gauge {
			properties = append(properties,
				dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}},
				dashboard.DynamicConfigValue{Id: "min", Value: 0})
			if c.unit.most > 0 {
				properties = append(properties, dashboard.DynamicConfigValue{Id: "max", Value: c.unit.most})
			}
		}
		p.OverrideByName(c.name, properties)
	}
	return p
}

// Colours of states: calm asks for nothing. Blue, orange and a dark red can be told apart by who cannot tell red from green, too; and
// each stands beside its number, which says the same.
const (
	calm = "blue"
	warn = "orange"
	bad  = "dark-red"
)

// step is the value from which on a colour holds.
type step struct {
	from  float64
	color string
}

func steps(base string, more ...step) cog.Builder[dashboard.ThresholdsConfig] {
	list := []dashboard.Threshold{{Color: base}} // without a value: from minus infinity
	for _, s := range more {
		list = append(list, dashboard.Threshold{Value: &s.from, Color: s.color})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(list)
}
