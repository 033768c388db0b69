// Package profile answers what is known of one person now: features, tier with its reasons, value, best channel and hour, last
// events. All but these last three was computed when the person last did something (person_states). They are of the events up to now, and
// come from a copy (Copy) or else from a month or two of events.
package profile

import (
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Sizes of an answer.
const (
	LastEvents = 20 // newest events told
	fewest     = 5  // actions below which no channel and no hour is called best
)

// ErrUnknown says that no person has the id, or that their first event is younger than a second or two.
var ErrUnknown = errors.New("no person has this id")

// Profile is one person as of EvaluatedAt; Recent is as of now.
type Profile struct {
	PersonID    string   `json:"person_id"`
	DistinctIDs []string `json:"distinct_ids"` // all ids of the person, person_id among them

	Tier           uint8     `json:"tier"`            // 2 acts like a buyer, 1 known, 0 not known yet
	MicroSegment   string    `json:"micro_segment"`   // "" below tier 2
	Lifecycle      []string  `json:"lifecycle"`       // lifecycle segments the person is in
	CriteriaMet    []string  `json:"criteria_met"`    // criteria of tier 2 that are met
	Score          float64   `json:"score"`           // 0 to 100, the sum of the reasons' points
	Reasons        []Reason  `json:"reasons"`         // what the score is made of
	ActionRequired string    `json:"action_required"` // what should happen next; "" when nothing
	Since          time.Time `json:"since"`           // in this tier and micro-segment since then
	EvaluatedAt    time.Time `json:"evaluated_at"`    // when all this was computed
	Definitions    uint32    `json:"definitions"`     // version of the definitions that decided

	// Features by name, as in the view person_features; what is unknown (no survey answered, never bought) is missing.
	Features map[string]float64 `json:"features"`

	Value     Value     `json:"value"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`

	*Recent // nil when it was not asked for
}

// Recent is what the person did last, of the calendar month of their last event (UTC) and the one before it.
type Recent struct {
	Best       Best    `json:"best"`
	LastEvents []Event `json:"last_events"` // newest first, 20 at most
}

// Reason is one part of the score.
type Reason struct {
	Name   string  `json:"name"`
	Points float64 `json:"points"` // negative when it speaks against the person
	Text   string  `json:"text"`
}

// Value is what the person bought, in units of each currency.
type Value struct {
	Orders       uint64                     `json:"orders"`
	Revenue      map[string]decimal.Decimal `json:"revenue"`      // purchases less refunds, of all time
	Revenue365   map[string]decimal.Decimal `json:"revenue_365d"` // of the last 365 days
	LastPurchase *time.Time                 `json:"last_purchase_at"`
}

// Best says where and when the person acts most, among Actions of the same two months. Channel is "" and Hour missing when those
// are too few to tell.
type Best struct {
	Channel string `json:"channel"`
	Hour    *uint8 `json:"hour"` // of the day, UTC, 0 to 23
	Actions uint64 `json:"actions"`
}

// Event is one event of the person.
type Event struct {
	EventID   uuid.UUID       `json:"event_id"`
	At        time.Time       `json:"ts"`
	Kind      string          `json:"kind"`
	Name      string          `json:"name"`
	Channel   string          `json:"channel"`
	Path      string          `json:"path"`
	ContentID string          `json:"content_id"`
	Value     decimal.Decimal `json:"value"`
	Currency  string          `json:"currency"`
	Machine   string          `json:"machine"` // why it was not a human; "" for one
}
