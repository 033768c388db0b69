package segment

import "testing"

func TestChannels(t *testing.T) {
	for name, test := range map[string]struct {
		body, source string
		want         string
		kept         string // of properties.channel, context.channel and the message's own
	}{
		"what properties say":         {`"type":"page","properties":{"channel":"store"},"context":{"channel":"app"}`, "web", "store", "app"},
		"what the context says":       {`"type":"page","context":{"channel":"phone"}`, "web", "phone", ""},
		"in capitals":                 {`"type":"page","properties":{"channel":" Store "}`, "", "store", " Store "},
		"no name of a channel":        {`"type":"page","properties":{"channel":"the shop!"}`, "", "web", "the shop!"},
		"the source's":                {`"type":"track","event":"Email Opened"`, "crm", "crm", ""},
		"by kind, email":              {`"type":"track","event":"Email Opened"`, "", "email", ""},
		"by kind, chat":               {`"type":"track","event":"chat_message"`, "", "chat", ""},
		"by kind, call":               {`"type":"track","event":"call"`, "", "phone", ""},
		"by kind, ads":                {`"type":"track","event":"ad_click"`, "", "ads", ""},
		"by kind, crm":                {`"type":"track","event":"opportunity_won"`, "", "crm", ""},
		"by kind, leads":              {`"type":"track","event":"lead_created"`, "", "crm", ""},
		"by kind, support":            {`"type":"track","event":"support_ticket"`, "", "support", ""},
		"by kind, survey":             {`"type":"track","event":"survey_response"`, "", "survey", ""},
		"by kind, review":             {`"type":"track","event":"review"`, "", "survey", ""},
		"by kind, social":             {`"type":"track","event":"social_share"`, "", "social", ""},
		"by kind, a network":          {`"type":"track","event":"social_share","properties":{"network":"Instagram"}`, "", "social.instagram", ""},
		"by kind, a platform":         {`"type":"track","event":"social_follow","properties":{"platform":"facebook"}`, "", "social.facebook", ""},
		"by kind, no network":         {`"type":"track","event":"social_follow","properties":{"network":"my own!"}`, "", "social", ""},
		"a page":                      {`"type":"page"`, "", "web", ""},
		"a screen":                    {`"type":"screen"`, "", "app", ""},
		"by library, web":             {`"type":"track","event":"x","context":{"library":{"name":"@segment/analytics-next"}}`, "", "web", ""},
		"by library, RudderStack":     {`"type":"track","event":"x","context":{"library":{"name":"RudderLabs JavaScript SDK"}}`, "", "web", ""},
		"by library, iOS":             {`"type":"track","event":"x","context":{"library":{"name":"analytics-ios"}}`, "", "app", ""},
		"by library, Kotlin":          {`"type":"track","event":"x","context":{"library":{"name":"analytics-kotlin"}}`, "", "app", ""},
		"by library, a server":        {`"type":"track","event":"x","context":{"library":{"name":"@segment/analytics-node"}}`, "", "other", ""},
		"by the message, client":      {`"type":"track","event":"x","channel":"client"`, "", "web", "client"},
		"by the message, mobile":      {`"type":"track","event":"x","channel":"mobile"`, "", "app", "mobile"},
		"by the message, web":         {`"type":"track","event":"x","channel":"web"`, "", "web", ""},
		"by the message, server":      {`"type":"track","event":"x","channel":"server"`, "", "other", "server"},
		"by the page it happened on":  {`"type":"track","event":"x","context":{"page":{"url":"https://shop.example/"}}`, "", "web", ""},
		"who somebody is, by library": {`"type":"identify","context":{"library":{"name":"analytics.js"}}`, "", "web", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := row(t, `{"userId":"u",`+test.body+`}`, func(m *Meta) { m.Channel = test.source })
			kept := got["properties[channel]"] + got["properties[context.channel]"] + got["properties[message.channel]"]
			if got["channel"] != test.want || kept != test.kept {
				t.Errorf("channel %q, kept %q; want %q and %q", got["channel"], kept, test.want, test.kept)
			}
		})
	}
}
