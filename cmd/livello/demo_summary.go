package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/livello/livello/tiers"
)

// came is what the demo has sent, and what was made of it.
type came struct {
	accepted, duplicates, rejected, measured int
	sending, loading                         time.Duration
	tiers                                    tiers.Replayed
}

// summary writes the page up to the numbers; where to look next follows in demo_next.go.
func (p *page) summary(in came, past *past) error {
	p.cameIn(in, past)
	p.tiers()
	p.metrics(past.Days)
	p.outcomes()
	p.channels(past.Days)
	return p.err
}

func (p *page) cameIn(in came, past *past) {
	sent := in.accepted + in.duplicates + in.rejected
	rate := float64(sent) / max(in.sending.Seconds(), 0.001)
	count := func(n int) string { return grouped(fmt.Sprint(n)) }
	p.printf("\nWhat came in\n")
	p.printf("  %s events of %s simulated people over %d days, and their orders of the year before, through\n",
		count(sent), count(past.People), past.Days)
	p.printf("  POST /v1/events; %s measurements (ad spend, followers, exchange rates) through POST /v1/measurements\n", count(in.measured))
	p.printf("  answered in %.1f s (%s events/s) with what is new on disk, and in every rollup %.1f s after that\n",
		in.sending.Seconds(), grouped(fmt.Sprintf("%.0f", rate)), in.loading.Seconds())
	already := ""
	if in.duplicates > 0 {
		already = fmt.Sprintf(", %s already there: recognized by their ids and not counted again", count(in.duplicates))
	}
	p.printf("  %s accepted%s, %s rejected\n", count(in.accepted), already, count(in.rejected))
	for _, total := range p.rows("totals", nil) {
		p.printf("  in the warehouse, beside who is who: %s events, %s people (strangers: one per device), %s purchases\n",
			plain(total["events"]), plain(total["people"]), plain(total["purchases"]))
	}
	if in.tiers.Days > 0 {
		p.printf("  tiers as of now, and as of the end of each of the %d days before: %s evaluations of people in %.1f s\n",
			in.tiers.Days, count(in.tiers.People), in.tiers.Seconds)
	}
}

// tiers: who is where, who moved, and whom to talk to first.
func (p *page) tiers() {
	p.printf("\nWho behaves like a buyer  (livello tiers)\n")
	p.printf("  Tier 2 gave three or more of five kinds of signs within a week (visits, ways through the site, downloads,\n")
	p.printf("  mails, chats and forms); tier 1 fewer, but is known by name; tier 0 is not. The score goes from 0 to 100.\n")
	moves := map[string]map[string]any{}
	for _, row := range p.rows("tier_movers", nil) {
		moves[fmt.Sprint(row["tier"], row["micro_segment"])] = row
	}
	rows := p.rows("tier_distribution", nil)
	for _, row := range rows {
		moved := moves[fmt.Sprint(row["tier"], row["micro_segment"])]
		row["came"], row["left"] = moved["came_7d"], moved["left_7d"]
		row["place"] = strings.TrimSpace(fmt.Sprint("tier ", row["tier"], " ", row["micro_segment"]))
	}
	p.table(rows, column("place", ""), column("people", "people"), pageColumn{field: "share", title: "share", show: percent},
		column("score", "median score"), column("came", "came in 7 days"), column("left", "left in 7 days"))

	p.printf("  Whom to talk to first, with the score out of 100 and the signs that it adds up from:\n")
	first := p.rows("tier_top", map[string]string{"limit": "5"})
	if len(first) == 0 { // few people: nobody may be in tier 2
		first = p.rows("tier_top", map[string]string{"limit": "5", "tier": "1"})
	}
	for _, row := range first {
		if p.top == "" {
			p.top = fmt.Sprint(row["person_id"])
		}
		p.printf("  %-10v  %-6v  %6v  %v%s\n", row["person_id"], row["micro_segment"], row["score"], row["action"], inBrackets(row["lifecycle"]))
		p.printf("%14s%v\n", "", row["reasons"])
	}
}

