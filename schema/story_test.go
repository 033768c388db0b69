package schema_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

func TestAnonymousPastCountsOnceIdentified(t *testing.T) {
	w := engine.Migrated(t)
	yesterday := midnight(time.Now()).Add(-14 * time.Hour)
	insert(t, w, "1",
		ev{at: yesterday, kind: "page_view", channel: "web", anon: "cookie"},
		ev{at: yesterday.Add(time.Minute), kind: "content_download", channel: "web", anon: "cookie"})
	expect(t, w, "SELECT concat(person_id, ' ', toString(page_views_7d), ' ', toString(downloads_7d)) FROM person_features", "cookie 1 1")

	insert(t, w, "2", ev{at: yesterday.Add(time.Hour), kind: "identify", channel: "web", anon: "cookie", user: "ada"})
	expect(t, w, "SELECT concat(person_id, ' ', toString(page_views_7d), ' ', toString(downloads_7d)) FROM person_features", "ada 1 1")
	expect(t, w, "SELECT toString((person_id, distinct_ids)) FROM people", "('ada',['ada','cookie'])")
	expect(t, w, "SELECT DISTINCT person_id FROM engagement_history", "ada")

	// Somebody else uses the same browser later: the cookie stays with the earliest user.
	insert(t, w, "3", ev{at: yesterday.Add(2 * time.Hour), kind: "page_view", channel: "web", anon: "cookie", user: "bob"})
	expect(t, w, "SELECT concat(person_id, ' ', toString(page_views_7d)) FROM person_features ORDER BY person_id", "ada 1", "bob 1")

	// Ada is renamed: one hop further, for the cookie too.
	insert(t, w, "4", ev{at: yesterday.Add(3 * time.Hour), kind: "alias", previous: "ada", user: "ada@example.com"})
	expect(t, w, "SELECT concat(person_id, ' ', toString(page_views_7d)) FROM person_features ORDER BY person_id", "ada@example.com 1", "bob 1")
}

func TestVisitsAtTheirBorders(t *testing.T) {
	w := engine.Migrated(t)
	today := midnight(time.Now())
	page := func(who string, at time.Time) ev { return ev{at: at, kind: "page_view", channel: "web", user: who} }
	noon := today.Add(-36 * time.Hour)
	window := today.AddDate(0, 0, -6)
	insert(t, w, "1",
		page("1 thirty minutes", noon), page("1 thirty minutes", noon.Add(30*time.Minute)),
		page("2 a second more", noon), page("2 a second more", noon.Add(30*time.Minute+time.Second)),
		page("3 over midnight", noon.Add(11*time.Hour+50*time.Minute)), page("3 over midnight", noon.Add(12*time.Hour+10*time.Minute)),
		page("4 began before the window", window.Add(-10*time.Minute)), page("4 began before the window", window.Add(10*time.Minute)),
		page("5 began with the window", window),
		ev{at: noon, kind: "email_open", channel: "email", user: "6 by mail only"},
		// Late: the page between two others joins what had been two visits.
		page("7 late", noon), page("7 late", noon.Add(50*time.Minute)))
	insert(t, w, "2", page("7 late", noon.Add(25*time.Minute)))
	expect(t, w, "SELECT concat(person_id, ': ', toString(visits_7d)) FROM person_features ORDER BY person_id",
		"1 thirty minutes: 1", "2 a second more: 2", "3 over midnight: 1", "4 began before the window: 0", "5 began with the window: 1",
		"6 by mail only: 0", "7 late: 1")
	expect(t, w, "SELECT toString(round(visits_7d_weighted, 4)) FROM person_features WHERE person_id = '5 began with the window'", "0.25")
}

// Views have to answer alike whatever a user's profile says about joins.
func TestViewsWithJoinUseNulls(t *testing.T) {
	w := engine.Migrated(t)
	insert(t, w, "1", spanning()...)
	insert(t, w, "2", ev{at: time.Now(), kind: "page_view", channel: "web", user: "now"})
	for _, view := range column(t, w, "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View' AND empty(parameterized_view_parameters) ORDER BY name") {
		var answers []string
		for _, nulls := range []int{0, 1} {
			answers = append(answers, strings.Join(column(t, w, fmt.Sprintf("SELECT toString(tuple(*)) AS row FROM %s ORDER BY row SETTINGS join_use_nulls = %d", view, nulls)), "\n"))
		}
		evaluated := view == "person_tiers" || view == "tier_history" // empty until the evaluation has run
		if answers[0] == "" && !evaluated || answers[0] != answers[1] {
			t.Errorf("%s:\n%s\nwith join_use_nulls = 1:\n%s", view, answers[0], answers[1])
		}
	}
}

func expect(t *testing.T, w *warehouse.Warehouse, query string, want ...string) {
	t.Helper()
	if got := column(t, w, query); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("%s\n got %q\nwant %q", query, got, want)
	}
}
