package definitions

import (
	"fmt"
	"slices"
	"strings"
)

// notEngagement are the kinds that say who somebody is; nothing counts them.
const notEngagement = "kind NOT IN ('identify', 'group', 'alias')"

// SignalsQuery is the SELECT of the materialized view person_signals_mv: what signals, key pages and surveys say, as SQL over one insert
// into events.
//
// Like every view on events it only adds up, looks up nothing, and must never throw, whatever an event holds. All patterns are
// constants; their texts are escaped by literal and like.
func (d *Definitions) SignalsQuery() string {
	var kinds []string
	var looked []Match // all there are, with their kinds
	all := false       // some match takes any kind
	needs := func(matches []Match) {
		looked = append(looked, matches...)
		for _, m := range matches {
			of := m.kinds()
			all = all || len(of) == 0
			kinds = append(kinds, of...)
		}
	}
	var counted, computed, happened []string
	for i, s := range d.Signals {
		needs(s.Match)
		column := fmt.Sprintf("signal_%d", i+1)
		counted = append(counted, literal(s.Name)+", sum("+column+")")
		computed = append(computed, "("+anyOf(s.Match)+") AS "+column)
		happened = append(happened, column)
	}
	signals := "CAST(map(), 'Map(String, UInt64)') AS signals"
	if len(counted) > 0 {
		signals = "mapFilter((signal, n) -> n > 0, map(\n        " + strings.Join(counted, ",\n        ") + ")) AS signals"
	}

	page := "'' AS key_page"
	if len(d.KeyPages) > 0 {
		kinds = append(kinds, "page_view")
		branches := []string{"kind != 'page_view', ''"}
		for _, p := range d.KeyPages {
			branches = append(branches, anyOf(p.Match)+", "+literal(p.Name))
			looked = append(looked, ofKind(p.Match, "page_view")...)
		}
		page = "multiIf(\n            " + strings.Join(branches, ",\n            ") + ",\n            '') AS key_page"
	}
	answer := func(matches []Match, name string) string {
		if len(matches) == 0 {
			return "false AS " + name
		}
		looked = append(looked, ofKind(matches, "survey_response")...)
		return "(kind = 'survey_response' AND isNotNull(score) AND (" + anyOf(matches) + ")) AS " + name
	}
	computed = append(computed, "kind = 'content_download' AS download", page, answer(d.NPS, "nps_answer"), answer(d.CSAT, "csat_answer"))
	happened = append(happened, "download", "key_page != ''", "nps_answer", "csat_answer", "isNotNull(sentiment)")

	where := "WHERE machine = '' AND " + notEngagement
	if !all {
		kinds = append(kinds, "content_download", "survey_response")
		slices.Sort(kinds)
		where += "\n      AND (" + oneOf("kind", slices.Compact(kinds)) + " OR isNotNull(sentiment))"
	}
	return `SELECT
    distinct_id,
    toDate(ts) AS day,
    ` + signals + `,
    groupArrayIf((second, key_page), key_page != '') AS key_pages,
    groupArrayIf(second, download) AS download_times,
    maxIf((ts, assumeNotNull(score)), nps_answer) AS nps,
    maxIf((ts, assumeNotNull(score)), csat_answer) AS csat,
    sum(toFloat64(ifNull(sentiment, 0))) AS sentiment_sum,
    sum(isNotNull(sentiment)) AS sentiment_count
FROM
(
    SELECT
        distinct_id,
        ts,
        score,
        sentiment,
        toUInt32(intDiv(toUnixTimestamp64Milli(ts), 1000)) AS second,
        ` + askedProperties(looked) + `,
        ` + strings.Join(computed, ",\n        ") + `
    FROM events
    ` + where + `
)
WHERE ` + strings.Join(happened, " OR ") + `
GROUP BY distinct_id, day`
}

// ofKind are the matches with the kind that they are asked for anyway.
func ofKind(matches []Match, kind string) []Match {
	var all []Match
	for _, m := range matches {
		if len(m.kinds()) == 0 {
			m = append(Match{{"kind", []string{kind}}}, m...)
		}
		all = append(all, m)
	}
	return all
}

// signalsColumns are the columns of the view, as those of person_signals.
const signalsColumns = `    distinct_id     String                                                                COMMENT 'User id, or anonymous id of a visitor who is not logged in',
    day             Date                                                                  COMMENT 'Day of the events, UTC',
    signals         SimpleAggregateFunction(sumMap, Map(String, UInt64))                  COMMENT 'Human events by signal; a signal that did not happen is not there',
    key_pages       SimpleAggregateFunction(groupArrayArray, Array(Tuple(UInt32, String))) COMMENT 'Views of key pages: unix seconds and the name of the key page, in no order',
    download_times  SimpleAggregateFunction(groupArrayArray, Array(UInt32))               COMMENT 'Times of content downloads, unix seconds, in no order',
    nps             SimpleAggregateFunction(max, Tuple(DateTime64(3, 'UTC'), Float32))    COMMENT 'Last answer of the day to an NPS survey: time and score (0 to 10); 1970 when there is none',
    csat            SimpleAggregateFunction(max, Tuple(DateTime64(3, 'UTC'), Float32))    COMMENT 'Last answer of the day to a satisfaction survey: time and score, in the scale of the survey; 1970 when there is none',
    sentiment_sum   SimpleAggregateFunction(sum, Float64)                                 COMMENT 'Sum of the sentiment (-1 to 1) of what the person wrote',
    sentiment_count SimpleAggregateFunction(sum, UInt64)                                  COMMENT 'How many texts that is'`