func inBrackets(v any) string {
	if text := fmt.Sprint(v); text != "" {
		return " (" + strings.ReplaceAll(text, "_", " ") + ")"
	}
	return ""
}

// shownMetrics are those of the page, and what they are in a few words.
var shownMetrics = []struct{ name, means string }{
	{"revenue", "orders and deals won, less refunds"},
	{"cost", "ad spend"},
	{"roi", "return: (revenue - cost) / cost"},
	{"cac", "cost per new customer"},
	{"ltv", "paid so far, per new customer"},
	{"conversions", "orders and deals won"},
	{"conversion_rate", "visits with an order, of all visits"},
	{"qualified_leads", "leads worth a conversation"},
	{"win_rate", "deals won, of those won or lost"},
	{"retention", "active people, back within a week"},
	{"nps", "scores of 9 and 10 less 0 to 6"},
	{"interaction_rate", "clicks, downloads, chats, ... / reach"},
	{"advocacy_rate", "shares, referrals, reviews / reach"},
	{"reach", "visits, mails, ads and posts shown"},
	{"email_opens", ""},
	{"followers", "won less lost"},
}

// metrics: the loop from business down to counts.
func (p *page) metrics(days int) {
	p.heading("What it is worth, and what fed it", "metric_loop")
	if days < 60 {
		p.printf("  The simulation began %d days ago: the 30 days before the last 30 are not all there to compare with.\n", days)
	}
	var rows []map[string]any
	level := ""
	for _, row := range p.rows("metric_loop", map[string]string{"channels": "none"}) {
		i := slices.IndexFunc(shownMetrics, func(m struct{ name, means string }) bool { return m.name == row["metric"] })
		if i < 0 {
			continue
		}
		row["order"], row["means"] = i, shownMetrics[i].means
		row["change"] = changed(row)
		row["value"], row["before"] = inUnit(row["value"], row["unit"]), inUnit(row["before"], row["unit"])
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b map[string]any) int { return a["order"].(int) - b["order"].(int) })
	for _, row := range rows {
		if row["level"] == level {
			row["level"] = ""
		} else {
			level = fmt.Sprint(row["level"])
		}
		if problem := row["problem"]; problem != "" {
			row["means"] = fmt.Sprint(problem)
		}
	}
	p.table(rows, column("level", "level"), left("metric", "metric"), column("value", "last 30 days"),
		column("before", "30 before"), column("change", "change"), left("means", ""))
}

// inUnit shows a metric's value.
func inUnit(v, unit any) string {
	if _, known := v.(json.Number); !known {
		return "-"
	}
	f := number(v)
	switch unit {
	case "share":
		return percent(v)
	case "ratio":
		return fmt.Sprintf("%.2f", f)
	case "EUR":
		return grouped(fmt.Sprintf("%.0f", f)) + " EUR"
	default:
		return grouped(fmt.Sprintf("%.0f", f))
	}
}

// changed is by how much a metric differs from the period before: in percent, a share in points of percent.
func changed(row map[string]any) string {
	if _, known := row["change"].(json.Number); !known {
		return "-"
	}
	if row["unit"] == "share" {
		return signed(100*(number(row["value"])-number(row["before"]))) + " points"
	}
	return signed(100*number(row["change"])) + " %"
}

// signed is a number with its sign and one place, and 0.0 for what rounds to it.
func signed(v float64) string {
	text := grouped(fmt.Sprintf("%.1f", v))
	switch {
	case text == "-0.0" || text == "0.0":
		return "0.0"
	case v > 0:
		return "+" + text
	}
	return text
}

// outcomesAgo is how many days ago the first outcomes became known, those of whoever was in a tier on the first replayed day.
const outcomesAgo = replayDays - 31

