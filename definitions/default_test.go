package definitions_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/livello/livello/definitions"
)

// TestDefaultsAreTheDesign holds every number that the design of Livello states.
func TestDefaultsAreTheDesign(t *testing.T) {
	d, err := definitions.Default()
	if err != nil {
		t.Fatal(err)
	}
	is := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	is("session timeout", d.SessionTimeout, uint32(30*60))
	for feature, days := range d.HalfLives {
		is("half-life of "+feature, days, 3.0)
	}
	is("half-lives", len(d.HalfLives), len(definitions.RolledFeatures)+len(d.Signals))
	is("criteria of tier 2", d.Tier2Needs, uint8(3))

	criteria := map[string]string{}
	sum := 0.0
	for _, c := range d.Criteria {
		criteria[c.Name] = fmt.Sprint(c.Conditions)
		sum += c.Weight
		for _, target := range c.Targets {
			if !strings.HasSuffix(target.Feature, "_7d_weighted") {
				t.Errorf("the score of %s is not of a weighted feature: %v", c.Name, target)
			}
		}
	}
	is("criteria", criteria, map[string]string{
		"site_visits": "[visits_7d_weighted >= 5]", "navigation_paths": "[key_paths_7d >= 2]", "content": "[downloads_7d >= 1]",
		"email": "[email_opens_7d >= 2 email_clicks_7d >= 1]", "advanced_interaction": "[advanced_interactions_7d >= 1]",
	})
	is("sum of weights", sum, 100.0)

	var segments []string
	for _, s := range d.MicroSegments {
		segments = append(segments, fmt.Sprint(s.Name, " of ", s.Tier, " ", s.Conditions))
	}
	is("micro-segments", segments, []string{
		"high of 2 [page_views_7d >= 3 whitepaper_downloads_7d >= 1 email_opens_7d >= 2 demo_link_clicks_7d >= 1]",
		"medium of 2 [chats_7d >= 2 advanced_forms_7d >= 1 demo_downloads_7d >= 1]",
		"medium of 2 []",
	})
	lifecycle := map[string]string{}
	for _, s := range d.Lifecycle {
		lifecycle[s.Name] = fmt.Sprint(s.Conditions)
	}
	is("lifecycle", lifecycle, map[string]string{
		"first_time_buyer": "[purchases_total = 1]", "loyal_fan": "[purchases_365d >= 3]", "window_shopper": "[carts_total >= 1 checkouts_total = 0]",
		"lapsed": "[days_since_last_purchase >= 90]", "at_risk": "[trend < 0]",
	})
	is("gold", fmt.Sprint(d.GoldPeople, d.GoldRate), "15 0.6")
	is("the first key path", d.KeyPaths[0].Pages, []string{"home", "whitepaper", "contact"})
	is("base currency", d.BaseCurrency, "EUR")
	is("warnings", len(d.Warnings()), 0)

	levels := map[string]bool{}
	metrics := map[string]bool{}
	for _, m := range d.Metrics {
		levels[m.Level], metrics[m.Metric] = true, true
	}
	is("levels", len(levels), 4)
	for _, want := range strings.Fields("reach impressions followers visits page_views comments emails_sent email_opens mentions interaction interaction_rate advocacy advocacy_rate " +
		"leads qualified_leads conversions conversion_rate time_to_conversion repeat_purchase_rate retention stickiness session_length feature_adoption nps csat " +
		"revenue cost roi cost_per_qualified_lead cac average_order ltv ltv_to_cac") {
		if !metrics[want] {
			t.Errorf("the design's metric %s is missing", want)
		}
	}
}
