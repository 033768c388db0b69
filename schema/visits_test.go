package schema_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/livello/livello/schema"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// visitDefinitions are definitions of our own, so that these tests do not depend on the ones that livello comes with.
var visitDefinitions = visitor{
	timeout: 30 * time.Minute,
	wanted:  []string{"purchase", "opportunity_won", "sign_up"},
	rules: []rule{
		{channel: "email", medium: "mail"},
		{channel: "paid_social", medium: "cpc", source: "face"},
		{channel: "paid_search", medium: "cpc"},
		{channel: "organic_search", referrer: "://www.google."},
		{channel: "partner", source: "*"},
		{channel: "referral", referrer: "*"},
		{channel: "direct"},
	},
	rates: map[string]map[string]int{"USD": {"2026-01-01": 900000, "2026-01-10": 812345}, "GBP": {"2026-01-02": 1150000}},
}

// warehouseWithVisits is a migrated database with those definitions and rates.
func warehouseWithVisits(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	w := engine.Open(t)
	if _, err := schema.Up(context.Background(), w, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	like := func(pattern string) string {
		switch pattern {
		case "":
			return "[]"
		case "*":
			return "['_%']"
		}
		return "['%" + pattern + "%']"
	}
	var rules []string
	for _, r := range visitDefinitions.rules {
		rules = append(rules, fmt.Sprintf("('%s', %s, %s, %s)", r.channel, like(r.medium), like(r.source), like(r.referrer)))
	}
	exec(t, w, fmt.Sprintf("INSERT INTO definitions (version, session_timeout, conversion_kinds, base_currency, acquisition) SELECT 1000000, %d, ['%s'], 'EUR', [%s]",
		int(visitDefinitions.timeout.Seconds()), strings.Join(visitDefinitions.wanted, "', '"), strings.Join(rules, ", ")))
	for currency, days := range visitDefinitions.rates {
		for day, rate := range days {
			exec(t, w, fmt.Sprintf("INSERT INTO rates (day, currency, base, rate, received_at) SELECT '%s', '%s', 'EUR', toDecimal128(%d, 12) / 1000000, now64(3)", day, currency, rate))
		}
	}
	return w
}

func exec(t testing.TB, w *warehouse.Warehouse, statement string) {
	t.Helper()
	if err := w.Exec(context.Background(), statement); err != nil {
		t.Fatalf("%v in\n%s", err, statement)
	}
}

// tell inserts acts as the loader does.
func tell(t testing.TB, w *warehouse.Warehouse, token string, acts ...act) {
	t.Helper()
	var body strings.Builder
	for _, a := range acts {
		line, err := json.Marshal(map[string]any{
			"event_id": a.event, "type": "track", "kind": a.kind, "name": a.name, "ts": a.at.Format(milli), "source": "test", "channel": a.channel, "distinct_id": a.id, "anonymous_id": a.id,
			"path": a.path, "url": a.url, "referrer": a.referrer, "utm_source": a.source, "utm_medium": a.medium, "utm_campaign": a.campaign,
			"value": json.Number(fmt.Sprintf("%d.%02d", a.value/100, a.value%100)), "currency": a.currency, "machine": a.machine,
		})
		if err != nil {
			t.Fatal(err)
		}
		body.Write(append(line, '\n'))
	}
	sql := `INSERT INTO events (event_id, type, kind, name, ts, source, channel, distinct_id, anonymous_id, path, url, referrer, utm_source, utm_medium, utm_campaign, value, currency, machine)
SETTINGS insert_deduplication_token = '` + token + `', deduplicate_blocks_in_dependent_materialized_views = 1, async_insert = 0, max_partitions_per_insert_block = 0, optimize_on_insert = 0`
	if err := w.InsertFormat(context.Background(), "JSONEachRow", sql, strings.NewReader(body.String())); err != nil {
		t.Fatalf("insert %d events: %v", len(acts), err)
	}
}

// join writes what the resolver of identities would: ids that belong to another person.
func join(t testing.TB, w *warehouse.Warehouse, persons map[string]string) {
	t.Helper()
	for id, person := range persons {
		exec(t, w, fmt.Sprintf("INSERT INTO person_pairs VALUES ('%s', '%s')", person, id))
		exec(t, w, fmt.Sprintf("INSERT INTO person_map (distinct_id, person_id, since, at) SELECT '%s', '%s', '2026-01-01', now64(3)", id, person))
	}
}

// answers reads rows of a statement into T by the names of its columns.
func answers[T any](t fatal, w *warehouse.Warehouse, sql string) []T {
	answer, err := w.QueryFormat(context.Background(), "JSONEachRow", sql+" SETTINGS output_format_json_quote_64bit_integers = 0, output_format_json_quote_decimals = 0")
	if err != nil {
		t.Fatalf("%v in\n%s", err, sql)
	}
	var all []T
	for d := json.NewDecoder(answer); ; {
		var row T
		if err := d.Decode(&row); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, sql)
		}
		all = append(all, row)
	}
	if err := answer.Close(); err != nil {
		t.Fatalf("%v in\n%s", err, sql)
	}
	return all
}

