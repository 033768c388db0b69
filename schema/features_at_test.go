package schema_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

const everybody = "00000000-0000-0000-0000-000000000000"

// TestFeaturesAtEqualNaive compares person_features_at with the naive count, on random streams with duplicates, late events, merges of
// ids, at several moments: for everybody, for a batch, and for one person. Each round has ids of its own, so that one database serves all.
func TestFeaturesAtEqualNaive(t *testing.T) {
	engine.Checks(t, 4)
	ctx := context.Background()
	w := engine.Migrated(t)
	// Half-lives that differ, and thresholds near the windows' ends, so that mistaking one for another shows.
	if err := w.Exec(ctx, `INSERT INTO definitions SELECT * REPLACE (version + 1 AS version,
		mapFromArrays(mapKeys(half_lives), arrayMap(i -> 1 + i / 4, arrayEnumerate(mapKeys(half_lives)))) AS half_lives) FROM definition`); err != nil {
		t.Fatal(err)
	}
	d, err := definitions.Default()
	if err != nil {
		t.Fatal(err)
	}
	half := map[string]float64{}
	if err := w.QueryRow(ctx, "SELECT half_lives FROM definition").Scan(&half); err != nil {
		t.Fatal(err)
	}
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		prefix := fmt.Sprintf("w%d-", round)
		base := rapid.SampledFrom([]time.Time{date(2024, 3, 1), date(2024, 12, 31), date(2025, 5, 17)}).Draw(rt, "base")
		n := naiveFeatures{deeds: randomDeeds(rt, prefix, base), owners: randomOwners(rt, prefix, base), d: d, half: half}
		late := rapid.Permutation(n.deeds).Draw(rt, "order of arrival")
		for i, part := range slices.Collect(slices.Chunk(late, len(late)/2+1)) {
			for range 2 { // the second time is a repetition, and counts for nothing
				insertDeeds(t, w, fmt.Sprint(prefix, i), part)
			}
		}
		insertOwners(t, w, n.owners)
		for _, at := range []time.Time{base.Add(13 * time.Hour), base.AddDate(0, 0, rapid.IntRange(1, 40).Draw(rt, "days later")), base.AddDate(0, 0, -3).Add(time.Hour)} {
			want := n.at(at)
			got := readFeaturesAt(t, w, fmt.Sprintf("person_features_at(at = '%s', batch = '%s')", at.Format(time.DateTime), everybody), prefix)
			compareCounted(rt, n, at, got, want)
			batch := uuid.NewString()
			if err := w.Exec(ctx, "INSERT INTO evaluation_scope (batch, distinct_id, person_id) SELECT toUUID(?), arrayJoin(?), ''", batch, []string{prefix + "u1", prefix + "a1", prefix + "a2", prefix + "a3"}); err != nil {
				t.Fatal(err)
			}
			inBatch := n
			inBatch.deeds = slices.DeleteFunc(slices.Clone(n.deeds), func(e deed) bool { return e.id == prefix+"u2" })
			compareCounted(rt, inBatch, at, readFeaturesAt(t, w, fmt.Sprintf("person_features_at(at = '%s', batch = '%s')", at.Format(time.DateTime), batch), prefix), inBatch.at(at))
			one := readFeaturesAt(t, w, fmt.Sprintf("person_features_of(at = '%s', batch = '%s', person = '%su1')", at.Format(time.DateTime), everybody, prefix), prefix+"u1")
			maps.DeleteFunc(want, func(who string, _ counted) bool { return who != prefix+"u1" })
			compareCounted(rt, n, at, one, want)
		}
	})
}

func date(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }

type answered struct {
	counted
	NextChange time.Time
}

// compareCounted compares person by person, and asks the naive count whether next_change came in time: until then nothing
// that a condition looks at may change.
func compareCounted(t *rapid.T, n naiveFeatures, at time.Time, got map[string]answered, want map[string]counted) {
	t.Helper()
	near := cmp.Comparer(func(x, y float64) bool { return math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) < 1e-6 })
	plain := map[string]counted{}
	for who, g := range got {
		plain[who] = g.counted
	}
	if diff := cmp.Diff(want, plain, near); diff != "" {
		t.Fatalf("as of %s, features %v (- naive, + view):\n%s", at, n.d.FeatureNames(), diff)
	}
	for who, g := range got {
		if !g.NextChange.After(at) {
			t.Fatalf("%s as of %s: next_change is %s", who, at, g.NextChange)
		}
		until := g.NextChange.Add(-time.Second)
		if limit := at.AddDate(2, 0, 0); until.After(limit) {
			until = limit
		}
		for _, when := range []time.Time{until, at.Add(until.Sub(at) / 2)} {
			later := n
			later.owners = slices.DeleteFunc(slices.Clone(n.owners), func(o owner) bool { return o.since.After(at) })
			later.deeds = slices.DeleteFunc(slices.Clone(n.deeds), func(e deed) bool { return midnight(e.at).After(midnight(at)) })
			for i, v := range later.at(when)[who].Features {
				name, before := n.d.FeatureNames()[i], want[who].Features[i]
				if strings.HasPrefix(name, "days_since_") || strings.HasPrefix(name, "hours_since_") {
					for _, c := range conditionsOn(n.d, name) {
						if fits(c, v) != fits(c, before) {
							t.Fatalf("%s: %s is %g as of %s and %g as of %s, which crosses %+v before next_change %s", who, name, before, at, v, when, c, g.NextChange)
						}
					}
				} else if !cmp.Equal(v, before, near) {
					t.Fatalf("%s: %s is %g as of %s and %g as of %s, before next_change %s", who, name, before, at, v, when, g.NextChange)
				}
			}
		}
	}
}

