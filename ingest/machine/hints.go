package machine

import "github.com/livello/livello/ingest/event"

// hints are what an event's properties say that matters here.
type hints struct {
	said     string // the sender's reason, Sender, or ""
	mail     string // id of the mail
	campaign string // id or name of the campaign it belongs to
	link     string // what was clicked
	method   string // HTTP method of the request that was the event
}

// readHints finds them. Of several names for one thing the first in the event's own order counts; mail ids go before the wider ones.
func readHints(properties []event.Property) (h hints) {
	for i := range properties {
		p := &properties[i]
		var into *string
		switch p.Key {
		case "bot", "context.bot", "is_bot", "isBot":
			if p.Value == "true" || p.Value == "1" {
				h.say(Sender)
			}
			continue
		case "machine", "context.machine":
			switch {
			case p.Value == "" || p.Value == "false" || p.Value == "0":
			case isReason(p.Value) && p.Value != "true" && p.Value != "1":
				h.said = p.Value // more than a yes
			default:
				h.say(Sender)
			}
			continue
		case "email_id", "emailId", "mail_id", "message_id":
			into = &h.mail
		case "campaign_id", "campaignId", "context.campaign.id", "broadcast_id", "campaign", "campaign_name":
			into = &h.campaign
		case "link_url", "linkUrl", "link", "href", "link_id":
			into = &h.link
		case "method", "http_method", "context.method", "context.http_method":
			into = &h.method
		default:
			continue
		}
		if *into == "" {
			*into = p.Value
		}
	}
	return h
}

func (h *hints) say(reason string) {
	if h.said == "" {
		h.said = reason
	}
}

// isReason says whether a sender's text can stand in the column: a word such as mail_scanner, so that reasons can be counted by.
func isReason(text string) bool {
	if text == "" || len(text) > 64 {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '-', c == '.':
		default:
			return false
		}
	}
	return true
}
