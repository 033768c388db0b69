package segment

import (
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/sources/internal/jsontape"
)

// Where columns take their text from: the first field of the list that is there and not empty. Fields further on that say
// the same are not kept a second time; those that say something else go to the properties.
var (
	urlOfPage       = []from{{false, propURL}, {true, ctxURL}}
	urlOfOther      = []from{{true, ctxURL}, {false, propURL}}
	pathOfPage      = []from{{false, propPath}, {true, ctxPath}}
	pathOfOther     = []from{{true, ctxPath}, {false, propPath}}
	referrerOfPage  = []from{{false, propReferrer}, {true, ctxReferrer}}
	referrerOfOther = []from{{true, ctxReferrer}, {false, propReferrer}}
	utmSource       = []from{{true, ctxUTMSource}, {false, propUTMSource}}
	utmMedium       = []from{{true, ctxUTMMedium}, {false, propUTMMedium}}
	utmCampaign     = []from{{true, ctxUTMCampaign}, {false, propUTMCampaign}}
	utmTerm         = []from{{true, ctxUTMTerm}, {false, propUTMTerm}}
	utmContent      = []from{{true, ctxUTMContent}, {false, propUTMContent}}
	contentID       = []from{
		{false, propContentID}, {false, propContentIDCamel}, {false, propAssetID}, {false, propContentAssetID},
		{false, propVideoID}, {false, propArticleID}, {false, propProductID}, {false, propProductIDCamel},
	}
	orderID   = []from{{false, propOrderID}, {false, propOrderIDCamel}, {false, propTransactionID}}
	sessionID = []from{{false, propSessionID}, {false, propSessionIDCamel}, {true, ctxSessionID}, {true, ctxSessionIDSnake}}
	accountID = []from{{true, ctxGroupID}, {false, propAccountID}, {false, propAccountIDCamel}}
	ip        = []from{{true, ctxIP}}
	userAgent = []from{{true, ctxUserAgent}}
	country   = []from{{true, ctxLocationCountry}, {true, ctxCountry}}
	locale    = []from{{true, ctxLocale}}
	pageName  = []from{{false, propName}}
	searched  = []from{{false, propQuery}, {false, propSearchQuery}, {false, propSearchTerm}}
	written   = []from{{false, propText}, {false, propComment}, {false, propMessage}, {false, propFeedback}, {false, propReviewBody}}
)

// columns moves what has a column of its own out of properties and context.
func (s *state) columns(m *message, meta *Meta) bool {
	r, l := &s.row, s.limits
	s.kind()
	s.findClient(m, m.library)

	url, path, referrer := urlOfOther, pathOfOther, referrerOfOther
	if r.Kind == "page_view" {
		url, path, referrer = urlOfPage, pathOfPage, referrerOfPage
	}
	if !s.take(&r.URL, url, l.URL) || !s.take(&r.Path, path, l.URL) || !s.take(&r.Referrer, referrer, l.URL) ||
		!s.take(&r.UTMSource, utmSource, l.URL) || !s.take(&r.UTMMedium, utmMedium, l.URL) ||
		!s.take(&r.UTMCampaign, utmCampaign, l.URL) || !s.take(&r.UTMTerm, utmTerm, l.URL) || !s.take(&r.UTMContent, utmContent, l.URL) ||
		!s.take(&r.ContentID, contentID, l.ID) || !s.take(&r.OrderID, orderID, l.ID) || !s.take(&r.SessionID, sessionID, l.ID) ||
		!s.take(&r.IP, ip, l.ID) || !s.take(&r.UserAgent, userAgent, l.URL) ||
		!s.take(&r.Country, country, l.ID) || !s.take(&r.Locale, locale, l.ID) {
		return false
	}
	if r.AccountID == "" && !s.take(&r.AccountID, accountID, l.ID) {
		return false
	}
	if (r.Type == "page" || r.Type == "screen") && !s.pageName() {
		return false
	}
	s.fromURL()
	// The connection speaks for the person only if the person's own device sent the message.
	if s.clientChannel != "" || strings.HasPrefix(meta.UserAgent, "Mozilla/") {
		if r.IP == "" {
			r.IP = meta.IP
		}
		if r.UserAgent == "" && len(meta.UserAgent) <= l.URL {
			r.UserAgent = meta.UserAgent
		}
	}
	if s.props.have == 0 {
		return true
	}
	text := written
	if r.Kind == "search" {
		text = searched
	}
	return s.takeWritten(text) && s.money() && s.score() && s.sentiment()
}

