package measurements

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// measurement checks a record as a whole. It says the first thing that is wrong, in the order of the fields.
func (r *record) measurement(now time.Time) (m Measurement, reject *Reject) {
	for _, check := range []func(*Measurement) *Reject{
		r.kind, r.channel, r.campaign,
		func(m *Measurement) *Reject { return r.time(m, now) },
		r.value, r.currency,
	} {
		if reject := check(&m); reject != nil {
			return Measurement{}, reject
		}
	}
	return m, nil
}

func bad(field, format string, args ...any) *Reject {
	return &Reject{Field: field, Reason: fmt.Sprintf(format, args...)}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (r *record) kind(m *Measurement) *Reject {
	m.Kind = text(r.Kind)
	switch {
	case m.Kind == "":
		return bad("kind", "is missing; it says what was measured: %s, or one of your own: custom_... (a sum), level_... (a level)", strings.Join(Kinds(), ", "))
	case !KnownKind(m.Kind):
		return bad("kind", "%q is not known; known are %s, and your own that begin with custom_ (a sum) or level_ (a level), of a-z, 0-9 and _",
			clip(m.Kind), strings.Join(Kinds(), ", "))
	}
	return nil
}

// channelName is what events' channels look like, too.
var channelName = regexp.MustCompile(`^[a-z0-9][a-z0-9._:-]{0,63}$`)

func (r *record) channel(m *Measurement) *Reject {
	m.Channel = text(r.Channel)
	switch {
	case m.Kind == rateKind && m.Channel != "":
		return bad("channel", "an exchange rate belongs to no channel: leave it out")
	case m.Channel != "" && !channelName.MatchString(m.Channel):
		return bad("channel", "%q is no channel; write it as ads, email or social.facebook: a-z, 0-9, '.', '_' and '-', at most 64", clip(m.Channel))
	}
	return nil
}

func (r *record) campaign(m *Measurement) *Reject {
	m.Campaign = text(r.Campaign)
	switch {
	case m.Kind == rateKind && m.Campaign != "":
		return bad("campaign", "an exchange rate belongs to no campaign: leave it out")
	case len(m.Campaign) > maxCampaign:
		return bad("campaign", "has %d bytes; it may have %d", len(m.Campaign), maxCampaign)
	case !utf8.ValidString(m.Campaign) || strings.ContainsFunc(m.Campaign, unicode.IsControl):
		return bad("campaign", "may hold no control characters")
	}
	return nil
}

// earliest keeps days within what ClickHouse's Date holds.
var earliest = time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC)

func (r *record) time(m *Measurement, now time.Time) *Reject {
	said := strings.TrimSpace(text(r.TS))
	if said == "" {
		return bad("ts", "is missing; it says which day or time was measured, such as 2026-03-01 or 2026-03-01T09:00:00Z")
	}
	at, err := time.Parse(time.DateOnly, said)
	if err != nil {
		at, err = time.Parse(time.RFC3339Nano, said)
	}
	at = at.UTC().Truncate(time.Millisecond)
	switch {
	case err != nil:
		return bad("ts", "%q is no time; write 2026-03-01, or with an offset 2026-03-01T09:00:00+01:00", clip(said))
	case at.Before(earliest):
		return bad("ts", "%s is before 1971", said)
	case at.After(now.Add(maxAhead)):
		return bad("ts", "%s lies more than two days in the future; what was not measured yet is a plan", said)
	}
	m.Time = at
	return nil
}

// A value has to fit into Decimal(38, 12), and sums of many values, too.
const (
	maxPlaces = 12
	maxText   = 64
)

var most = decimal.New(1, 18)

func (r *record) value(m *Measurement) *Reject {
	if len(r.Value) == 0 || string(r.Value) == "null" {
		return bad("value", "is missing")
	}
	said := string(r.Value)
	if said[0] == '"' {
		if err := json.Unmarshal(r.Value, &said); err != nil {
			return bad("value", "%s is no number", clip(string(r.Value)))
		}
	}
	said = strings.TrimSpace(said)
	v, err := decimal.NewFromString(said)
	// The exponent first: comparing 1e999999999 would write it out.
	if err != nil || said == "" || len(said) > maxText || v.Exponent() > maxText || v.Exponent() < -maxText {
		return bad("value", "%s is no number; write 120.50, with a point and without a currency", clip(said))
	}
	switch {
	case !v.Equal(v.Truncate(maxPlaces)):
		return bad("value", "%s has more than %d digits after the point", said, maxPlaces)
	case v.Abs().GreaterThanOrEqual(most):
		return bad("value", "%s is too large; values are under 10^18", said)
	case m.Kind == rateKind && !v.IsPositive():
		return bad("value", "a rate is more than 0: so many units of base for one unit of currency")
	case v.IsNegative() && !isMoney(m.Kind) && !strings.HasPrefix(m.Kind, customPrefix):
		return bad("value", "%s is negative; to correct a measurement, send the right value with the same kind, channel, campaign and ts", said)
	}
	m.Value = v
	return nil
}

var currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)

func (r *record) currency(m *Measurement) *Reject {
	code := strings.ToUpper(strings.TrimSpace(text(r.Currency)))
	base := strings.ToUpper(strings.TrimSpace(text(r.Base)))
	if code != "" && !currencyCode.MatchString(code) {
		return bad("currency", "%q is no currency; write the three letters of ISO 4217, such as EUR", clip(code))
	}
	m.Currency = code
	if m.Kind == rateKind {
		switch {
		case code == "":
			return bad("currency", "is missing; it is the currency that is converted, as in 1 currency = value base")
		case !currencyCode.MatchString(base):
			return bad("base", "%q is no currency; it is the currency that is converted to, such as EUR", clip(base))
		case base == code:
			return bad("base", "is the same as currency")
		}
		m.Campaign = code + "/" + base
		return nil
	}
	switch {
	case base != "":
		return bad("base", "is for exchange_rate only")
	case code == "" && isMoney(m.Kind):
		return bad("currency", "is missing; %s is money, in units of a currency such as EUR", m.Kind)
	case code != "" && !isMoney(m.Kind) && !strings.HasPrefix(m.Kind, customPrefix):
		return bad("currency", "%s is no money: leave the currency out", m.Kind)
	}
	return nil
}
