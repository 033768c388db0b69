package dashboards

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func revenue(c *catalogue) *stat.PanelBuilder {
	a := c.pick("totals", `SELECT if(code = '', 'no currency', code) AS currency, toFloat64(money) AS amount
FROM answer
ARRAY JOIN mapKeys(revenue) AS code, mapValues(revenue) AS money
ORDER BY amount DESC, currency`)
	return number("Revenue", a, a.about("revenue"), count).Decimals(2).
		TextMode(common.BigValueTextModeValueAndName)
}

func machineShare(c *catalogue) *stat.PanelBuilder {
	a := c.pick("totals", "SELECT (events - human_events) / nullIf(events, 0) AS machine_share FROM answer")
	about := "Share of events that bots and mail scanners caused: those in events and not in human_events. They are kept, and left out of people, features and money.\n\n" +
		a.about("events", "human_events")
	return number("Machine share", a, about, share).Decimals(1).
		Thresholds(steps(calm, step{0.2, warn}, step{0.5, bad}))
}

// freshness turns orange after an hour and red after a day without events: thresholds to adapt to one's own traffic.
func freshness(c *catalogue) *stat.PanelBuilder {
	a := c.pick("freshness", "SELECT age_seconds FROM answer")
	return number("Age of newest event", a, a.about("age_seconds"), seconds).NoValue("no events").
		Thresholds(steps(calm, step{3600, warn}, step{86400, bad}))
}

// dataTrust is green while nothing is known to be wrong, whichever verification found it.
func dataTrust(c *catalogue) *stat.PanelBuilder {
	a := c.pick("data_trust", "SELECT wrong FROM answer ORDER BY at DESC LIMIT 1")
	about := "Differences between what was accepted, what is stored and what the rollups count, and files of accepted events that nobody loads. One that was found stays until it was compared again and found right.\n\n" + a.about("wrong", "wrong_details")
	return number("Data trust", a, about, count).NoValue("not verified").
		Thresholds(steps(calm, step{1, bad}))
}

func verifications(c *catalogue) *table.PanelBuilder {
	a := c.pick("data_trust", `SELECT at, toString(from_day) AS from_day, toString(to_day) AS to_day, days, events, sums, differences, details, took
FROM answer
ORDER BY at DESC
LIMIT 5`)
	return rows("Verifications", a, a.about("days", "events", "sums", "differences", "details"),
		column{name: "at", title: "Ended", width: 180},
		column{name: "from_day", title: "From", width: 110},
		column{name: "to_day", title: "To", width: 110},
		column{name: "days", title: "Days", width: 80},
		column{name: "events", title: "Events", width: 120},
		column{name: "sums", title: "Numbers compared", width: 150},
		column{name: "differences", title: "Differences", width: 110},
		column{name: "details", title: "Details"},
		column{name: "took", title: "Took", unit: seconds, width: 100},
	).Span(24 - sixth)
}