// take fills a column from the first of the fields that is there and not empty. Context is made by libraries: another type
// than text or number in it is an error. Properties are the sender's own: what is neither stays one.
func (s *state) take(column *string, order []from, limit int) bool {
	for i, f := range order {
		c := s.candidates(f)
		at := c.get(f.slot)
		if at == 0 {
			continue
		}
		node := s.node(at)
		text := ""
		switch node.Kind {
		case jsontape.String:
			text = s.text(node)
		case jsontape.Number:
			text = view(s.tape.Raw(node.Text))
		default:
			if f.context {
				return s.failType(s.fieldOf(f), node, "a string")
			}
			continue
		}
		if i > 0 && *column != "" {
			if text == *column || text == "" {
				c.done(f.slot)
			}
			continue
		}
		if len(text) > limit {
			return s.failLong(s.fieldOf(f), len(text), limit)
		}
		*column = text
		c.done(f.slot)
	}
	return true
}

// pageName takes properties.name as the page's name, or leaves it out when it only repeats it.
func (s *state) pageName() bool {
	at := s.props.get(propName)
	if at == 0 || s.node(at).Kind != jsontape.String {
		return true
	}
	if s.row.Name == "" {
		return s.take(&s.row.Name, pageName, s.limits.Name)
	}
	if s.text(s.node(at)) == s.row.Name {
		s.props.done(propName)
	}
	return true
}

// takeWritten fills the text column; only text is text.
func (s *state) takeWritten(order []from) bool {
	for _, f := range order {
		at := s.props.get(f.slot)
		if at == 0 || s.node(at).Kind != jsontape.String {
			continue
		}
		text := s.text(s.node(at))
		if text == "" {
			continue
		}
		if len(text) > s.limits.Value {
			return s.failLong(s.fieldOf(f), len(text), s.limits.Value)
		}
		s.row.Text = text
		s.props.done(f.slot)
		return true
	}
	return true
}

// Which field is the amount, by kind. In kinds that are about money a field that is no amount is an error; in others, where
// `value` may be anything, it stays a property.
var (
	moneyOfOrder   = []slot{propRevenue, propValue, propTotal, propAmount, propPrice}
	moneyOfProduct = []slot{propValue, propPrice}
	moneyOfDeal    = []slot{propValue, propAmount, propRevenue, propTotal}
	moneyOfOther   = []slot{propRevenue, propValue}
)

func moneyFields(kind string) (order []slot, strict bool) {
	switch kind {
	case "purchase", "refund", "checkout_start":
		return moneyOfOrder, true
	case "product_view", "cart_add":
		return moneyOfProduct, true
	case "lead_created", "lead_qualified", "opportunity_open", "opportunity_won", "opportunity_lost":
		return moneyOfDeal, true
	}
	return moneyOfOther, false
}

