package funnel_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/funnel"
	"github.com/livello/livello/measurements"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// TestMain keeps random tests short unless -rapid.checks asks for more.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "5"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}

// Worlds live one after the other in one database, too far apart to know of each other.
func worldStart(n int) time.Time {
	return time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n*120)
}

const worldDays = 50

// TestTermsAndMetricsEqualNaive compares every term and every default metric, over random days and channels, with the plain count:
// random events, late ones, machines, two ids for one person, currencies with and without a rate, measurements that are corrected.
// The loop of metrics is compared, too. Half of the events come after a first computation, so the days that a Tick computes again have to be the right ones.
func TestTermsAndMetricsEqualNaive(t *testing.T) {
	t.Parallel()
	db := engine.Migrated(t)
	d, err := definitions.Default()
	if err != nil {
		t.Fatal(err)
	}
	keeper := funnel.New(funnel.Options{DB: db})
	ctx := context.Background()
	if err := keeper.Tick(ctx); err != nil { // of nothing
		t.Fatal(err)
	}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		w := drawWorld(rt, n)
		w.today = dayOf(time.Now())
		late := rapid.Permutation(w.events).Draw(rt, "order of arrival")
		half := len(late) / 2
		store(t, db, fmt.Sprint("test-", n), w, late[:half])
		if err := keeper.Tick(ctx); err != nil {
			rt.Fatal(err)
		}
		store(t, db, "", world{}, late[half:])
		if rapid.Bool().Draw(rt, "all anew") {
			err = keeper.Rebuild(ctx)
		} else {
			err = keeper.Tick(ctx)
		}
		if err != nil {
			rt.Fatal(err)
		}
		from, to := worldStart(n), worldStart(n+1)
		want := w.terms()
		got := readTerms(t, db, from, to)
		if diff := differ(got, want); len(diff) > 0 {
			rt.Fatalf("terms:\n%s", strings.Join(diff, "\n"))
		}
		first := from.AddDate(0, 0, rapid.IntRange(0, worldDays).Draw(rt, "first"))
		last := first.AddDate(0, 0, rapid.IntRange(1, 40).Draw(rt, "days"))
		channels := rapid.SliceOfNDistinct(rapid.SampledFrom(append(slices.Clone(channels), "")), 1, 7, rapid.ID).Draw(rt, "channels")
		chosen := map[key]float64{}
		for k, v := range want {
			if !k.day.Before(first) && k.day.Before(last) && slices.Contains(channels, k.channel) {
				chosen[k] = v
			}
		}
		over, under := naiveMetrics(d.Metrics, chosen)
		gotOver, gotUnder, gotTold := readMetrics(t, db, first, last, channels)
		for _, m := range d.Metrics {
			if got, there := gotTold[m.Metric]; there && got != told(m, chosen) {
				rt.Errorf("%s from %s to %s on %v can be told: %v", m.Metric, first.Format(time.DateOnly), last.Format(time.DateOnly), channels, got)
			}
		}
		if diff := append(differ(gotOver, over), differ(gotUnder, under)...); len(diff) > 0 {
			rt.Fatalf("metrics from %s to %s on %v:\n%s", first.Format(time.DateOnly), last.Format(time.DateOnly), channels, strings.Join(diff, "\n"))
		}
		compareLoop(rt, db, d.Metrics, want, first, last.Add(-aDay))
	})
}

// naiveMetrics adds up the terms of each metric.
func naiveMetrics(all []definitions.Metric, terms map[key]float64) (over, under map[string]float64) {
	over, under = map[string]float64{}, map[string]float64{}
	for _, m := range all {
		for _, side := range []struct {
			terms []string
			into  map[string]float64
		}{{m.Numerator, over}, {m.Denominator, under}} {
			for _, term := range side.terms {
				plain, minus := strings.CutPrefix(term, "-")
				for k, v := range terms {
					if k.term == plain && minus {
						side.into[m.Metric] -= v
					} else if k.term == plain {
						side.into[m.Metric] += v
					}
				}
			}
		}
	}
	return over, under
}

var channels = []string{"web", "app", "email", "ads", "social.x", "survey"}

