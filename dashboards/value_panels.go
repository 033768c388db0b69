package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// cohortCurves has a line per cohort: what a customer has brought by the end of each month.
func cohortCurves(c *catalogue) *timeseries.PanelBuilder {
	a := c.pick("ltv_by_cohort", `SELECT toDateTime(addMonths(cohort, month), 'UTC') AS time, formatDateTime(cohort, '%Y-%m') AS cohort_month, ltv
FROM answer
ORDER BY time, cohort_month`, "months", "24")
	return series("LTV so far per customer, by cohort", a, a.about("ltv", "cumulative", "month")).Span(half).
		DisplayName("${__field.labels.cohort_month}").
		ShowPoints(common.VisibilityModeAlways)
}

func cohortTriangle(c *catalogue) *table.PanelBuilder {
	a := c.pick("ltv_by_cohort", `SELECT formatDateTime(cohort, '%Y-%m') AS cohort_month, customers,
    maxIf(ltv, month = 0) AS month_0, maxIf(ltv, month = 1) AS month_1, maxIf(ltv, month = 2) AS month_2, maxIf(ltv, month = 3) AS month_3,
    maxIf(ltv, month = 6) AS month_6, maxIf(ltv, month = 12) AS month_12, max(problem) AS missing
FROM answer
GROUP BY cohort_month, customers
ORDER BY cohort_month`, "months", "13")
	return rows("LTV triangle", a, a.about("ltv", "customers")+"\n\nColumns are months since the first order.",
		column{name: "cohort_month", title: "First order", width: 90},
		column{name: "customers", title: "Customers", unit: count, width: 90},
		column{name: "month_0", title: "0", unit: amount, width: 60},
		column{name: "month_1", title: "1", unit: amount, width: 60},
		column{name: "month_2", title: "2", unit: amount, width: 60},
		column{name: "month_3", title: "3", unit: amount, width: 60},
		column{name: "month_6", title: "6", unit: amount, width: 60},
		column{name: "month_12", title: "12", unit: amount, width: 60},
		column{name: "missing", title: "Problem"},
	).Span(half)
}

// returnColumns put the short horizon (30 days after a touch) beside the long one (365 days of a customer).
func returnColumns() []column {
	return []column{
		{name: "cost", title: "Cost", unit: amount, width: 100},
		{name: "conversions", title: "Conversions", unit: credit, width: 110},
		{name: "revenue", title: "Revenue, 30 days", unit: amount, width: 130},
		{name: "roi", title: "ROI, 30 days", unit: share, width: 110},
		{name: "customers", title: "New customers", unit: credit, width: 120},
		{name: "cac", title: "CAC", unit: amount, width: 90},
		{name: "ltv", title: "LTV, 365 days", unit: amount, width: 115},
		{name: "ltv_to_cac", title: "LTV / CAC", unit: ratio, width: 95},
		{name: "problem", title: "Problem"},
	}
}

func channelReturn(c *catalogue) *table.PanelBuilder {
	a := c.pick("campaign_roi", `SELECT acquisition, cost, conversions, revenue, roi, customers, cac, ltv, ltv_to_cac, problem
FROM answer
WHERE campaign = '*'
ORDER BY revenue DESC, acquisition`)
	return rows("ROI and LTV by channel", a, a.about("cost", "revenue", "roi", "customers", "cac", "ltv", "ltv_to_cac"),
		append([]column{{name: "acquisition", title: "Came by", width: 140}}, returnColumns()...)...).Span(full)
}

func campaignReturn(c *catalogue) *table.PanelBuilder {
	a := c.pick("campaign_roi", `SELECT acquisition, campaign, cost, conversions, revenue, roi, customers, cac, ltv, ltv_to_cac, problem
FROM answer
WHERE campaign NOT IN ('', '*')
ORDER BY cost DESC, revenue DESC, acquisition, campaign
LIMIT 50`)
	return rows("ROI and LTV by campaign", a, a.about("cost", "revenue", "roi", "customers", "cac", "ltv", "ltv_to_cac", "newest_at"),
		append([]column{{name: "acquisition", title: "Came by", width: 140}, {name: "campaign", title: "Campaign", width: 170}}, returnColumns()...)...).Span(full)
}

