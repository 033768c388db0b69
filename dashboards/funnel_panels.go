package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// metric is one figure of the period over all channels. Where it cannot be told it shows nothing; the last panel of the board says why.
func metric(c *catalogue, title, name string, in unit) *stat.PanelBuilder {
	a := c.pick("metric_loop", "SELECT max(value) AS "+name+" FROM answer WHERE metric = '"+name+"' AND channel = 'all'", "channels", "all")
	return number(title, a, "The metric "+name+" of the period, over all channels.\n\n"+a.about("value"), in).NoValue("cannot be told")
}

// written is a metric's value as text, because the rows of a column have units of their own: 4.4 %, 2.05, 286,001 EUR, 9.5 days.
func written(column string) string {
	whole := "reverse(replaceRegexpOne(replaceRegexpAll(reverse(toString(toInt64(round(" + column + ")))), '([0-9]{3})', '\\1,'), ',(-?)\\z', '\\1'))"
	return "multiIf(isNull(" + column + "), '-'," +
		" unit = 'share', concat(printf('%.1f', 100 * " + column + "), ' %')," +
		" unit = 'ratio', printf('%.2f', " + column + ")," +
		" unit = 'seconds' AND " + column + " >= 86400, concat(printf('%.1f', " + column + " / 86400), ' days')," +
		" unit = 'seconds', concat(printf('%.1f', " + column + " / 60), ' minutes')," +
		" concat(" + whole + ", ' ', unit)) AS " + column + "_written"
}

// loop is one level of the funnel beside the period before.
func loop(c *catalogue, title, level string) *table.PanelBuilder {
	a := c.pick("metric_loop", `SELECT metric, `+written("value")+`, `+written("before")+`, change
FROM answer
WHERE level = '`+level+`' AND channel = 'all'
ORDER BY metric`, "channels", "all")
	return rows(title, a, a.about("value", "before", "change", "unit"),
		column{name: "metric", title: "Metric"},
		column{name: "value_written", title: "Period", width: 130, right: true},
		column{name: "before_written", title: "Period before", width: 130, right: true},
		column{name: "change", title: "Change", unit: share, width: 95},
	).Span(half)
}

func rateOverTime(c *catalogue) *timeseries.PanelBuilder {
	a := c.pick("metric_over_time", `SELECT toDateTime(period, 'UTC') AS time, metric, value
FROM answer
ORDER BY time, metric`, "metrics", "interaction_rate,advocacy_rate,conversion_rate,retention,stickiness", "step", "week")
	return series("Rates by week", a, a.about("value")).Span(half).Unit(share.id).Decimals(share.decimals).DisplayName("${__field.labels.metric}")
}

func moneyOverTime(c *catalogue) *timeseries.PanelBuilder {
	a := c.pick("metric_over_time", `SELECT toDateTime(period, 'UTC') AS time, metric, value
FROM answer
WHERE isNotNull(value)
ORDER BY time, metric`, "metrics", "revenue,cost", "step", "day")
	return series("Revenue and cost per day", a, a.about("value")).Span(half).DisplayName("${__field.labels.metric}")
}

// channelsOfMetrics compares channels by what is the same on each.
func channelsOfMetrics(c *catalogue) *table.PanelBuilder {
	a := c.pick("metric_by_channel", `SELECT
    channel,
    anyIf(value, metric = 'reach') AS reach,
    anyIf(value, metric = 'interaction') AS interaction,
    anyIf(value, metric = 'interaction_rate') AS interaction_rate,
    anyIf(value, metric = 'advocacy') AS advocacy,
    anyIf(value, metric = 'leads') AS leads,
    anyIf(value, metric = 'conversions') AS conversions,
    anyIf(value, metric = 'revenue') AS revenue,
    anyIf(value, metric = 'cost') AS cost
FROM answer
WHERE channel NOT IN ('all', '') AND `+onChannels+`
GROUP BY channel
ORDER BY reach DESC NULLS LAST, channel`)
	return rows("Metrics by channel", a, a.about("channel", "value"),
		column{name: "channel", title: "Channel", width: 150},
		column{name: "reach", title: "Reach", unit: count, gauge: true},
		column{name: "interaction", title: "Interaction", unit: count, width: 110},
		column{name: "interaction_rate", title: "Interaction rate", unit: share, width: 130},
		column{name: "advocacy", title: "Advocacy", unit: count, width: 100},
		column{name: "leads", title: "Leads", unit: count, width: 90},
		column{name: "conversions", title: "Conversions", unit: count, width: 110},
		column{name: "revenue", title: "Revenue", unit: amount, width: 110},
		column{name: "cost", title: "Cost", unit: amount, width: 110},
	).Span(full)
}

// metricProblems says why figures are missing above.
func metricProblems(c *catalogue) *table.PanelBuilder {
	a := c.pick("metric_loop", `SELECT metric, problem
FROM answer
WHERE channel = 'all' AND problem != ''
ORDER BY metric`, "channels", "all")
	p := rows("Why figures are missing", a, a.about("problem"),
		column{name: "metric", title: "Metric", width: 200},
		column{name: "problem", title: "Problem"},
	).Span(full)
	return p.NoValue("every figure can be told")
}