type fatal interface{ Fatalf(string, ...any) }

const sessionColumns = `person_id AS Person, toString(start) AS Start, toString(end) AS End, seconds AS Seconds, events AS Events, pages AS Pages, entry AS Entry, exit AS Exit, referrer AS Referrer,
utm_source AS Source, utm_medium AS Medium, utm_campaign AS Campaign, acquisition AS Acquisition, conversions AS Conversions`

// drawVisits makes up what a few people did, on times near the borders that matter.
func drawVisits(r *rapid.T, prefix string) visitor {
	pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(r, label) }
	v := visitDefinitions
	v.persons = map[string]string{}
	if rapid.Bool().Draw(r, "joined") {
		v.persons[prefix+"a1"] = prefix + "u1"
		v.persons[prefix+"a2"] = pick("second", prefix+"u1", prefix+"u2")
	}
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range rapid.IntRange(1, 12).Draw(r, "bursts") {
		at := first.AddDate(0, 0, rapid.SampledFrom([]int{0, 0, 1, 2, 6, 7, 8, 9, 10, 31, 32}).Draw(r, "day")).
			Add(time.Duration(rapid.SampledFrom([]int{0, 1000, 36000, 84000, 86399}).Draw(r, "second")) * time.Second)
		id := pick("id", prefix+"u1", prefix+"u2", prefix+"a1", prefix+"a2", prefix+"a3")
		for range rapid.IntRange(1, 6).Draw(r, "acts") {
			at = at.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 400_000, 1_799_999, 1_800_000, 1_800_400, 1_800_999, 1_801_000, 3_600_000}).Draw(r, "later")) * time.Millisecond)
			a := act{at: at, id: id, event: uuid.NewSHA1(uuid.NameSpaceOID, []byte(fmt.Sprint(prefix, len(v.acts))))}
			a.kind = pick("kind", "page_view", "page_view", "page_view", "search", "purchase", "refund", "opportunity_won", "sign_up", "email_click", "ad_click", "identify", "cart_add")
			a.channel = pick("channel", "web", "web", "app", "store")
			if a.kind == "email_click" && rapid.Bool().Draw(r, "in a mail") {
				a.channel = "email"
			}
			a.machine = pick("machine", "", "", "", "", "", "crawler")
			a.path, a.name = pick("path", "", "/", "/pricing"), pick("name", "", "Screen")
			a.source, a.medium, a.campaign = pick("source", "", "", "", "Facebook", "x"), pick("medium", "", "", "Mail", "cpc"), pick("campaign", "", "", "spring")
			a.url, a.referrer = pick("url", "", "https://shop.example/p?x=1"), pick("referrer", "", "", "https://shop.example/", "https://www.google.com/?q=shop", "https://News.example/a#b")
			if slices.Contains([]string{"purchase", "refund", "opportunity_won"}, a.kind) {
				a.value, a.currency = rapid.SampledFrom([]int{0, 1, 1000, 3333, 99999}).Draw(r, "value"), pick("currency", "EUR", "EUR", "USD", "GBP", "")
			}
			v.acts = append(v.acts, a)
		}
	}
	return v
}

