package segment

import (
	"strings"
	"testing"

	"github.com/livello/livello/ingest/event"
)

func TestKindsOfNames(t *testing.T) {
	m, err := NewMapping([]Rule{
		{"Webinar *", "meeting"}, {"webinar recording*", "video_view"}, // the first that fits wins
		{"Webinar Joined", "feature_use"}, // an exact name wins over patterns
		{"Order C*", "custom"},            // the user's pattern wins over an exact default
		{"Order Completed", "purchase"},   // and the user's exact name over that
		{"email_open", "custom"},          // even the name of a kind can be something else
		{"?ick", "ad_click"}, {"*", "custom"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Webinar Booked": "meeting", "WEBINAR RECORDING": "meeting", "webinar-joined": "feature_use", "Order Completed": "purchase",
		"Order Cancelled": "custom", "order_placed": "custom", "Email Opened": "custom", "email open": "custom", "kick": "ad_click", "Thick": "custom",
	} {
		if got := m.Kind(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestDefaultKinds(t *testing.T) {
	m, err := NewMapping(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Order Completed": "purchase", "order completed": "purchase", "order_completed": "purchase", "Completed Order": "purchase",
		"Product Added": "cart_add", "Checkout Started": "checkout_start", "Product Viewed": "product_view", "Order Refunded": "refund",
		"Products Searched": "search", "Email Opened": "email_open", "Email Link Clicked": "email_click", "Email Delivered": "email_delivered",
		"Email Bounced": "email_bounce", "Unsubscribed": "email_unsubscribe", "Email Sent": "email_sent", "Signed Up": "sign_up",
		"Signed In": "login", "Logged In": "login", "Video Playback Started": "video_view", "Application Opened": "custom", "Viewed Docs Page": "page_view",
		"Whatever": "custom", "": "custom", "identify": "custom", "group": "custom", "Opportunity Closed Won": "opportunity_won",
	} {
		if got := m.Kind(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	for _, kind := range event.Kinds {
		if got := m.Kind(kind); event.Engagement(kind) && got != kind {
			t.Errorf("an event named %s is %s", kind, got)
		}
	}
	seen := map[string]bool{}
	for _, rule := range DefaultRules {
		if name := canonicalName(rule.Name); seen[name] {
			t.Errorf("there are two default rules for %s", rule.Name)
		} else {
			seen[name] = true
		}
	}
}

func TestRulesAreChecked(t *testing.T) {
	for want, rule := range map[string]Rule{
		"event rule 1: the name is empty":             {" _ ", "purchase"},
		`unknown kind "sale"; known kinds: page_view`: {"Sale", "sale"},
		`unknown kind "identify"`:                     {"Sale", "identify"},
	} {
		if _, err := NewMapping([]Rule{rule}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestGlobs(t *testing.T) {
	for pattern, names := range map[string]string{
		"*": " |a|abc", "a*": "a|ab", "*a": "a|ba", "a*c": "ac|abc|abcc", "a?c": "abc", "*a*b*": "ab|xaxbx|aab",
	} {
		for _, name := range strings.Split(names, "|") {
			if !globMatch(pattern, strings.TrimSpace(name)) {
				t.Errorf("%s does not match %q", pattern, name)
			}
		}
	}
	for pattern, names := range map[string]string{"": "a", "a*": "ba", "*a": "ab", "a*c": "ab|cab", "a?c": "ac|abbc", "*a*b*": "ba|b", "a": "aa"} {
		for _, name := range strings.Split(names, "|") {
			if globMatch(pattern, name) {
				t.Errorf("%s matches %q", pattern, name)
			}
		}
	}
	// Time stays bounded where backtracking into every star would not end.
	if globMatch(strings.Repeat("*a", 200), strings.Repeat("a", 199)+"b") {
		t.Error("matched")
	}
}

func TestAMessageMayNameItsKind(t *testing.T) {
	for body, want := range map[string]string{
		`"type":"track","event":"X","properties":{"kind":"purchase"}`:          "purchase ",
		`"type":"page","properties":{"kind":"content_download"}`:               "content_download ",
		`"type":"track","event":"Order Completed","properties":{"kind":"red"}`: "purchase red",
		`"type":"track","event":"X","properties":{"kind":"identify"}`:          "custom identify",
		`"type":"identify","traits":{"kind":"purchase"}`:                       "identify purchase",
	} {
		got := row(t, `{"userId":"u",`+body+`}`)
		if is := got["kind"] + " " + got["properties[kind]"]; is != want {
			t.Errorf("%s: kind and property are %q, want %q", body, is, want)
		}
	}
}

// The caches of names are bounded, whatever senders send.
func TestNamesAreNotRememberedForEver(t *testing.T) {
	var cache map[string]string
	for i := range 10_000 {
		remember(&cache, strings.Repeat("x", i%50)+string(rune(i)), "custom")
		if len(cache) > 4096 {
			t.Fatalf("%d names", len(cache))
		}
	}
}
