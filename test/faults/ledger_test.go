package faults

import (
	"fmt"
	"time"
)

// deed is an event of the ledger: who did what, and when.
type deed struct {
	person uint16
	act    act
	at     time.Time
}

func (d deed) id() string { return fmt.Sprint("p", d.person) }

func (d deed) month() string { return d.at.Format("2006-01") }

// act is what somebody does.
type act uint8

const (
	buys act = iota
	visits
	downloads
	answersSurvey
	isTold // who they are
	joins  // an account
	clicksAd
	scans // a mail, being a machine
)

// acts are the messages, which every rollup takes something from, as they stand in a record beside its ids and time.
var acts = [...]string{
	buys:          `"type":"track","event":"Order Completed","properties":{"revenue":2.5,"currency":"EUR","channel":"web"}`,
	visits:        `"type":"page","properties":{"path":"/pricing","channel":"web","referrer":"https://other.example/a","utm_source":"news","utm_medium":"mail"}`,
	downloads:     `"type":"track","event":"Whitepaper Downloaded","properties":{"kind":"content_download","content_id":"whitepaper","channel":"web","sentiment":0.5}`,
	answersSurvey: `"type":"track","event":"NPS answered","properties":{"kind":"survey_response","survey":"nps","score":9,"channel":"survey"}`,
	isTold:        `"type":"identify","traits":{"email":"%s@example.com","plan":"team"}`,
	joins:         `"type":"group","groupId":"account of %s"`,
	clicksAd:      `"type":"track","event":"Ad Clicked","properties":{"kind":"ad_click","channel":"ads"}`,
	scans:         `"type":"track","event":"Email Link Clicked","properties":{"kind":"email_click","channel":"email","machine":"every_link"}`,
}

func (d deed) message() string {
	if d.act == isTold || d.act == joins {
		return fmt.Sprintf(acts[d.act], d.id())
	}
	return acts[d.act]
}

// sums are numbers that a table is asked for by the query of the same name in rollups, and what the ledger says they are.
type sums map[string][]float64

// rollups ask each table that a view feeds for sums; which they are stands in add and done.
var rollups = map[string]string{
	"person_day":      "sum(events), sum(page_views), sum(downloads), sum(email_clicks), sum(purchases), sum(revenue['EUR']), sum(length(visit_times)) FROM person_day",
	"person_month":    "sum(length(orders)), uniqExact(distinct_id, month) FROM person_month",
	"person_signals":  "sum(signals['whitepaper_downloads']), sum(length(key_pages)), sum(length(download_times)), sum(sentiment_sum), sum(sentiment_count) FROM person_signals",
	"channel_hour":    "sum(events), sum(human_events), sum(value) FROM channel_hour",
	"survey_day":      "sum(responses), sum(promoters), sum(score_sum) FROM survey_day",
	"visit_day":       "sum(length(hits)) FROM visit_day",
	"milestones":      "count(), uniqExact(event_id), sum(value) FROM milestones",
	"origins":         "count() FROM origins FINAL",
	"identity_edges":  "sum(evidence), uniqExact(distinct_id, user_id, month) FROM identity_edges",
	"account_members": "sum(evidence), uniqExact(distinct_id, account_id, month) FROM account_members",
	"person_traits":   "count() FROM person_traits FINAL",
}

// notInLedger are tables that a view feeds and that are not added up here, and why.
var notInLedger = map[string]string{
	"touched_ids":   "a queue of two days that may hold an id twice",
	"touched_edges": "a queue of two days, fed from identity_edges",
	"rates":         "fed from measurements, which nobody sends here",
}

// reckoning adds deeds up, in the simplest way.
type reckoning struct {
	sums sums
	keys map[string]map[string]bool // table -> keys of the rows it has once everything is merged
}

func newReckoning() *reckoning { return &reckoning{sums: sums{}, keys: map[string]map[string]bool{}} }

func (r *reckoning) add(d deed) {
	count := func(table string, numbers ...float64) {
		if r.sums[table] == nil {
			r.sums[table] = make([]float64, len(numbers))
		}
		for i, n := range numbers {
			r.sums[table][i] += n
		}
	}
	key := func(table, key string) {
		if r.keys[table] == nil {
			r.keys[table] = map[string]bool{}
		}
		r.keys[table][key] = true
	}
	own := d.id() + " " + d.month()
	count("identity_edges", 1) // each has both ids
	key("identity_edges", own)
	if d.act != scans {
		key("person_month", own)
	}
	switch d.act {
	case buys:
		count("person_day", 1, 0, 0, 0, 1, 2.5, 1)
		count("person_month", 1)
		count("channel_hour", 1, 1, 2.5)
		count("visit_day", 1)
		count("milestones", 1, 1, 2.5)
	case visits:
		count("person_day", 1, 1, 0, 0, 0, 0, 1)
		count("person_signals", 0, 1, 0, 0, 0)
		count("channel_hour", 1, 1, 0)
		count("visit_day", 1)
		key("origins", "news "+d.month())
	case downloads:
		count("person_day", 1, 0, 1, 0, 0, 0, 1)
		count("person_signals", 1, 0, 1, 0.5, 1)
		count("channel_hour", 1, 1, 0)
		count("visit_day", 1)
		count("milestones", 1, 1, 0)
	case answersSurvey:
		count("person_day", 1, 0, 0, 0, 0, 0, 0)
		count("channel_hour", 1, 1, 0)
		count("survey_day", 1, 1, 9)
	case isTold:
		key("person_traits", d.id()+" email")
		key("person_traits", d.id()+" plan")
	case joins:
		count("account_members", 1)
		key("account_members", own)
	case clicksAd:
		count("person_day", 1, 0, 0, 0, 0, 0, 0)
		count("channel_hour", 1, 1, 0)
		count("milestones", 1, 1, 0)
		key("origins", "cpc "+d.month())
	case scans:
		count("channel_hour", 1, 0, 0)
	}
}

// done are the sums of all that was added.
func (r *reckoning) done() sums {
	for table, keys := range r.keys { // the number of keys comes last
		r.sums[table] = append(r.sums[table], float64(len(keys)))
	}
	return r.sums
}
