package segment

import (
	"strings"

	"github.com/livello/livello/ingest/sources/internal/jsontape"
)

// channel decides where the event happened. What the message says comes first, then what the source is configured as, then
// what the kind implies, then the type of call and the library that made it.
func (s *state) channel(m *message, meta *Meta) bool {
	for _, f := range []from{{false, propChannel}, {true, ctxChannel}} {
		c := s.candidates(f)
		at := c.get(f.slot)
		if at == 0 || s.row.Channel != "" {
			continue
		}
		node := s.node(at)
		if node.Kind != jsontape.String {
			return s.failType(s.fieldOf(f), node, "a string")
		}
		text := s.text(node)
		clean := s.lower(strings.TrimSpace(text))
		if channelName(clean) {
			s.row.Channel = clean
		} // what is no channel stays a property, and the next rule decides
		if clean == text && (clean == "" || s.row.Channel != "") {
			c.done(f.slot)
		}
	}
	if s.row.Channel == "" {
		s.row.Channel = meta.Channel
	}
	if s.row.Channel == "" {
		s.row.Channel = s.channelOfKind(m.properties)
	}
	if s.row.Channel == "" {
		switch s.row.Type {
		case "page":
			s.row.Channel = "web"
		case "screen":
			s.row.Channel = "app"
		}
	}
	if s.row.Channel == "" {
		s.row.Channel = s.clientChannel
	}
	if s.row.Channel == "" && s.row.URL != "" {
		s.row.Channel = "web"
	}
	if s.row.Channel == "" {
		s.row.Channel = "other"
	}
	if m.channel == 0 {
		return true
	}
	if node := s.node(m.channel); node.Kind == jsontape.String && s.text(node) == s.row.Channel {
		return true
	}
	return s.put("", unknownPrefix, "channel", m.channel)
}

// channelName says whether text can be a channel: lower-case letters, digits and _ - . : up to 64 bytes.
func channelName(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case i > 0 && (c == '_' || c == '-' || c == '.' || c == ':'):
		default:
			return false
		}
	}
	return text != "" && len(text) <= 64
}

// channelOfKind is the channel that a kind of event implies, "" when it may happen on several.
func (s *state) channelOfKind(properties int32) string {
	kind := s.row.Kind
	family, _, _ := strings.Cut(kind, "_")
	switch family {
	case "email":
		return "email"
	case "chat":
		return "chat"
	case "call":
		return "phone"
	case "ad":
		return "ads"
	case "opportunity", "lead":
		return "crm"
	case "support":
		return "support"
	case "survey", "review":
		return "survey"
	case "social":
		return s.socialChannel(properties)
	}
	return ""
}

// socialChannel is "social." and the network that the event's properties name, or "social".
func (s *state) socialChannel(properties int32) string {
	network := ""
	if properties != 0 {
		for c := properties + 1; c < s.node(properties).Next; c = s.node(c).Next {
			switch s.key(c) {
			case "network", "platform", "social_network":
				if node := s.node(c); node.Kind == jsontape.String {
					network = s.lower(strings.TrimSpace(s.text(node)))
				}
			}
		}
	}
	if len(network) <= 32 && channelName(network) {
		return s.join("social.", network)
	}
	return "social"
}

// clientLibrary is the channel of the SDK that made a message ("" for SDKs of servers), from its name.
func clientLibrary(name string) string {
	name = strings.ToLower(name)
	for _, part := range []string{"node", "python", "ruby", "php", "java-", "analytics-java", "analytics-go", ".net", "csharp", "server"} {
		if strings.Contains(name, part) && !strings.Contains(name, "javascript") {
			return ""
		}
	}
	for _, part := range []string{"ios", "android", "swift", "kotlin", "react-native", "react_native", "flutter", "unity", "xamarin", "cordova", "expo", "roku"} {
		if strings.Contains(name, part) {
			return "app"
		}
	}
	for _, part := range []string{"javascript", "analytics.js", "analytics-next", "browser", "jitsu/js", "jitsu-js"} {
		if strings.Contains(name, part) {
			return "web"
		}
	}
	return ""
}

// findClient notes on which channel the message's sender runs if it is a person's device: by its library, or by the
// message's own channel as Segment and others use it (browser, client, mobile; server is none).
func (s *state) findClient(m *message, library int32) {
	s.clientChannel = ""
	if library != 0 && s.node(library).Kind == jsontape.String {
		name := s.text(s.node(library))
		channel, known := s.libraries[name]
		if !known {
			channel = clientLibrary(name)
			remember(&s.libraries, name, channel)
		}
		s.clientChannel = channel
	}
	if s.clientChannel == "" && m.channel != 0 && s.node(m.channel).Kind == jsontape.String {
		switch s.text(s.node(m.channel)) {
		case "browser", "client", "web":
			s.clientChannel = "web"
		case "mobile", "app":
			s.clientChannel = "app"
		}
	}
}

// remember adds to a cache of names that senders choose, and empties it when it has grown past any honest use.
func remember(cache *map[string]string, name, value string) {
	const most = 4096
	if *cache == nil || len(*cache) >= most {
		*cache = make(map[string]string)
	}
	(*cache)[strings.Clone(name)] = value
}