func drawWorld(rt *rapid.T, n int) world {
	start := worldStart(n)
	pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(rt, label) }
	var w world
	for len(w.events) < 10 || rapid.IntRange(0, 15).Draw(rt, "more") > 0 {
		who := rapid.IntRange(1, 4).Draw(rt, "person")
		person := fmt.Sprintf("w%d-u%d", n, who)
		e := did{person: person, id: person, kind: pick("kind", "page_view", "page_view", "purchase", "purchase", "refund", "opportunity_won", "email_delivered", "email_click",
			"social_share", "lead_created", "lead_qualified", "feature_use", "survey_response", "review"), channel: pick("channel", channels...)}
		if who <= 2 && rapid.Bool().Draw(rt, "anonymous") {
			e.id = fmt.Sprintf("w%d-a%d", n, who)
		}
		day := rapid.SampledFrom([]int{0, 1, 2, 6, 7, 8, 14, 29, 30, 31, 44, 49}).Draw(rt, "day")
		second := rapid.SampledFrom([]int{0, 600, 2400, 2401, 43200, 85800, 86399}).Draw(rt, "second")
		e.at = start.AddDate(0, 0, day).Add(time.Duration(second)*time.Second + time.Duration(len(w.events))*time.Millisecond)
		e.machine = rapid.IntRange(0, 9).Draw(rt, "machine") == 0
		switch e.kind {
		case "purchase", "refund", "opportunity_won":
			e.value = int64(rapid.IntRange(0, 50).Draw(rt, "value"))
			e.currency = pick("currency", "EUR", "EUR", "EUR", "USD", "GBP")
		case "survey_response", "review":
			e.score = float64(rapid.IntRange(0, 10).Draw(rt, "score"))
			e.survey = pick("survey", "nps", "csat", "other")
		}
		w.events = append(w.events, e)
		if len(w.events) >= 60 {
			break
		}
	}
	for range rapid.IntRange(0, 10).Draw(rt, "measurements") {
		m := measured{at: start.AddDate(0, 0, rapid.IntRange(0, 20).Draw(rt, "measured on")), kind: pick("measured", "ad_spend", "ad_spend", "impressions", "followers"),
			channel: pick("measured channel", "ads", "social.x"), campaign: pick("campaign", "", "spring"), value: int64(rapid.IntRange(0, 100).Draw(rt, "amount"))}
		if m.kind == "ad_spend" {
			m.currency = pick("spent", "EUR", "EUR", "USD")
		}
		w.measured = slices.DeleteFunc(w.measured, func(o measured) bool {
			return o.at.Equal(m.at) && o.kind == m.kind && o.channel == m.channel && o.campaign == m.campaign
		})
		w.measured = append(w.measured, m)
	}
	for _, code := range []string{"USD", "GBP"} {
		for range rapid.IntRange(0, 3).Draw(rt, "rates") {
			r := rate{start.AddDate(0, 0, rapid.IntRange(0, worldDays).Draw(rt, "rate of")), code, float64(rapid.IntRange(1, 8).Draw(rt, "rate")) / 4}
			w.rates = slices.DeleteFunc(w.rates, func(o rate) bool { return o.code == code && o.day.Equal(r.day) })
			w.rates = append(w.rates, r)
		}
	}
	return w
}