func fits(c definitions.Condition, v float64) bool { return v >= c.AtLeast && v <= c.AtMost }

func conditionsOn(d *definitions.Definitions, feature string) (on []definitions.Condition) {
	var all []definitions.Condition
	for _, c := range d.Criteria {
		all = append(all, c.Conditions...)
	}
	for _, m := range d.MicroSegments {
		all = append(all, m.Conditions...)
	}
	for _, s := range d.Lifecycle {
		all = append(all, s.Conditions...)
	}
	for _, r := range d.ContextRules {
		all = append(all, r.Conditions...)
	}
	for _, c := range all {
		if c.Feature == feature {
			on = append(on, c)
		}
	}
	return on
}

// randomDeeds draws bursts near the borders that matter. No two have the same millisecond, but many the same second.
func randomDeeds(rt *rapid.T, prefix string, base time.Time) []deed {
	var deeds []deed
	for range rapid.IntRange(1, 30).Draw(rt, "bursts") {
		age := rapid.SampledFrom([]int{-8, -1, 0, 0, 1, 2, 3, 5, 6, 7, 8, 13, 14, 29, 30, 40, 90, 364, 365, 366, 800}).Draw(rt, "age")
		second := rapid.SampledFrom([]int{0, 600, 36000, 84600, 86399}).Draw(rt, "second")
		at := base.AddDate(0, 0, -age).Add(time.Duration(second) * time.Second)
		id := rapid.SampledFrom([]string{"u1", "u1", "u2", "a1", "a2", "a3"}).Draw(rt, "id")
		for range rapid.IntRange(1, 5).Draw(rt, "events") {
			e := deed{id: prefix + id, named: id[0] == 'u', at: at.Truncate(time.Second).Add(time.Duration(len(deeds)) * time.Millisecond), sentiment: math.NaN()}
			e.kind = rapid.SampledFrom([]string{"page_view", "page_view", "page_view", "content_download", "content_download", "email_open", "email_click", "email_sent",
				"chat_message", "form_submission", "cart_add", "checkout_start", "purchase", "refund", "survey_response", "identify", "custom"}).Draw(rt, "kind")
			e.channel = rapid.SampledFrom([]string{"web", "web", "app", "email"}).Draw(rt, "channel")
			e.machine = rapid.SampledFrom([]string{"", "", "", "", "user_agent"}).Draw(rt, "machine")
			switch e.kind {
			case "page_view":
				e.page = rapid.SampledFrom([]string{"", "home", "product", "pricing", "whitepaper", "case_study", "demo", "contact"}).Draw(rt, "page")
			case "content_download":
				e.signal = rapid.SampledFrom([]string{"", "whitepaper_downloads", "demo_downloads"}).Draw(rt, "signal")
			case "purchase", "refund":
				e.value = rapid.IntRange(0, 50).Draw(rt, "value")
				e.currency = rapid.SampledFrom([]string{"EUR", "USD"}).Draw(rt, "currency")
			case "survey_response":
				e.survey = rapid.SampledFrom([]string{"nps", "csat"}).Draw(rt, "survey")
				e.score = float64(rapid.IntRange(0, 10).Draw(rt, "score"))
			case "chat_message":
				e.sentiment = rapid.SampledFrom([]float64{math.NaN(), -1, 0, 0.5}).Draw(rt, "sentiment")
			}
			deeds = append(deeds, e)
			at = at.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 59, 60, 1799, 1800, 1801, 4000}).Draw(rt, "gap")) * time.Second)
		}
	}
	return deeds
}

// randomOwners joins anonymous ids to users, some of them first to one and then, when that was renamed, to another.
func randomOwners(rt *rapid.T, prefix string, base time.Time) []owner {
	var owners []owner
	for _, id := range []string{"a1", "a2", "a3"} {
		since := base.AddDate(0, 0, -rapid.SampledFrom([]int{-2, 0, 1, 3, 20}).Draw(rt, "since"))
		switch rapid.IntRange(0, 2).Draw(rt, "joins") {
		case 1:
			owners = append(owners, owner{prefix + id, prefix + "u1", since})
		case 2:
			owners = append(owners, owner{prefix + id, prefix + "u2", since}, owner{prefix + id, prefix + "u1", since.AddDate(0, 0, 2)})
		}
	}
	return owners
}

