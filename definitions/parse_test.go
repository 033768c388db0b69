package definitions_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/livello/livello/definitions"
)

// TestMistakes wants each mistake with its line and column, the field, and the way out.
func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"section":         {"tierz:\n  needs: 3\n", "f.yaml:1:1: tierz: there is no such key; did you mean tiers?"},
		"key":             {"tiers:\n  needs: 3\n  criterias: {}\n", "f.yaml:3:3: tiers.criterias: there is no such key; did you mean criteria?"},
		"feature":         {"lifecycle:\n  fan: {when: {purchase_total: \">= 3\"}}\n", "f.yaml:2:16: lifecycle.fan.when.purchase_total: there is no feature purchase_total; did you mean purchases_total"},
		"comparison":      {"lifecycle:\n  fan: {when: {purchases_total: \"at least 3\"}}\n", `f.yaml:2:33: lifecycle.fan.when.purchases_total: "at least 3" is no comparison`},
		"bare number":     {"lifecycle:\n  fan: {when: {purchases_total: 3}}\n", `f.yaml:2:33: lifecycle.fan.when.purchases_total: "3" is no comparison`},
		"without quotes":  {"lifecycle:\n  fan:\n    when:\n      purchases_total: >= 3\n", `a comparison needs quotes: ">= 5"`},
		"contradiction":   {"lifecycle:\n  fan: {when: {purchases_total: \"> 3, < 2\"}}\n", "no number is both"},
		"weights":         {"tiers:\n  criteria:\n    one: {when: {chats_7d: \">= 1\"}, weight: 60, target: {chats_7d: 1}}\n  needs: 1\n", "tiers.criteria: the weights sum to 60; they have to sum to 100"},
		"needs":           {"tiers: {needs: 6}\n", "tier 2 needs 6 criteria, and there are 5"},
		"no when":         {"tiers:\n  criteria:\n    one: {weight: 100}\n", "f.yaml:3:5: tiers.criteria.one: a criterion needs when:"},
		"number":          {"gold:\n  rate: 60\n", `f.yaml:2:9: gold.rate: "60": a number from 0 to 1 expected`},
		"whole":           {"gold:\n  people: 1.5\n", "f.yaml:2:11: gold.people: 1.5: a whole number expected"},
		"duration":        {"session_timeout: 30\n", `f.yaml:1:18: session_timeout: "30": a time from 1m to 24h expected, as 30m, 12h or 30d`},
		"days":            {"conversions: {within: 36h}\n", "whole days expected, as 30d"},
		"conversion":      {"conversions: {kinds: [purchase, page_view]}\n", "f.yaml:1:33: conversions.kinds[1]: events of kind page_view are no conversions"},
		"conversion kind": {"conversions: {kinds: purchases}\n", `f.yaml:1:22: conversions.kinds: there is no kind "purchases"; did you mean purchase`},
		"currency":        {"base_currency: euro\n", `f.yaml:1:16: base_currency: "euro" is no currency: three capitals, as EUR`},
		"kind":            {"events:\n  - {name: x, kind: pageview}\n", `f.yaml:2:21: events[0].kind: "pageview" is unknown; did you mean page_view`},
		"identify":        {"events:\n  - {name: x, kind: identify}\n", `"identify" is unknown`},
		"rule":            {"events:\n  - {name: x}\n", "f.yaml:2:5: events[0]: a rule needs a name and a kind"},
		"field":           {"signals:\n  s: {match: {title: \"*\"}}\n", "signals.s.match.title: there is no such field"},
		"pattern":         {"signals:\n  s: {match: {path: \"\"}}\n", "signals.s.match.path: an empty pattern fits nothing"},
		"control":         {"signals:\n  s: {match: {path: \"a\\nb\"}}\n", "control characters fit nothing"},
		"signal name":     {"signals:\n  My-Signal: {match: {kind: search}}\n", `signals.My-Signal: "My-Signal" cannot be a name`},
		"built-in name":   {"signals:\n  visits: {match: {kind: search}}\n", "visits_7d is a built-in feature"},
		"no match":        {"signals:\n  s: {text: x}\n", "f.yaml:2:3: signals.s: a signal needs match:"},
		"lost signal":     {"signals: {}\n", "f.yaml:1:1: signals: micro_segments of the defaults needs whitepaper_downloads_7d and demo_link_clicks_7d and advanced_forms_7d and demo_downloads_7d"},
		"lost page":       {"key_pages: {home: {path: /}}\n", "f.yaml:1:1: key_pages: key_paths of the defaults needs the page"},
		"page":            {"key_paths: [home > prices]\n", "f.yaml:1:13: key_paths[0]: there is no key page prices; known are home"},
		"short path":      {"key_paths: [home]\n", "a path has at least two key pages"},
		"same path":       {"key_paths: [home > pricing, home > pricing]\n", "there are two paths home > pricing"},
		"half-life":       {"half_lives: {opens: 3}\n", "half_lives.opens: there is no such feature with a half-life; did you mean email_opens"},
		"unreachable":     {"micro_segments:\n  - {name: all}\n  - {name: some, when: {chats_7d: \">= 1\"}}\n", "f.yaml:3:5: micro_segments[1]: nobody gets here: all before it has no `when`"},
		"last channel":    {"acquisition:\n  - {channel: email, utm_medium: email}\n", "the last one has to fit whatever is left, as {channel: direct}"},
		"channel after":   {"acquisition:\n  - {channel: direct}\n  - {channel: email, utm_medium: email}\n", "nothing gets here: direct before it fits anything"},
		"term":            {"metrics: {counting: {x: {numerator: [\"events:pageviews\"]}}}\n", "there is no kind \"pageviews\"; did you mean page_view"},
		"term source":     {"metrics: {counting: {x: {numerator: [\"event:page_view\"]}}}\n", `there is no "event"; did you mean events`},
		"person term":     {"metrics: {counting: {x: {numerator: [\"person:active_day\"]}}}\n", `there is no "active_day"; did you mean active_days`},
		"level":           {"metrics: {basics: {}}\n", "metrics.basics: there is no such key; known are counting, foundational, outcome, business"},
		"twice":           {"gold: {rate: 0.5}\ngold: {rate: 0.6}\n", "gold"},
		"list for map":    {"gold: [1, 2]\n", "f.yaml:1:7: gold: people: and rate: expected, not a list"},
		"map for list":    {"events: {a: b}\n", "events: a list expected"},
		"nothing":         {"tiers:\n", "tiers: needs:, criteria: and actions: expected, not nothing"},
		"anchor":          {"gold: &x {rate: 0.5}\n", "an anchor or alias"},
		"syntax":          {"tiers: {needs: 3\n", "f.yaml:1:"},
		"two documents":   {"gold: {rate: 0.5}\n---\ngold: {rate: 0.5}\n", "definitions are one YAML document; this file has 2"},
		"no mapping":      {"just text\n", "f.yaml:1:1: sections such as tiers: expected"},
		"mailbox":         {"identity: {role_names: [info@acme.com]}\n", "a mailbox such as info expected"},
		"too long":        {strings.Repeat("# far too long\n", 20000), "at most 262144 are taken"},
		"too many":        {"signals:\n" + manySignals(51), "51 signals; at most 50 are counted"},
		"huge comparison": {"lifecycle:\n  fan: {when: {purchases_total: \"> 1e400\"}}\n", "is no comparison"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := definitions.Parse("f.yaml", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func manySignals(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("  s" + strings.Repeat("x", i%30) + string(rune('a'+i/30)) + ": {match: {kind: search}}\n")
	}
	return b.String()
}

// TestAllMistakesAtOnce wants them in the order of the file.
func TestAllMistakesAtOnce(t *testing.T) {
	_, err := definitions.Parse("f.yaml", []byte("gold:\n  rate: 2\n  peple: 3\nlifecycle:\n  a: {when: {nothing: \"> 1\"}}\nsession_timeout: never\n"))
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 4 {
		t.Fatalf("got %v, want four mistakes", err)
	}
	for i, line := range []int{2, 3, 5, 6} {
		var e *definitions.Error
		if !errors.As(joined.Unwrap()[i], &e) || e.Line != line || e.Column == 0 || e.Field == "" {
			t.Errorf("mistake %d is %v, want one of line %d", i, joined.Unwrap()[i], line)
		}
	}
}

// TestWhatIsLeftOut wants the defaults for sections that are not there, and nothing of them for those that are.
func TestWhatIsLeftOut(t *testing.T) {
	own, err := definitions.Parse("f.yaml", []byte("lifecycle:\n  fan: {when: {purchases_total: \">= 2, < 9.5\"}}\nhalf_lives: {chats: 7}\n"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := definitions.Default()
	if err != nil {
		t.Fatal(err)
	}
	if len(own.Lifecycle) != 1 || own.Lifecycle[0].Text != "Fan" || own.Lifecycle[0].Conditions[0].String() != "purchases_total >= 2, < 9.5" {
		t.Errorf("lifecycle: %+v", own.Lifecycle)
	}
	if own.HalfLives["chats"] != 7 || own.HalfLives["visits"] != 3 || own.HalfLives["advanced_forms"] != 3 || len(own.HalfLives) != len(d.HalfLives) {
		t.Errorf("half-lives: %v", own.HalfLives)
	}
	if len(own.Criteria) != len(d.Criteria) || own.GoldPeople != d.GoldPeople || len(own.Metrics) != len(d.Metrics) {
		t.Error("sections that are left out are not those of the default")
	}
	if got, want := len(definitions.Diff(d, own)), 7; got != want { // one segment other, five gone, one half-life
		t.Errorf("%d changes, want %d: %v", got, want, definitions.Diff(d, own))
	}
	if empty, err := definitions.Parse("f.yaml", []byte("# nothing\n")); err != nil || len(definitions.Diff(d, empty)) != 0 {
		t.Errorf("an empty file: %v, %v", err, definitions.Diff(d, empty))
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(definitions.DefaultYAML()))
	f.Add([]byte("tiers: {needs: 3"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		if d, err := definitions.Parse("f.yaml", text); err == nil {
			_ = d.SignalsQuery()
		}
	})
}
