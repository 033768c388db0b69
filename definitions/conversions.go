package definitions

import (
	"slices"
	"strings"
	"time"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/internal/handwritten"
)

// conversionKinds are the kinds of events that the table milestones keeps: conversions are counted there, and nowhere else. It is a narrow copy
// of the few events that cost or bring money; with a kind such as page_view among them it would be a second copy of everything. A test compares
// the list with the view that feeds the table.
var conversionKinds = []string{
	"email_click", "ad_click", "content_download", "form_submission", "sign_up", "cart_add", "checkout_start", "purchase", "refund", "call", "meeting",
	"review", "referral", "lead_created", "lead_qualified", "opportunity_open", "opportunity_won", "opportunity_lost",
}

func (p *sections) conversions(n node) {
	for _, key := range p.Pairs(n, "kinds: and within:") {
		switch key.Key {
		case "kinds":
			p.conversionKinds(key)
		case "within":
			if d, ok := p.duration(key.Value, 24*time.Hour, 365*24*time.Hour); ok {
				if d%(24*time.Hour) != 0 {
					p.Fail(key.Value.At, "whole days expected, as 30d")
				}
				p.d.ConversionDays = uint16(d / (24 * time.Hour))
			}
		default:
			p.Unknown(key, "kinds", "within")
		}
	}
}

func (p *sections) conversionKinds(key pair) {
	p.d.ConversionKinds = nil
	for _, item := range key.Value.Each() {
		kind, ok := p.Text(item, "a kind of event")
		if !ok {
			continue
		}
		switch kinds := event.EngagementKinds(); {
		case !slices.Contains(kinds, kind):
			p.Fail(item.At, "there is no kind %q%s", kind, handwritten.DidYouMean(kind, kinds))
		case !slices.Contains(conversionKinds, kind):
			p.Fail(item.At, "events of kind %s are no conversions, there are too many of them to keep them apart: say one of %s, and give the events that you mean such a kind by a rule in events:",
				kind, strings.Join(conversionKinds, ", "))
		}
		p.d.ConversionKinds = append(p.d.ConversionKinds, kind)
	}
	if len(p.d.ConversionKinds) == 0 {
		p.Fail(key.KeyAt, "without a kind nothing is a conversion, and no segment can be validated")
	}
}