func eventsByChannel(c *catalogue) *timeseries.PanelBuilder {
	a := c.pick("channel_activity", `SELECT $__timeInterval(hour) AS time, toString(channel) AS channel, sum(events) AS events
FROM answer
WHERE `+onChannels+`
GROUP BY time, channel
ORDER BY time, channel`)
	return series("Events over time by channel", a, a.about("events")).Span(twoThirds).
		Interval("1h"). // the rollup's own grain
		DisplayName("${__field.labels.channel}").
		DrawStyle(common.GraphDrawStyleBars).FillOpacity(80).LineWidth(0).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

func eventsByKind(c *catalogue) *barchart.PanelBuilder {
	a := c.pick("events_by_kind", `SELECT toString(kind) AS kind, sum(events) AS events
FROM answer
GROUP BY kind
ORDER BY events DESC, kind
LIMIT 20`)
	return bars("Events by kind", a, a.about("kind", "events")+"\n\nThe 20 most frequent kinds.", "kind").Span(third)
}

func activePeople(c *catalogue) *timeseries.PanelBuilder {
	a := c.pick("active_people", `SELECT toDateTime(day, 'UTC') AS time, daily, weekly, monthly
FROM answer
ORDER BY time`)
	named := func(title string) []dashboard.DynamicConfigValue {
		return []dashboard.DynamicConfigValue{{Id: "displayName", Value: title}}
	}
	return series("Active people per day", a, a.about("daily", "weekly", "monthly")).Span(half).
		OverrideByName("daily", named("on the day")).
		OverrideByName("weekly", named("in 7 days")).
		OverrideByName("monthly", named("in 30 days"))
}

// shopSteps are the steps of the board's funnel. Another one is a query away: livello query funnel steps=...
var shopSteps = []string{"page_view", "product_view", "cart_add", "checkout_start", "purchase"}

func funnel(c *catalogue) *table.PanelBuilder {
	a := c.ask("funnel", "steps", strings.Join(shopSteps, ","))
	return rows("Funnel", a, a.about("people", "rate", "previous_rate"),
		column{name: "step", title: "Step", width: 60},
		column{name: "kind", title: "Kind", width: 140},
		column{name: "people", title: "People", unit: count, gauge: true},
		column{name: "rate", title: "of step 1", unit: share, width: 100},
		column{name: "previous_rate", title: "of step before", unit: share, width: 120},
	).Span(half)
}

func channelSummary(c *catalogue) *table.PanelBuilder {
	a := c.pick("channel_summary", `SELECT toString(channel) AS channel, events, human_events, people, purchases, `+money("revenue")+` AS revenue
FROM answer
WHERE `+onChannels+`
ORDER BY events DESC, channel`)
	return rows("Summary by channel", a, a.about("events", "human_events", "people", "purchases", "revenue"),
		column{name: "channel", title: "Channel", width: 125},
		column{name: "events", title: "Events", unit: count, gauge: true},
		column{name: "human_events", title: "of humans", unit: count, width: 85},
		column{name: "people", title: "People", unit: count, width: 70},
		column{name: "purchases", title: "Purchases", unit: count, width: 85},
		column{name: "revenue", title: "Revenue", width: 150, wrap: true},
	).Span(half)
}

func topContent(c *catalogue) *table.PanelBuilder {
	a := c.ask("top_content")
	return rows("Top content", a, a.about("content", "people", "events"),
		column{name: "content", title: "Content"},
		column{name: "kind", title: "Kind", width: 150},
		column{name: "people", title: "People", unit: count, width: 90},
		column{name: "events", title: "Events", unit: count, width: 90},
		column{name: "last_at", title: "Last", width: 170},
	).Span(half)
}

func emailEngagement(c *catalogue) *table.PanelBuilder {
	a := c.pick("email_engagement", `SELECT
    if(campaign = '', '(no campaign)', toString(campaign)) AS mailing,
    recipients, open_rate, click_rate, click_to_open, bounced, unsubscribes, machine_events, note
FROM answer
ORDER BY recipients DESC, mailing
LIMIT 50`)
	return rows("Email engagement", a, a.about("recipients", "open_rate", "click_rate", "click_to_open", "machine_events"),
		column{name: "mailing", title: "Campaign"},
		column{name: "recipients", title: "Recipients", unit: count, width: 110},
		column{name: "open_rate", title: "Opened", unit: share, width: 160, gauge: true},
		column{name: "click_rate", title: "Clicked", unit: share, width: 160, gauge: true},
		column{name: "click_to_open", title: "Clicked of opened", unit: share, width: 140},
		column{name: "bounced", title: "Bounced", unit: count, width: 90},
		column{name: "unsubscribes", title: "Unsubscribed", unit: count, width: 120},
		column{name: "machine_events", title: "By machines", unit: count, width: 120},
		column{name: "note", title: "Note", width: 150},
	).Span(full)
}

func mostEngaged(c *catalogue) *table.PanelBuilder {
	a := c.pick("most_engaged", `SELECT
    person_id, engagement, visits_7d, page_views_7d, downloads_7d, email_opens_7d, email_clicks_7d, advanced_interactions_7d,
    active_days_30d, carts_30d, purchases_365d, `+money("revenue_365d")+` AS revenue, trend, last_seen
FROM answer
ORDER BY engagement DESC, visits_7d DESC, page_views_7d DESC, last_seen DESC, person_id`, "limit", "25")
	return rows("Most engaged people", a, a.about("engagement", "visits_7d", "advanced_interactions_7d", "trend")+
		"\n\nAs of now, whatever the range of the board.",
		column{name: "person_id", title: "Person"},
		column{name: "engagement", title: "Engagement", unit: short, width: 120, gauge: true},
		column{name: "visits_7d", title: "Visits, 7 d", unit: count, width: 85},
		column{name: "page_views_7d", title: "Pages, 7 d", unit: count, width: 85},
		column{name: "downloads_7d", title: "Downloads, 7 d", unit: count, width: 115},
		column{name: "email_opens_7d", title: "Opens, 7 d", unit: count, width: 85},
		column{name: "email_clicks_7d", title: "Clicks, 7 d", unit: count, width: 85},
		column{name: "advanced_interactions_7d", title: "Chats, forms, 7 d", unit: count, width: 125},
		column{name: "active_days_30d", title: "Active, of 30 d", unit: count, width: 110},
		column{name: "carts_30d", title: "Carts, 30 d", unit: count, width: 85},
		column{name: "purchases_365d", title: "Purchases, 365 d", unit: count, width: 125},
		column{name: "revenue", title: "Revenue, 365 days", width: 130, wrap: true},
		column{name: "trend", title: "Trend", unit: count, width: 60},
		column{name: "last_seen", title: "Last seen", width: 170},
	).Span(full).Height(11)
}