// outcomes: whether tiers foretell who converts.
func (p *page) outcomes() {
	p.heading("Does a tier foretell a conversion (an order or a deal won) within 30 days?", "segment_outcomes")
	p.printf("  Gold: 15 or more people whose 30 days are over, and 60 %% of them converted. Below 15 it is too few to tell.\n")
	then := map[any]any{}
	for _, row := range p.rows("segment_outcomes", map[string]string{"as_of": fmt.Sprintf("now-%dd", outcomesAgo)}) {
		then[row["segment"]] = row["verdict"]
	}
	rows := p.rows("segment_outcomes", nil)
	for _, row := range rows {
		row["interval"] = between(row["rate_low"], row["rate_high"])
		row["then"] = then[row["segment"]]
	}
	p.table(rows, column("segment", "came into"), column("people", "people"), column("known", "30 days over"),
		column("conversions", "converted"), pageColumn{field: "rate", title: "rate", show: percent}, column("interval", "95 % range"),
		pageColumn{field: "lift", title: "x others", show: times}, column("verdict", "verdict"), column("then", fmt.Sprintf("%d days ago", outcomesAgo)))
	rows = p.rows("signal_strength", nil)
	for _, row := range rows {
		row["interval"] = between(row["rate_low"], row["rate_high"])
	}
	p.printf("  How often signs mislead: who had so many kinds of signs and did not convert  (livello query signal_strength)\n")
	if len(rows) == 0 { // of few people after a weekend
		p.printf("  Nobody has had two or more kinds of signs so far.\n")
		return
	}
	p.table(rows, column("signals", "kinds of signs"), column("people", "people"), column("known", "30 days over"),
		column("false_positives", "did not convert"), pageColumn{field: "rate", title: "rate", show: percent}, column("interval", "95 % range"),
		left("note", ""))
}

func between(low, high any) string {
	if percent(low) == "-" {
		return "-"
	}
	return strings.TrimSuffix(percent(low), " %") + " to " + percent(high)
}

// number is v, or 0 when it is none.
func number(v any) float64 {
	n, ok := v.(json.Number)
	if !ok {
		return 0
	}
	f, err := n.Float64()
	if err != nil {
		return 0
	}
	return f
}

func times(v any) string { return inUnit(v, "ratio") }

// channels: which way of coming to the site brings customers.
func (p *page) channels(days int) {
	from := fmt.Sprintf("now-%dd", days)
	p.heading("Which channels bring customers, by the last way in", "campaign_roi from="+from)
	rows := p.rows("campaign_roi", map[string]string{"from": from})
	rows = slices.DeleteFunc(rows, func(row map[string]any) bool { return row["campaign"] != "*" })
	slices.SortStableFunc(rows, func(a, b map[string]any) int { return cmp.Compare(number(b["revenue"]), number(a["revenue"])) })
	var idle []string
	for _, row := range rows {
		if number(row["cost"]) > 0 && number(row["conversions"]) == 0 {
			idle = append(idle, fmt.Sprint(row["acquisition"]))
		}
		for _, field := range []string{"cost", "revenue", "cac", "ltv"} {
			row[field] = inUnit(row[field], "EUR")
		}
		row["conversions"], row["customers"] = inUnit(row["conversions"], ""), inUnit(row["customers"], "")
	}
	p.table(rows, column("acquisition", "came by"), column("conversions", "conversions"), column("revenue", "revenue"),
		column("customers", "new customers"), column("cost", "cost"), column("cac", "cost of one"),
		column("ltv", "one brings so far"), pageColumn{field: "roi", title: "ROI", show: times})
	p.printf("  Cost is ad spend; where none is measured there is no ROI.")
	if len(idle) > 0 {
		p.printf(" In %s: campaigns that brought nobody yet.", strings.Join(idle, ", "))
	}
	p.printf("\n")
	var parts []string
	for _, row := range p.rows("channel_summary", map[string]string{"from": from}) {
		parts = append(parts, fmt.Sprint(row["channel"], " ", plain(row["events"])))
	}
	if len(parts) > 0 {
		p.printf("  Events by channel (livello query channel_summary): %s", parts[0])
		length := 53 + len(parts[0])
		for _, part := range parts[1:] {
			if length += len(part) + 2; length > 105 {
				p.printf(",\n    %s", part)
				length = 4 + len(part)
				continue
			}
			p.printf(", %s", part)
		}
		p.printf("\n")
	}
}
