package schema_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// TestViewsAnswerLikeThePlainCount compares every view with the naive count, on random events: late ones, sessions over
// midnight and at exactly 30 minutes, window borders, machines, several ids per person, aliases. Each round has ids of its own, so that
// one database serves all; channels, too, are told apart by source.
func TestViewsAnswerLikeThePlainCount(t *testing.T) {
	engine.Checks(t, 6)
	w := engine.Migrated(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		prefix := fmt.Sprintf("r%d-", round)
		n := naive{today: midnight(time.Now())}
		n.events = randomEvents(rt, prefix, n.today)
		late := rapid.Permutation(n.events).Draw(rt, "order of arrival")
		for i, part := range slices.Collect(slices.Chunk(late, len(late)/2+1)) {
			insert(t, w, fmt.Sprint(prefix, i), part...)
		}
		features, err := readFeatures(w, prefix)
		if err != nil {
			rt.Fatal(err)
		}
		daily, err := readChannelDaily(w, prefix)
		if err != nil {
			rt.Fatal(err)
		}
		people, err := readPeople(w, prefix)
		if err != nil {
			rt.Fatal(err)
		}
		history, err := readHistory(w, prefix)
		if err != nil {
			rt.Fatal(err)
		}
		if !midnight(time.Now()).Equal(n.today) {
			return // the day changed between the question and its answer
		}
		same(rt, "person_features", features, n.features())
		same(rt, "channel_daily", daily, n.channelDaily())
		wantPeople := n.people()
		same(rt, "people", people, wantPeople)
		wantHistory := map[uuid.UUID][2]string{}
		for _, e := range n.events {
			who := n.personOf(e.distinct())
			account := e.account
			if account == "" {
				account = wantPeople[who].Account
			}
			wantHistory[e.id] = [2]string{who, account}
		}
		same(rt, "engagement_history", history, wantHistory)
	})
}

func same[K comparable, V any](t *rapid.T, view string, got, want map[K]V) {
	t.Helper()
	for k := range want {
		if !reflect.DeepEqual(got[k], want[k]) {
			t.Fatalf("%s %v\n got %+v\nwant %+v", view, k, got[k], want[k])
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Fatalf("%s %v: got %+v, want no such row", view, k, got[k])
		}
	}
}

// randomEvents draws bursts of events near the borders that matter. No two have the same millisecond: which of two equal ones is the
// latest is nobody's question.
func randomEvents(rt *rapid.T, prefix string, today time.Time) []ev {
	pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(rt, label) }
	var events []ev
	now := time.Now()
	for range rapid.IntRange(1, 25).Draw(rt, "bursts") {
		age := rapid.SampledFrom([]int{-1, 0, 0, 1, 2, 5, 6, 6, 7, 7, 8, 13, 14, 29, 30, 364, 365, 366, 400}).Draw(rt, "age")
		second := rapid.SampledFrom([]int{0, 600, 36000, 36000, 84600, 85800, 86399}).Draw(rt, "second")
		at := today.AddDate(0, 0, -age).Add(time.Duration(second) * time.Second)
		user := pick("user", "", "", prefix+"u1", prefix+"u2", prefix+"u3")
		anon := pick("anon", "", prefix+"a1", prefix+"a2", prefix+"a3")
		if user == "" && anon == "" {
			anon = prefix + "a1"
		}
		for range rapid.IntRange(1, 4).Draw(rt, "events") {
			e := ev{at: at.Add(time.Duration(len(events)) * time.Millisecond), user: user, anon: anon, source: prefix + "s"}
			if user != "" && e.at.After(now) {
				e.anon = "" // evidence of who is who counts from its time on: TestFeaturesAtEqualNaive asks about other moments
			}
			e.kind = pick("kind", "page_view", "page_view", "content_download", "email_open", "email_click", "email_sent", "chat_message",
				"form_submission", "cart_add", "checkout_start", "purchase", "refund", "custom", "identify", "alias", "group")
			e.channel = pick("channel", "web", "web", "app", "email")
			e.campaign = pick("campaign", "", "spring")
			e.machine = pick("machine", "", "", "", "", "user_agent")
			e.account = pick("account", "", "", "", prefix+"acme", prefix+"bits")
			if e.kind == "purchase" || e.kind == "refund" {
				e.value = rapid.IntRange(0, 50).Draw(rt, "value")
				e.currency = pick("currency", "EUR", "USD", "")
			}
			switch e.kind {
			case "identify":
				e.traits = map[string]string{pick("trait", "email", "plan"): pick("trait value", "x", "y", "z")}
			case "alias":
				if e.at.After(now) {
					e.kind = "custom"
					break
				}
				e.user = pick("alias user", prefix+"u1", prefix+"u2")
				e.previous = pick("previous", prefix+"u3", prefix+"a2")
				e.anon = ""
			}
			e.id = uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, prefix, len(events)))
			events = append(events, e)
			at = at.Add(time.Duration(rapid.SampledFrom([]int{1, 60, 1799, 1800, 1801, 4000}).Draw(rt, "gap")) * time.Second)
		}
	}
	return events
}