// Sessions, credit and value are what a naive reading of the events says, whatever the order in which they come, when segments are sent
// again, and when ids turn out to be one person later.
func TestVisitsEqualNaive(t *testing.T) {
	engine.Checks(t, 8)
	w := warehouseWithVisits(t)
	everything := visitDefinitions // of all checks: customers are compared with all others
	everything.persons = map[string]string{}
	world := 0
	rapid.Check(t, func(r *rapid.T) {
		world++
		prefix := fmt.Sprintf("w%d-", world)
		v := drawVisits(r, prefix)
		late := rapid.Permutation(v.acts).Draw(r, "order")
		for i := 0; len(late) > 0; i++ {
			n := rapid.IntRange(1, len(late)).Draw(r, "segment")
			for range rapid.IntRange(1, 2).Draw(r, "sent") {
				tell(t, w, fmt.Sprint(prefix, i), late[:n]...)
			}
			late = late[n:]
		}
		join(t, w, v.persons)
		everything.acts = append(everything.acts, v.acts...)
		for id, person := range v.persons {
			everything.persons[id] = person
		}
		mine := "startsWith(person_id, '" + prefix + "')"
		same := func(what string, want, got any) {
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(session{}, customer{})); diff != "" {
				r.Fatalf("%s (- naive, + view):\n%s", what, diff)
			}
		}

		sessions := v.sessions()
		same("sessions", sessions, answers[session](r, w, "SELECT "+sessionColumns+" FROM sessions WHERE "+mine+" ORDER BY person_id, start"))

		from := time.Date(2026, 1, 1+rapid.IntRange(-1, 11).Draw(r, "from"), rapid.SampledFrom([]int{0, 10}).Draw(r, "hour"), 0, 0, 0, time.UTC)
		to := from.Add(time.Duration(rapid.IntRange(1, 40*24).Draw(r, "hours")) * time.Hour)
		person := rapid.SampledFrom([]string{"", prefix + "u1", prefix + "u2", prefix + "a3"}).Draw(r, "person")
		var some []session
		for _, s := range sessions {
			if !s.start.Before(from) && s.start.Before(to) && (person == "" || s.Person == person) {
				some = append(some, s)
			}
		}
		same(fmt.Sprintf("sessions of %q from %s to %s", person, from, to), some, answers[session](r, w, fmt.Sprintf(
			"SELECT %s FROM sessions_between(from = '%s', to = '%s', person = '%s') WHERE %s ORDER BY person_id, start", sessionColumns, from.Format(milli), to.Format(milli), person, mine)))

		lookback := rapid.SampledFrom([]int{0, 1, 7, 30}).Draw(r, "lookback")
		same(fmt.Sprintf("credits from %s to %s, lookback %d", from, to, lookback), v.credits(from, to, lookback), answers[credit](r, w, fmt.Sprintf(
			`SELECT person_id AS Person, toString(event_id) AS Event, coalesce(toString(touched_at), '') AS Touched, acquisition AS Acquisition, campaign AS Campaign, touch AS Touch, touches AS Touches,
				toInt64(first_credit * 1000000) AS First, toInt64(last_credit * 1000000) AS Last, toInt64(linear_credit * 1000000) AS Linear, toInt64(amount * 10000) AS Amount, toInt64(linear_amount * 10000) AS LinearAmount
			FROM attribution_between(from = '%s', to = '%s', lookback = %d) WHERE %s ORDER BY Event, Touch`, from.Format(milli), to.Format(milli), lookback, mine)))

		same("customers", everything.customers(), answers[customer](r, w,
			`SELECT person_id AS Person, orders AS Orders, refunds AS Refunds, toInt64(gross * 10000) AS Gross, toInt64(refunded * 10000) AS Refunded,
				coalesce(toString(first_order_at), '') AS First, coalesce(toString(last_order_at), '') AS Last, coalesce(toString(cohort), '') AS Cohort, rfm AS RFM
			FROM person_value ORDER BY person_id`))
	})
}