// money fills value and currency. An amount that four decimal places cannot hold stays in the properties as well, as it was
// written. A refund is the amount paid back, so its sign says nothing and is dropped.
func (s *state) money() bool {
	order, strict := moneyFields(s.row.Kind)
	found := false
	for _, f := range order {
		at := s.props.get(f)
		if at == 0 {
			continue
		}
		node := s.node(at)
		text := ""
		switch node.Kind {
		case jsontape.Number:
			text = view(s.tape.Raw(node.Text))
		case jsontape.String:
			if text = strings.TrimSpace(s.text(node)); text == "" {
				continue
			}
		}
		amount, exact, ok := parseMoney(text)
		if !ok {
			if !strict {
				continue
			}
			code := CodeType
			if node.Kind == jsontape.Number {
				code = CodeValue
			}
			return s.fail(code, s.fieldOf(from{slot: f}), "must be an amount such as 12.50 with at most 14 digits before the point, not %s", s.describe(node))
		}
		if amount < 0 && s.row.Kind == "refund" {
			amount, exact = -amount, false
		}
		s.row.Value = amount
		if found = true; exact {
			s.props.done(f)
		}
		break
	}
	at := s.props.get(propCurrency)
	if at == 0 {
		if found {
			s.row.Currency = s.currency
		}
		return true
	}
	node := s.node(at)
	if node.Kind == jsontape.String {
		if code := s.upper(strings.TrimSpace(s.text(node))); isCurrency(code) {
			s.row.Currency = code
			s.props.done(propCurrency)
			return true
		} else if code == "" {
			return true
		}
	}
	if strict {
		return s.fail(CodeValue, "properties.currency", "must be a three-letter code of ISO 4217 such as EUR, not %s", s.describe(node))
	}
	return true
}

func isCurrency(code string) bool {
	if len(code) != 3 {
		return false
	}
	for i := range len(code) {
		if code[i] < 'A' || code[i] > 'Z' {
			return false
		}
	}
	return true
}

var scores = []slot{propScore, propNPS, propNPSScore, propCSAT, propRating}

// score fills what somebody answered or rated. The rating of other kinds than these two is not the person's own (a product's
// average, say).
func (s *state) score() bool {
	strict, order := s.row.Kind == "survey_response" || s.row.Kind == "review", scores
	if !strict {
		order = scores[:len(scores)-1]
	}
	for _, f := range order {
		at := s.props.get(f)
		if at == 0 {
			continue
		}
		node := s.node(at)
		text, ok := "", false
		switch {
		case node.Kind == jsontape.Number:
			text, ok = view(s.tape.Raw(node.Text)), true
		case node.Kind == jsontape.String && strict:
			if text = strings.TrimSpace(s.text(node)); text == "" {
				continue
			}
			ok = true
		}
		value, exact := 0.0, false
		if ok {
			value, exact, ok = parseFloat(text)
		}
		if !ok {
			if !strict {
				continue
			}
			return s.failType(s.fieldOf(from{slot: f}), node, "a number")
		}
		if s.row.Score = event.SomeFloat(value); exact {
			s.props.done(f)
		}
		return true
	}
	return true
}

// sentiment fills the column with a number from -1 to 1; other scales and words stay properties.
func (s *state) sentiment() bool {
	at := s.props.get(propSentiment)
	if at == 0 || s.node(at).Kind != jsontape.Number {
		return true
	}
	value, exact, ok := parseFloat(view(s.tape.Raw(s.node(at).Text)))
	if !ok || value < -1 || value > 1 {
		return true
	}
	if s.row.Sentiment = event.SomeFloat(value); exact {
		s.props.done(propSentiment)
	}
	return true
}

// parseFloat reads a number for a Float32 column; exact says whether the column reads back as the same decimal.
func parseFloat(text string) (value float64, exact, ok bool) {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(value) || math.Abs(value) > math.MaxFloat32 {
		return 0, false, false
	}
	digits := 0
	for i := range len(text) {
		if c := text[i]; c >= '0' && c <= '9' {
			digits++
		} else if c != '.' && c != '-' {
			return value, false, text[i]|0x20 == 'e' || c == '+'
		}
	}
	return value, digits <= 6, true // six decimal digits survive any Float32
}

// leftovers adds to the properties what no column took.
func (s *state) leftovers() bool {
	for have := s.props.have; have != 0; have &= have - 1 {
		at := s.props.nodes[bits.TrailingZeros64(have)]
		if !s.put("properties.", "", s.key(at), at) {
			return false
		}
	}
	for have := s.ctx.have; have != 0; have &= have - 1 {
		place := slot(bits.TrailingZeros64(have))
		at := s.ctx.nodes[place]
		if !s.put("", contextParent(place), s.key(at), at) {
			return false
		}
	}
	return true
}
