package event

import (
	"math"

	"github.com/google/uuid"
)

// Row is one event on its way into Columns. Empty strings mean absent, as in the table.
type Row struct {
	EventID   uuid.UUID
	MessageID string // as sent, when it was not itself the UUID in EventID
	Type      string // track, identify, page, screen, group or alias
	Kind      string // see kinds.go
	Name      string // what the sender called the event
	Time      int64  // when it happened, milliseconds since 1970, UTC
	// ReceivedAt is the service's clock when the request came in, in the same unit.
	ReceivedAt int64
	Source     string // which write key (or file mapping) it came with
	Channel    string

	AnonymousID, UserID string
	PreviousID          string // alias only: the id that is now UserID
	AccountID           string
	SessionID           string

	URL, Path, Referrer                                    string
	UTMSource, UTMMedium, UTMCampaign, UTMTerm, UTMContent string

	ContentID string
	OrderID   string
	Value     int64  // money, in ten-thousandths of a unit of Currency
	Currency  string // ISO 4217, upper case
	Score     Float  // survey answer or rating, in the survey's own scale
	Text      string // what the person wrote
	Sentiment Float  // -1..1

	UserAgent, IP, Country, Locale string
	Machine                        string // why this is not a human, or ""

	// Properties are all other fields, nested keys joined by dots, values as text.
	Properties []Property
}

// Property is one entry of the map column `properties`.
type Property struct{ Key, Value string }

// Float is a number that may be absent.
type Float struct {
	Value float32
	Valid bool
}

// DistinctID is the id that rollups are kept by: the user's, or the anonymous one when nobody is logged in.
func (r *Row) DistinctID() string {
	if r.UserID != "" {
		return r.UserID
	}
	return r.AnonymousID
}

// Reset makes the row empty and keeps the memory of Properties.
func (r *Row) Reset() { *r = Row{Properties: r.Properties[:0]} }

// MaxValue is the largest amount, in ten-thousandths, that Decimal(18, 4) holds.
const MaxValue = int64(999_999_999_999_999_999)

// SomeFloat is a present number; NaN is not one.
func SomeFloat(v float64) Float { return Float{float32(v), !math.IsNaN(v)} }
