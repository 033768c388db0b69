package segment

import (
	"math"
	"strconv"
	"time"

	"github.com/livello/livello/ingest/sources/internal/jsontape"
)

// clock reads the message's times into the row: timestamp, corrected by how far the sender's clock is from ours.
//
// sentAt is the sender's clock when it sent; receivedAt is ours (or another collector's, when the message came through one
// and says so). Their difference, rounded to whole seconds, is the correction: what is smaller is the way through the
// network, and leaving it out makes the same message sent twice happen at the same time twice. A message with both timestamp
// and originalTimestamp was corrected by an earlier collector.
func (s *state) clock(m *message, meta *Meta) bool {
	received := meta.ReceivedAt.UnixMilli()
	s.row.ReceivedAt = received
	s.row.Time = received

	source, field := m.timestamp, "timestamp"
	corrected := m.timestamp != 0 && m.originalTimestamp != 0
	if source == 0 {
		source, field = m.originalTimestamp, "originalTimestamp"
	}
	if source == 0 {
		return true
	}
	at, ok := s.time(source, field)
	if !ok {
		return false
	}
	if corrected {
		if original := m.originalTimestamp; view(s.tape.Raw(s.node(original).Text)) != view(s.tape.Raw(s.node(source).Text)) &&
			!s.put("", unknownPrefix, "originalTimestamp", original) {
			return false
		}
	} else {
		sent, other := m.sentAt, m.receivedAt
		arrived := received
		if sent != 0 && other != 0 {
			if arrived, ok = s.time(other, "receivedAt"); !ok {
				return false
			}
		}
		if sent == 0 {
			sent = s.batch.sentAt
		}
		if sent != 0 {
			left, ok := s.time(sent, "sentAt")
			if !ok {
				return false
			}
			if skew := roundToSecond(arrived - left); skew != 0 {
				at += skew
				if !s.put("", unknownPrefix, field, source) {
					return false
				}
			}
		}
	}
	if at < 0 {
		return s.fail(CodeTime, field, "is before 1970")
	}
	if ahead := s.limits.Ahead; at > received+ahead.Milliseconds() {
		return s.fail(CodeTime, field, "%s is more than %s after the time of arrival, %s; check the sender's clock, or send sentAt so that it is corrected",
			time.UnixMilli(at).UTC().Format(time.RFC3339), ahead, meta.ReceivedAt.UTC().Format(time.RFC3339))
	}
	s.row.Time = at
	return true
}

func roundToSecond(ms int64) int64 {
	if ms < 0 {
		return -roundToSecond(-ms)
	}
	return (ms + 500) / 1000 * 1000
}

// time reads a time in milliseconds since 1970: a date and time as ISO 8601 writes them, or that number itself.
func (s *state) time(at int32, field string) (ms int64, ok bool) {
	node := s.node(at)
	switch node.Kind {
	case jsontape.String:
		text := s.text(node)
		if ms, ok = parseTime(text); ok {
			return ms, true
		}
		if allDigits(text) {
			return s.epoch(text, field)
		}
		return 0, s.fail(CodeTime, field, `cannot be read as a time: "%s"; send RFC 3339, such as 2026-03-01T09:30:00.000Z`, clip(text))
	case jsontape.Number:
		return s.epoch(view(s.tape.Raw(node.Text)), field)
	}
	return 0, s.failType(field, node, "a time as RFC 3339 text or milliseconds since 1970")
}

// epoch reads milliseconds since 1970. Numbers that would fall before March 1973 are refused: they are seconds, and taking
// them for milliseconds would put today's events into January 1970.
func (s *state) epoch(text, field string) (int64, bool) {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(f) > 1e15 {
			return 0, s.fail(CodeTime, field, "%s is no time in milliseconds since 1970", clip(text))
		}
		ms = int64(math.Floor(f))
	}
	if ms < 1e11 || ms > 1e15 {
		return 0, s.fail(CodeTime, field, "%s is no time in milliseconds since 1970 (seconds? times before March 1973 must be sent as RFC 3339)", clip(text))
	}
	return ms, true
}

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// parseTime reads YYYY-MM-DD, alone or followed by T or a space and hh:mm[:ss[.fraction]] and a zone: Z, +hh:mm, +hhmm, +hh or
// none, which means UTC. The result is in milliseconds since 1970; smaller parts are cut off.
func parseTime(text string) (ms int64, ok bool) {
	if len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	year, ok1 := number(text, 0, 4)
	month, ok2 := number(text, 5, 2)
	day, ok3 := number(text, 8, 2)
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	ms = daysSince1970(year, month, day) * 86_400_000
	if len(text) == 10 {
		return ms, true
	}
	if c := text[10]; c != 'T' && c != 't' && c != ' ' {
		return 0, false
	}
	hour, ok1 := number(text, 11, 2)
	minute, ok2 := number(text, 14, 2)
	if !ok1 || !ok2 || text[13] != ':' || hour > 23 || minute > 59 {
		return 0, false
	}
	second, fraction, rest := 0, 0, text[16:]
	if rest != "" && rest[0] == ':' {
		if second, ok = number(rest, 1, 2); !ok || second > 60 { // 60: a leap second
			return 0, false
		}
		rest = rest[3:]
		if rest != "" && (rest[0] == '.' || rest[0] == ',') {
			if fraction, rest, ok = parseFraction(rest[1:]); !ok {
				return 0, false
			}
		}
	}
	offset, ok := parseZone(rest)
	if !ok {
		return 0, false
	}
	return ms + int64(((hour*60+minute-offset)*60+second)*1000+fraction), true
}

// parseFraction reads the digits after the decimal point as milliseconds.
func parseFraction(text string) (ms int, rest string, ok bool) {
	scale, i := 100, 0
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		ms += int(text[i]-'0') * scale
		scale /= 10
	}
	return ms, text[i:], i > 0
}

// parseZone reads how many minutes a zone is ahead of UTC.
func parseZone(text string) (minutes int, ok bool) {
	if text == "" || text == "Z" || text == "z" {
		return 0, true
	}
	if text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	hour, ok := number(text, 1, 2)
	minute := 0
	switch {
	case len(text) == 3:
	case len(text) == 5 && ok:
		minute, ok = number(text, 3, 2)
	case len(text) == 6 && text[3] == ':' && ok:
		minute, ok = number(text, 4, 2)
	default:
		return 0, false
	}
	if !ok || hour > 23 || minute > 59 {
		return 0, false
	}
	if minutes = hour*60 + minute; text[0] == '-' {
		minutes = -minutes
	}
	return minutes, true
}

// number reads n digits at i.
func number(text string, i, n int) (v int, ok bool) {
	if len(text) < i+n {
		return 0, false
	}
	for _, c := range []byte(text[i : i+n]) {
		if c -= '0'; c > 9 {
			return 0, false
		}
		v = v*10 + int(c)
	}
	return v, true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSince1970 counts days in the Gregorian calendar. A year starts in March here, so that the leap day is its last.
func daysSince1970(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	return int64(365*year+year/4-year/100+year/400+dayOfYear) - 719_468
}
