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

// Units by Grafana's names.
const (
	count   = "locale" // 12,345: counts are shown in full
	share   = "percentunit"
	seconds = "s"
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
func number(title string, a answer, about, unit string) *stat.PanelBuilder {
	return stat.NewPanelBuilder().
		Title(title).Description(about).Datasource(datasource()).WithTarget(newQuery(a.sql, asTable)).
		Span(sixth).Height(4).
		Unit(unit).NoValue("none").
		GraphMode(common.BigValueGraphModeNone).Orientation(common.VizOrientationAuto).
		ColorMode(common.BigValueColorModeValue).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Values(true).Calcs([]string{"lastNotNull"})).
		Thresholds(steps(calm))
}

// series are lines over time. The query gives a column of times called time, sorted, texts that tell lines apart, and numbers.
func series(title string, a answer, about string) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().
		Title(title).Description(about).Datasource(datasource()).WithTarget(newQuery(a.sql, asTimeSeries)).
		Height(9).Unit(count).Min(0).
		LineWidth(2).FillOpacity(8).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().
			ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
}

// bars compare things by name. The query gives a text and a number, in the order of the bars.
func bars(title string, a answer, about, name string) *barchart.PanelBuilder {
	return barchart.NewPanelBuilder().
		Title(title).Description(about).Datasource(datasource()).WithTarget(newQuery(a.sql, asTable)).
		Height(9).Unit(count).Min(0).
		XField(name).Orientation(common.VizOrientationHorizontal).
		ShowValue(common.VisibilityModeAlways).FillOpacity(70).
		Legend(common.NewVizLegendOptionsBuilder().
			ShowLegend(false).DisplayMode(common.LegendDisplayModeHidden).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeSingle))
}

// column says how a table shows one column of its query.
type column struct {
	name, title string
	unit        string  // "" for text and times
	width       float64 // pixels; 0 shares what is left
	gauge       bool    // a bar in the cell, to compare rows by eye
}

// rows is a table. Columns that are not named here are shown as they come.
func rows(title string, a answer, about string, columns ...column) *table.PanelBuilder {
	p := table.NewPanelBuilder().
		Title(title).Description(about).Datasource(datasource()).WithTarget(newQuery(a.sql, asTable)).
		Height(9).ShowHeader(true).CellHeight(common.TableCellHeightSm).NoValue("").
		Thresholds(steps(calm))
	for _, c := range columns {
		properties := []dashboard.DynamicConfigValue{{Id: "displayName", Value: c.title}}
		if c.unit != "" {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "unit", Value: c.unit})
		}
		if c.unit == share {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "decimals", Value: 1})
		}
		if c.width > 0 {
			properties = append(properties, dashboard.DynamicConfigValue{Id: "custom.width", Value: c.width})
		}
		if c.gauge {
			properties = append(properties,
				dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}},
				dashboard.DynamicConfigValue{Id: "min", Value: 0})
			if c.unit == share {
				properties = append(properties, dashboard.DynamicConfigValue{Id: "max", Value: 1})
			}
		}
		p.OverrideByName(c.name, properties)
	}
	return p
}

// Colours of states. What is neither good nor bad is calm.
const (
	calm = "blue"
	good = "green"
	warn = "orange"
	bad  = "red"
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
