package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// datasourceUID is the data source that provisioning/ makes; the board opens on it.
const datasourceUID = "livello"

// datasourceVariable lets one board look at several warehouses.
func datasourceVariable() *dashboard.DatasourceVariableBuilder {
	return dashboard.NewDatasourceVariableBuilder("datasource").
		Label("Warehouse").
		Description("The ClickHouse data source that holds Livello's tables.").
		Type(pluginType).
		Current(option("Livello", datasourceUID))
}

// channelVariable lists the channels that had events in the time range.
func channelVariable(c *catalogue) *dashboard.QueryVariableBuilder {
	sql := c.pick("channel_summary", "SELECT toString(channel) AS channel FROM answer ORDER BY channel").sql
	all := option("All", "$__all")
	all.Text, all.Value = list("All"), list("$__all")
	return dashboard.NewQueryVariableBuilder("channel").
		Label("Channel").
		Description("Narrows the panels whose title ends in \"by channel\".").
		Datasource(datasource()).
		Query(dashboard.StringOrMap{String: &sql}).
		Definition(sql).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalAsc).
		Multi(true).IncludeAll(true).AllowCustomValue(false).
		Current(all)
}

func option(text, value string) dashboard.VariableOption {
	selected := true
	return dashboard.VariableOption{
		Selected: &selected,
		Text:     dashboard.StringOrArrayOfString{String: &text},
		Value:    dashboard.StringOrArrayOfString{String: &value},
	}
}

func list(s string) dashboard.StringOrArrayOfString {
	return dashboard.StringOrArrayOfString{ArrayOfString: []string{s}}
}
