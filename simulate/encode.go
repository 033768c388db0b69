package simulate

import (
	"encoding/hex"
	"strconv"
	"time"
)

const site = "https://shop.example.com"

// encoder writes messages as JSON. All its words are ASCII without anything that JSON escapes, except what goes through text.
type encoder struct {
	seed, start uint64
	messages    uint64 // what message ids are derived from, besides person and count
}

func newEncoder(cfg Config) *encoder {
	e := &encoder{seed: mix(cfg.Seed, 0xa11ce), start: uint64(cfg.Start.Unix())}
	e.messages = mix(e.seed, e.start)
	return e
}

// message appends m as one JSON object.
func (e *encoder) message(b []byte, m *message) []byte {
	p := m.person
	b = append(b, `{"type":"`...)
	switch m.do {
	case identify:
		b = append(b, "identify"...)
	case group:
		b = append(b, "group"...)
	case pageView:
		b = append(b, "page"...)
	default:
		b = append(b, "track"...)
	}
	b = append(b, `","messageId":"`...)
	n := uint64(p.number)<<32 | uint64(m.seq)
	b = appendUUID(b, mix(e.messages, n), mix(e.messages+1, n))
	b = append(b, `","timestamp":"`...)
	b = time.UnixMilli(m.ts).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, '"')
	b = e.who(b, m)
	if name := actions[m.do].event; name != "" {
		b = append(b, `,"event":"`...)
		b = append(append(b, name...), '"')
	}
	b = e.context(b, m)
	return append(e.payload(b, m), '}')
}

// who appends the ids: a browser always knows its anonymous one, other tools only the user.
func (e *encoder) who(b []byte, m *message) []byte {
	device := m.device()
	if m.anon || device != noDevice {
		b = append(b, `,"anonymousId":"`...)
		b = append(e.anonymousID(b, m.person, device), '"')
	}
	if !m.anon {
		b = append(b, `,"userId":"`...)
		b = append(appendUserID(b, m.person), '"')
	}
	return b
}

type device uint64

const (
	noDevice device = iota
	browserDevice
	phoneDevice
	socialProfile
)

// device is where the message was made, as far as its anonymous id tells.
func (m *message) device() device {
	switch {
	case actions[m.do].channel == "": // a social network knows its own ids, and ours once a profile is matched
		if m.anon {
			return socialProfile
		}
		return noDevice
	case m.visit == 0 && !m.anon:
		return noDevice
	case m.phone:
		return phoneDevice
	default:
		return browserDevice
	}
}

func (e *encoder) anonymousID(b []byte, p *person, d device) []byte {
	n := uint64(p.number)<<2 | uint64(d)
	return appendUUID(b, mix(e.seed+1, n), mix(e.start+1, mix(e.seed, n)))
}

func appendUserID(b []byte, p *person) []byte {
	b = append(b, "user-"...)
	for width := int32(10_000); width > 1 && p.number < width; width /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, int64(p.number), 10)
}

// context appends where and how: channel, campaign, device, place.
func (e *encoder) context(b []byte, m *message) []byte {
	p := m.person
	b = append(b, `,"context":{"channel":"`...)
	b = append(b, m.channel()...)
	b = append(b, '"')
	if m.visit > 0 {
		b = append(b, `,"sessionId":"`...)
		b = strconv.AppendInt(b, int64(p.number), 10)
		b = append(b, '-')
		b = append(strconv.AppendInt(b, int64(m.visit), 10), '"')
	}
	b = m.campaign(b)
	switch m.device() {
	case browserDevice:
		b = append(b, `,"userAgent":"`...)
		b = append(append(b, userAgents[int(p.number)%len(userAgents)]...), '"')
	case phoneDevice:
		b = append(b, `,"userAgent":"`...)
		b = append(append(b, phoneAgent...), '"')
	}
	if m.device() == browserDevice || m.device() == phoneDevice {
		b = append(b, `,"ip":"198.51.100.`...) // a range kept for documentation
		b = strconv.AppendInt(b, 1+int64(p.number%250), 10)
		b = append(b, `","locale":"`...)
		b = append(b, places[p.place].locale...)
		b = append(b, `","location":{"country":"`...)
		b = append(append(b, places[p.place].country...), `"}`...)
	}
	return append(b, '}')
}

func (m *message) channel() string {
	if c := actions[m.do].channel; c != "" {
		return c
	}
	return networks[m.item]
}

// alwaysOn begins the names of campaigns that bring people all the time; the source follows.
const alwaysOn = "always-on-"

// campaign appends the utm fields.
func (m *message) campaign(b []byte) []byte {
	source, medium, name := "newsletter", "email", "newsletter-"
	switch m.camp {
	case noCampaign:
		return b
	case launch:
		name = "launch-"
		if m.channel() != "email" {
			source, medium = "google", "cpc"
		}
	case nurture:
		source, name = "automation", "whitepaper-nurture"
	case cartReminder:
		source, name = "automation", "cart-reminder"
	case acquisition:
		o := &origins[m.person.origin]
		if o.source == "" {
			return b
		}
		source, medium, name = o.source, o.medium, alwaysOn+o.source
	}
	b = append(b, `,"campaign":{"source":"`...)
	b = append(append(b, source...), `","medium":"`...)
	b = append(append(b, medium...), `","name":"`...)
	b = append(b, name...)
	if m.camp == newsletter || m.camp == launch {
		b = strconv.AppendInt(b, int64(m.number)+1, 10)
	}
	return append(b, `"}`...)
}

// appendUUID writes 128 bits as a version 8 UUID: its own scheme, not random, not time.
func appendUUID(b []byte, hi, lo uint64) []byte {
	var raw [16]byte
	for i := range 8 {
		raw[i], raw[8+i] = byte(hi>>(56-8*i)), byte(lo>>(56-8*i))
	}
	raw[6] = raw[6]&0x0f | 0x80
	raw[8] = raw[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], raw[0:4])
	hex.Encode(s[9:13], raw[4:6])
	hex.Encode(s[14:18], raw[6:8])
	hex.Encode(s[19:23], raw[8:10])
	hex.Encode(s[24:36], raw[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return append(b, s[:]...)
}