func readFeatures(w *warehouse.Warehouse, prefix string) (map[string]features, error) {
	rows, err := w.Query(context.Background(), `SELECT person_id, visits_7d, visits_7d_weighted,
		page_views_7d, page_views_7d_weighted, downloads_7d, downloads_7d_weighted, email_opens_7d, email_opens_7d_weighted,
		email_clicks_7d, email_clicks_7d_weighted, chats_7d, chats_7d_weighted, forms_7d, forms_7d_weighted,
		advanced_interactions_7d, advanced_interactions_7d_weighted, active_days_30d, carts_30d, purchases_365d, revenue_365d,
		days_since_last_event, days_since_last_purchase, trend, first_seen, last_seen
		FROM person_features WHERE startsWith(person_id, ?)`, prefix)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]features{}
	names := []string{"page_views", "downloads", "email_opens", "email_clicks", "chats", "forms"}
	for rows.Next() {
		f := features{Sums: map[string]uint64{}, Weighted: map[string]float64{}, Revenue: map[string]int{}, SinceEvent: -1, SincePurchase: -1}
		sums, weighted := make([]uint64, 7), make([]float64, 7)
		var active uint8
		var revenue map[string]decimal.Decimal
		var sinceEvent, sincePurchase *int32
		dest := []any{&f.Person, &f.Visits, &f.VisitsW}
		for i := range sums {
			dest = append(dest, &sums[i], &weighted[i])
		}
		dest = append(dest, &active, &f.Carts, &f.Purchases, &revenue, &sinceEvent, &sincePurchase, &f.Trend, &f.FirstSeen, &f.LastSeen)
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		for i, name := range names {
			if sums[i] > 0 {
				f.Sums[name], f.Weighted[name] = sums[i], weighted[i]
			}
		}
		if sums[6] != sums[4]+sums[5] || math.Abs(weighted[6]-weighted[4]-weighted[5]) > 1e-9 {
			return nil, fmt.Errorf("%s: advanced_interactions_7d %d, %g is not chats + forms", f.Person, sums[6], weighted[6])
		}
		for currency, v := range revenue {
			if !v.IsZero() {
				f.Revenue[currency] = int(v.IntPart())
			}
		}
		f.ActiveDays = uint64(active)
		if sinceEvent != nil {
			f.SinceEvent = int(*sinceEvent)
		}
		if sincePurchase != nil {
			f.SincePurchase = int(*sincePurchase)
		}
		out[f.Person] = f.rounded()
	}
	return out, rows.Err()
}

// rounded makes sums of floats comparable: they depend on the order of adding up.
func (f features) rounded() features {
	round := func(v float64) float64 { return math.Round(v*1e9) / 1e9 }
	f.VisitsW = round(f.VisitsW)
	f.Weighted = maps.Clone(f.Weighted)
	for k, v := range f.Weighted {
		f.Weighted[k] = round(v)
	}
	f.FirstSeen, f.LastSeen = f.FirstSeen.UTC(), f.LastSeen.UTC()
	return f
}

func readChannelDaily(w *warehouse.Warehouse, prefix string) (map[channelDay]channelSums, error) {
	rows, err := w.Query(context.Background(), `SELECT toString(day), channel, kind, source, campaign, currency, events, human_events, people, value
		FROM channel_daily WHERE source = ?`, prefix+"s")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[channelDay]channelSums{}
	for rows.Next() {
		var k channelDay
		var s channelSums
		var value decimal.Decimal
		if err := rows.Scan(&k.day, &k.channel, &k.kind, &k.source, &k.campaign, &k.currency, &s.events, &s.human, &s.people, &value); err != nil {
			return nil, err
		}
		s.value = int(value.IntPart())
		out[k] = s
	}
	return out, rows.Err()
}

func readPeople(w *warehouse.Warehouse, prefix string) (map[string]person, error) {
	rows, err := w.Query(context.Background(), "SELECT person_id, distinct_ids, traits, account_id, first_seen, last_seen FROM people WHERE startsWith(person_id, ?)", prefix)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]person{}
	for rows.Next() {
		var id string
		p := person{Traits: map[string]string{}}
		if err := rows.Scan(&id, &p.IDs, &p.Traits, &p.Account, &p.FirstSeen, &p.LastSeen); err != nil {
			return nil, err
		}
		p.FirstSeen, p.LastSeen = p.FirstSeen.UTC(), p.LastSeen.UTC()
		out[id] = p
	}
	return out, rows.Err()
}

// readHistory is the person and account of each event.
func readHistory(w *warehouse.Warehouse, prefix string) (map[uuid.UUID][2]string, error) {
	rows, err := w.Query(context.Background(), "SELECT event_id, person_id, account_id FROM engagement_history WHERE source = ?", prefix+"s")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[uuid.UUID][2]string{}
	for rows.Next() {
		var id uuid.UUID
		var v [2]string
		if err := rows.Scan(&id, &v[0], &v[1]); err != nil {
			return nil, err
		}
		out[id] = v
	}
	return out, rows.Err()
}
