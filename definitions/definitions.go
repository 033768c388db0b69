// Package definitions holds what the numbers mean: which events are which kind, what a signal, a key page, a criterion, a segment, a
// metric is. They are data: a YAML file that a marketer reads and edits (livello.yaml), checked here with the line and column of every
// mistake, applied as a new version into the table definitions, which the views read.
//
// Parse reads a file; what it leaves out is what Default says. Store applies versions and keeps the materialized view
// person_signals_mv, whose query is written from the signals and key pages (see view.go). docs/definitions.md is for users.
package definitions

import (
	_ "embed"
	"fmt"
	"sync"
)

// Definitions are one complete set. They are made by Parse or Default and must not be changed.
type Definitions struct {
	// Source is the YAML they were read from, which may hold less than all of them.
	Source string `json:"-"`

	BaseCurrency   string             `json:"base_currency"`   // ISO 4217
	SessionTimeout uint32             `json:"session_timeout"` // seconds
	Events         []Rule             `json:"events"`          // asked before the built-in mapping of names
	Signals        []Signal           `json:"signals"`
	HalfLives      map[string]float64 `json:"half_lives"` // days, for each of RolledFeatures and each signal
	KeyPages       []KeyPage          `json:"key_pages"`
	KeyPaths       []KeyPath          `json:"key_paths"`
	NPS            []Match            `json:"nps"` // which survey responses are answers to an NPS survey
	CSAT           []Match            `json:"csat"`

	Criteria      []Criterion       `json:"criteria"`
	Tier2Needs    uint8             `json:"tier2_needs"`
	TierActions   map[string]string `json:"tier_actions"` // by tier: 2, 1, 0
	MicroSegments []MicroSegment    `json:"micro_segments"`
	Lifecycle     []Segment         `json:"lifecycle"`
	ContextRules  []ContextRule     `json:"context_rules"`

	ConversionKinds []string `json:"conversion_kinds"`
	ConversionDays  uint16   `json:"conversion_days"`
	GoldPeople      uint16   `json:"gold_people"`
	GoldRate        float64  `json:"gold_rate"` // 0..1

	FreeMail         []string `json:"free_mail"`
	RoleNames        []string `json:"role_names"`
	IdentityMaxUsers uint16   `json:"identity_max_users"`
	IdentityMaxIDs   uint32   `json:"identity_max_ids"`

	Acquisition []Channel `json:"acquisition"`
	Metrics     []Metric  `json:"metrics"`
}

// Rule says which kind events of a name are; the name may hold * (any text) and ? (one character).
type Rule struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// Signal counts human events that fit one of its matches, as two features: <name>_7d and <name>_7d_weighted.
type Signal struct {
	Name  string  `json:"name"`
	Text  string  `json:"text"`
	Match []Match `json:"match"`
}

// KeyPage is a page that paths are made of. Of several that fit a page view, the first counts.
type KeyPage struct {
	Name  string  `json:"name"`
	Match []Match `json:"match"`
}

// KeyPath is a sequence of key pages; it is walked when they are seen in this order, whatever comes between.
type KeyPath struct {
	Name  string   `json:"name"`
	Pages []string `json:"pages"`
}

// Condition is fulfilled by a feature in [AtLeast, AtMost]; infinite where open. An unknown feature (NaN) never fulfils one.
type Condition struct {
	Feature string
	AtLeast float64
	AtMost  float64
}

// Target is the value of a feature at which its criterion's contribution to the score is full.
type Target struct {
	Feature string  `json:"feature"`
	Target  float64 `json:"target"`
}

// Criterion is met when all its conditions are.
type Criterion struct {
	Name       string      `json:"name"`
	Text       string      `json:"text"`
	Conditions []Condition `json:"conditions"`
	Weight     float64     `json:"weight"` // of 100
	Targets    []Target    `json:"targets"`
}

// MicroSegment is a segment within a tier. The first whose conditions are met counts; without conditions it takes everybody.
type MicroSegment struct {
	Name       string      `json:"name"`
	Tier       uint8       `json:"tier"`
	Text       string      `json:"text"`
	Conditions []Condition `json:"conditions"`
	Action     string      `json:"action"`
}

// Segment is a lifecycle segment. A person is in all that fit.
type Segment struct {
	Name       string      `json:"name"`
	Text       string      `json:"text"`
	Conditions []Condition `json:"conditions"`
}

// ContextRule takes points off the score of a lead that only looks like one.
type ContextRule struct {
	Name       string      `json:"name"`
	Text       string      `json:"text"`
	Conditions []Condition `json:"conditions"`
	Penalty    float64     `json:"penalty"` // points of 100
}

// Channel is a way people come: the first whose lists all fit. A list fits when one of its patterns does; an empty one fits anything.
type Channel struct {
	Channel   string   `json:"channel"`
	UTMMedium []string `json:"utm_medium"`
	UTMSource []string `json:"utm_source"`
	Referrer  []string `json:"referrer"`
}

// Metric is a number of the funnel: terms added up (a leading - subtracts), over others added up; none is 1.
type Metric struct {
	Level       string   `json:"level"`
	Metric      string   `json:"metric"`
	Text        string   `json:"text"`
	Unit        string   `json:"unit"`
	Numerator   []string `json:"numerator"`
	Denominator []string `json:"denominator"`
}

// RolledFeatures have a half-life of their own, beside the signals.
var RolledFeatures = []string{"visits", "page_views", "key_paths", "downloads", "email_opens", "email_clicks", "chats", "forms"}

// BuiltinFeatures are the names of the feature array before those of the signals, in its order.
var BuiltinFeatures = []string{
	"visits_7d", "visits_7d_weighted", "page_views_7d", "page_views_7d_weighted", "key_paths_7d", "key_paths_7d_weighted",
	"downloads_7d", "downloads_7d_weighted", "email_opens_7d", "email_opens_7d_weighted", "email_clicks_7d", "email_clicks_7d_weighted",
	"chats_7d", "chats_7d_weighted", "forms_7d", "forms_7d_weighted", "advanced_interactions_7d", "advanced_interactions_7d_weighted",
	"active_days_30d", "carts_30d", "checkouts_30d", "purchases_365d", "purchases_total", "carts_total", "checkouts_total",
	"days_since_last_event", "days_since_last_purchase", "days_since_first_event", "nps_last", "csat_last", "sentiment_30d",
	"trend", "actions_7d", "actions_previous_7d", "downloads_burst_7d", "hours_since_unfollowed_download",
}

// FeatureNames are the names of the feature array in its order: BuiltinFeatures, then two per signal.
func (d *Definitions) FeatureNames() []string {
	names := append([]string{}, BuiltinFeatures...)
	for _, s := range d.Signals {
		names = append(names, s.Name+"_7d", s.Name+"_7d_weighted")
	}
	return names
}

//go:embed default.yaml
var defaultSource string

// DefaultYAML is the text of the definitions that this program comes with.
func DefaultYAML() string { return defaultSource }

// Default are the definitions that this program comes with. Its error is one of the program's text; a test holds that there is none.
func Default() (*Definitions, error) {
	d, err := defaults()
	if err != nil {
		return nil, fmt.Errorf("the built-in definitions: %w", err)
	}
	own := *d
	return &own, nil
}

// defaults are parsed once.
var defaults = sync.OnceValues(func() (*Definitions, error) {
	return parse("default.yaml", []byte(defaultSource), &Definitions{})
})