// store writes events with their receipts, as a loaded segment leaves them, and everything else of the world.
func store(t *testing.T, db *warehouse.Warehouse, source string, w world, events []did) {
	t.Helper()
	ctx := context.Background()
	var body, receipts, ids strings.Builder
	for _, e := range events {
		machine := ""
		if e.machine {
			machine = "user_agent"
		}
		var score any
		if e.kind == "survey_response" || e.kind == "review" {
			score = e.score
		}
		fmt.Fprintf(&body, "%s\n", encode(t, map[string]any{"event_id": uuid.New(), "type": "track", "kind": e.kind, "name": e.kind, "ts": stamp(e.at), "source": "test", "channel": e.channel,
			"distinct_id": e.id, "value": e.value, "currency": e.currency, "score": score, "machine": machine, "properties": map[string]string{"survey_id": e.survey}}))
		fmt.Fprintf(&receipts, "%s\n", encode(t, map[string]any{"segment_id": uuid.New(), "day": dayOf(e.at).Format(time.DateOnly), "rows": 1}))
		if e.id != e.person {
			fmt.Fprintf(&ids, "%s\n", encode(t, map[string]any{"distinct_id": e.id, "person_id": e.person, "since": "1980-01-01 00:00:00", "at": stamp(time.Now())}))
		}
	}
	insert := func(statement, rows string) {
		t.Helper()
		if rows == "" {
			return
		}
		if err := db.InsertFormat(ctx, "JSONEachRow", statement, strings.NewReader(rows)); err != nil {
			t.Fatal(err)
		}
	}
	insert("INSERT INTO events (event_id, type, kind, name, ts, source, channel, distinct_id, value, currency, score, machine, properties)", body.String())
	insert("INSERT INTO person_map (distinct_id, person_id, since, at)", ids.String())
	insert("INSERT INTO receipts (segment_id, day, rows)", receipts.String())

	var all []measurements.Measurement
	for _, m := range w.measured {
		all = append(all, measurements.Measurement{Kind: m.kind, Channel: m.channel, Campaign: m.campaign, Time: m.at, Value: decimal.NewFromInt(m.value + 7), Currency: m.currency})
	}
	for _, r := range w.rates {
		all = append(all, measurements.Measurement{Kind: "exchange_rate", Campaign: r.code + "/EUR", Time: r.day, Value: decimal.NewFromFloat(r.rate + 1), Currency: r.code})
	}
	if len(all) == 0 {
		return
	}
	wrong := slices.Clone(all) // then corrected
	for i := range all {
		if all[i].Kind == "exchange_rate" {
			all[i].Value = all[i].Value.Sub(decimal.NewFromInt(1))
		} else {
			all[i].Value = all[i].Value.Sub(decimal.NewFromInt(7))
		}
	}
	now := time.Now()
	for i, some := range [][]measurements.Measurement{wrong, all, all} {
		if err := measurements.Store(ctx, db, source, now.Add(time.Duration(i)*time.Millisecond), some); err != nil {
			t.Fatal(err)
		}
	}
}

func encode(t *testing.T, row map[string]any) string {
	t.Helper()
	line, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }

func readTerms(t *testing.T, db *warehouse.Warehouse, from, to time.Time) map[key]float64 {
	t.Helper()
	rows, err := db.Query(context.Background(), "SELECT day, channel, term, amount, problem FROM funnel_terms WHERE day >= ? AND day < ?", from.Format(time.DateOnly), to.Format(time.DateOnly))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := map[key]float64{}
	for rows.Next() {
		var k key
		var amount float64
		var problem string
		if err := rows.Scan(&k.day, &k.channel, &k.term, &amount, &problem); err != nil {
			t.Fatal(err)
		}
		k.day = k.day.UTC()
		if _, twice := got[k]; twice {
			t.Fatalf("%v is there twice", k)
		}
		if math.IsNaN(amount) != (problem != "") {
			t.Errorf("%v: %v with problem %q", k, amount, problem)
		}
		got[k] = amount
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return got
}

func readMetrics(t *testing.T, db *warehouse.Warehouse, from, to time.Time, channels []string) (over, under map[string]float64, told map[string]bool) {
	t.Helper()
	rows, err := db.Query(context.Background(), `SELECT metric, sum(numerator), sum(denominator), ifNull(max(measured), 1) = 1, countIf(isNull(value) != (problem != ''))
FROM metric_funnel WHERE day >= ? AND day < ? AND channel IN ? GROUP BY metric`, from.Format(time.DateOnly), to.Format(time.DateOnly), channels)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	over, under, told = map[string]float64{}, map[string]float64{}, map[string]bool{}
	for rows.Next() {
		var metric string
		var a float64
		var b *float64
		var measured uint8
		var odd uint64
		if err := rows.Scan(&metric, &a, &b, &measured, &odd); err != nil {
			t.Fatal(err)
		}
		told[metric] = measured == 1
		if over[metric] = a; b != nil {
			under[metric] = *b
		}
		if odd > 0 {
			t.Errorf("%s: %d rows have a value and a problem, or neither", metric, odd)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return over, under, told
}
