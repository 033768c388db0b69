// Package measurements takes in what is measured rather than done by somebody: ad spend of a campaign and day, followers of an
// account, exchange rates. Decode judges records one by one, Store writes them, Route answers POST /v1/measurements. docs/metrics.md
// is the contract with senders.
//
// A measurement is recognized by kind, channel, campaign, time and source: sending one again changes nothing, sending another value
// corrects it. It is answered once ClickHouse has it on disk; there is no spool for it, because it can always be sent again.
package measurements

import (
	"regexp"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// Measurement is one row of the table measurements. Kind, Channel, Campaign, Time and the source are its identity.
type Measurement struct {
	Kind     string
	Channel  string          // "" belongs to no channel
	Campaign string          // "" belongs to none; of exchange_rate the pair of currencies, such as USD/EUR
	Time     time.Time       // what time it is about, UTC, milliseconds
	Value    decimal.Decimal // units of Currency, else a number; at most 12 digits after the point
	Currency string          // ISO 4217; "" is no money. Of exchange_rate the one that is converted
}

// Kinds by what they are. Sums add up over days; levels are what something amounts to at a time, of which changes add up.
var (
	moneyKinds = []string{"ad_spend", "cost"}
	sumKinds   = []string{"impressions", "reach", "clicks", "views", "visitors", "reactions", "comments", "shares", "mentions"}
	levelKinds = []string{"followers", "subscribers", "members"}
)

// rateKind is the kind of exchange rates.
const rateKind = "exchange_rate"

// customPrefix begins kinds of sums that users make up, which are money when they have a currency; levels begin with level_.
const customPrefix = "custom_"

// Kinds are all that are known by name. Beside them are those of a user's own, which begin with custom_ or level_.
func Kinds() []string { return slices.Concat(moneyKinds, sumKinds, levelKinds, []string{rateKind}) }

var ownKind = regexp.MustCompile(`^(custom|level)_[a-z0-9][a-z0-9_]{0,55}$`)

// KnownKind says whether a measurement may be of this kind.
func KnownKind(kind string) bool { return slices.Contains(Kinds(), kind) || ownKind.MatchString(kind) }

func isMoney(kind string) bool { return slices.Contains(moneyKinds, kind) }

// same is what a measurement of one source is recognized by.
func (m *Measurement) same() [4]string {
	return [4]string{m.Kind, m.Channel, m.Campaign, m.Time.Format(timeLayout)}
}

// timeLayout is how ClickHouse reads times.
const timeLayout = "2006-01-02 15:04:05.000"