func attributionModels(c *catalogue) *barchart.PanelBuilder {
	a := c.pick("attribution", `SELECT acquisition, toFloat64(first) AS first, toFloat64(last) AS last, toFloat64(linear) AS linear
FROM answer
ORDER BY linear DESC, acquisition`)
	return bars("Conversions by channel and model", a, a.about("first", "last", "linear"), "acquisition").Span(half).
		Legend(common.NewVizLegendOptionsBuilder().
			ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom))
}

func attributionCampaigns(c *catalogue) *table.PanelBuilder {
	a := c.pick("attribution_campaigns", `SELECT acquisition, campaign, first, last, linear, linear_amount, problem
FROM answer
ORDER BY linear DESC, acquisition, campaign
LIMIT 50`)
	return rows("Conversions by campaign and model", a, a.about("first", "last", "linear", "linear_amount"),
		column{name: "acquisition", title: "Came by", width: 110},
		column{name: "campaign", title: "Campaign"},
		column{name: "first", title: "First touch", unit: credit, width: 85},
		column{name: "last", title: "Last touch", unit: credit, width: 85},
		column{name: "linear", title: "Linear", unit: credit, width: 65},
		column{name: "linear_amount", title: "Worth, linear", unit: amount, width: 105},
		column{name: "problem", title: "Problem", width: 80},
	).Span(half)
}

func sessionsOverTime(c *catalogue) *timeseries.PanelBuilder {
	a := c.pick("sessions_daily", `SELECT toDateTime(day, 'UTC') AS time, acquisition, sum(sessions) AS sessions
FROM answer
GROUP BY time, acquisition
ORDER BY time, acquisition`)
	return series("Sessions by way in", a, a.about("sessions", "acquisition")).Span(full).
		DisplayName("${__field.labels.acquisition}").
		DrawStyle(common.GraphDrawStyleBars).FillOpacity(80).LineWidth(0).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

// rfmGrid has a row per recency and a column per frequency, as marketers draw it.
func rfmGrid(c *catalogue) *table.PanelBuilder {
	a := c.pick("rfm", `SELECT toString(recency) AS recent,
    sumIf(customers, frequency = 1) AS frequency_1, sumIf(customers, frequency = 2) AS frequency_2, sumIf(customers, frequency = 3) AS frequency_3,
    sumIf(customers, frequency = 4) AS frequency_4, sumIf(customers, frequency = 5) AS frequency_5, sum(revenue) AS brought, max(problem) AS missing
FROM answer
GROUP BY recent
ORDER BY recent DESC`)
	return rows("RFM grid", a, a.about("recency", "frequency", "customers", "revenue")+"\n\nAs of now, whatever the range of the board.",
		column{name: "recent", title: "Recency", width: 75},
		column{name: "frequency_1", title: "Frequency 1", unit: count, width: 95},
		column{name: "frequency_2", title: "2", unit: count, width: 60},
		column{name: "frequency_3", title: "3", unit: count, width: 60},
		column{name: "frequency_4", title: "4", unit: count, width: 60},
		column{name: "frequency_5", title: "5", unit: count, width: 60},
		column{name: "brought", title: "Brought", unit: amount, width: 95},
		column{name: "missing", title: "Problem", width: 150},
	).Span(half)
}

func bestCustomers(c *catalogue) *table.PanelBuilder {
	a := c.pick("person_value", `SELECT person_id, orders, revenue, average_order, last_order_at, rfm, problem
FROM answer
ORDER BY revenue DESC, person_id`, "limit", "25")
	return rows("Best customers", a, a.about("revenue", "average_order", "rfm")+"\n\nAs of now, whatever the range of the board.",
		column{name: "person_id", title: "Person"},
		column{name: "orders", title: "Orders", unit: count, width: 65},
		column{name: "revenue", title: "Brought", unit: amount, width: 85},
		column{name: "average_order", title: "Average order", unit: amount, width: 110},
		column{name: "last_order_at", title: "Last order, UTC", width: 155},
		column{name: "rfm", title: "RFM", width: 55},
		column{name: "problem", title: "Problem", width: 150},
	).Span(half)
}