func insertDeeds(t testing.TB, w *warehouse.Warehouse, token string, deeds []deed) {
	t.Helper()
	paths := map[string]string{"home": "/", "product": "/products/x", "pricing": "/pricing", "whitepaper": "/whitepapers/x", "case_study": "/case-studies/x", "demo": "/demo", "contact": "/contact"}
	contents := map[string]string{"whitepaper_downloads": "a-whitepaper", "demo_downloads": "a-demo"}
	var body strings.Builder
	for _, e := range deeds {
		row := map[string]any{"event_id": uuid.NewSHA1(uuid.NameSpaceOID, []byte(e.id+e.at.String())), "type": "track", "kind": e.kind, "ts": e.at.UTC().Format("2006-01-02 15:04:05.000"),
			"channel": e.channel, "distinct_id": e.id, "machine": e.machine, "value": e.value, "currency": e.currency, "path": paths[e.page], "content_id": contents[e.signal]}
		if e.named {
			row["user_id"] = e.id
		} else {
			row["anonymous_id"] = e.id
		}
		if e.survey != "" {
			row["properties"], row["score"] = map[string]string{"survey_type": e.survey}, e.score
		}
		if !math.IsNaN(e.sentiment) {
			row["sentiment"] = e.sentiment
		}
		line, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		body.Write(append(line, '\n'))
	}
	statement := `INSERT INTO events (event_id, type, kind, ts, channel, distinct_id, anonymous_id, user_id, value, currency, machine, path, content_id, score, sentiment, properties)
SETTINGS insert_deduplication_token = '` + token + `', deduplicate_blocks_in_dependent_materialized_views = 1, async_insert = 0, max_partitions_per_insert_block = 0, optimize_on_insert = 0`
	if err := w.InsertFormat(context.Background(), "JSONEachRow", statement, strings.NewReader(body.String())); err != nil {
		t.Fatalf("insert %d events: %v", len(deeds), err)
	}
}

// insertOwners writes what the resolver would: the last owner of an id, and the earlier ones beside it.
func insertOwners(t testing.TB, w *warehouse.Warehouse, owners []owner) {
	t.Helper()
	var body strings.Builder
	for i, o := range owners {
		if i+1 < len(owners) && owners[i+1].id == o.id {
			continue
		}
		earlier := []map[string]string{}
		if i > 0 && owners[i-1].id == o.id {
			earlier = append(earlier, map[string]string{"since": owners[i-1].since.Format(time.DateTime), "person_id": owners[i-1].person})
		}
		line, err := json.Marshal(map[string]any{"distinct_id": o.id, "person_id": o.person, "since": o.since.Format(time.DateTime), "earlier": earlier, "at": "2026-01-01 00:00:00"})
		if err != nil {
			t.Fatal(err)
		}
		body.Write(append(line, '\n'))
	}
	if body.Len() == 0 {
		return
	}
	ctx := context.Background()
	if err := w.InsertFormat(ctx, "JSONEachRow", "INSERT INTO person_map (distinct_id, person_id, since, earlier, at)", strings.NewReader(body.String())); err != nil {
		t.Fatal(err)
	}
	for _, o := range owners {
		if err := w.Exec(ctx, "INSERT INTO person_pairs (person_id, distinct_id) VALUES (?, ?)", o.person, o.id); err != nil {
			t.Fatal(err)
		}
	}
}

func readFeaturesAt(t testing.TB, w *warehouse.Warehouse, from, prefix string) map[string]answered {
	t.Helper()
	rows, err := w.Query(context.Background(), `SELECT person_id, features, signals_7d, revenue_365d, revenue_total, first_seen, last_seen,
		first_purchase_at, last_purchase_at, known, ids, next_change FROM `+from+` WHERE startsWith(person_id, ?)`, prefix)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]answered{}
	for rows.Next() {
		var who string
		a := answered{counted: counted{Signals: map[string]uint64{}, Revenue: map[string]int{}, RevenueEver: map[string]int{}}}
		var year, ever map[string]decimal.Decimal
		if err := rows.Scan(&who, &a.Features, &a.Signals, &year, &ever, &a.First, &a.Last, &a.FirstBuy, &a.LastBuy, &a.Known, &a.IDs, &a.NextChange); err != nil {
			t.Fatal(err)
		}
		for from, to := range map[*map[string]decimal.Decimal]map[string]int{&year: a.Revenue, &ever: a.RevenueEver} {
			for currency, v := range *from {
				if !v.IsZero() {
					to[currency] = int(v.IntPart())
				}
			}
		}
		for _, at := range []*time.Time{&a.First, &a.Last, &a.FirstBuy, &a.LastBuy} {
			if *at = at.UTC(); at.Unix() == 0 {
				*at = time.Time{}
			}
		}
		out[who] = a
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
