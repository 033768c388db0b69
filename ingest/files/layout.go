package files

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	_ "time/tzdata" // zones of mapping files work also where the machine has no zone files
)

// layout is how a column writes a time, in the directives of strftime that other tools' users know, made ready to parse.
// Numbers may have fewer digits than the directive's usual ones, as strptime reads them: %m takes 1 and 01.
type layout struct {
	text  string
	steps []step
}

// step is a directive, or with directive 0 a byte that must be there.
type step struct{ directive, literal byte }

// Words that are layouts by themselves.
const (
	layoutISO    = "iso"
	layoutUnix   = "unix"
	layoutUnixMs = "unix_ms"
)

const layoutHelp = `directives are %Y %y %m %d %e %b %B %j %H %I %M %S %f %p %z %a %A %F %T %R %D %s %%, or one of iso, unix, unix_ms`

// newLayout reads a layout. The error says which directive it does not know, or what a date is lacking.
func newLayout(s string) (*layout, error) {
	l := &layout{text: s}
	if s == layoutISO || s == layoutUnix || s == layoutUnixMs {
		return l, nil
	}
	if !strings.Contains(s, "%") {
		return nil, fmt.Errorf("%q has no directive: a date such as 2008-03-20 is %%Y-%%m-%%d (%s)", s, layoutHelp)
	}
	expanded := strings.NewReplacer("%%", "%%", "%F", "%Y-%m-%d", "%T", "%H:%M:%S", "%R", "%H:%M", "%D", "%m/%d/%y").Replace(s)
	seen := ""
	for i := 0; i < len(expanded); i++ {
		c := expanded[i]
		if c != '%' {
			l.steps = append(l.steps, step{0, c})
			continue
		}
		i++
		if i < len(expanded) && (expanded[i] == '-' || expanded[i] == '_') {
			i++ // %-m and %_m are %m: fewer digits and blanks are taken anyway
		}
		if i == len(expanded) {
			return nil, fmt.Errorf("%q ends in a lone %%; %s", s, layoutHelp)
		}
		switch d := expanded[i]; d {
		case '%':
			l.steps = append(l.steps, step{0, '%'})
		case 'h':
			l.steps, seen = append(l.steps, step{'b', 0}), seen+"b"
		case 'e':
			l.steps, seen = append(l.steps, step{'d', 0}), seen+"d"
		case 'Y', 'y', 'm', 'd', 'b', 'B', 'j', 'H', 'I', 'M', 'S', 'f', 'p', 'z', 'a', 'A', 's':
			l.steps, seen = append(l.steps, step{d, 0}), seen+string(d)
		default:
			return nil, fmt.Errorf("%q: %%%c is unknown; %s", s, d, layoutHelp)
		}
	}
	has := func(any string) bool { return strings.ContainsAny(seen, any) }
	isDate := has("Yy") && (has("j") || has("mbB") && has("d"))
	if !isDate && !has("s") {
		return nil, fmt.Errorf("%q gives no date: year, month and day (or %%j) are needed", s)
	}
	if has("I") != has("p") {
		return nil, fmt.Errorf("%q: %%I and %%p go together; an hour of 24 is %%H", s)
	}
	return l, nil
}

var errTime = errors.New("does not fit")

// parse reads a time. A text without an offset of its own is in zone; an hour that a zone skips or repeats in spring and
// autumn is read as Go's time.Date reads it. The result is between the years 1 and 9999.
func (l *layout) parse(s []byte, zone *time.Location) (time.Time, error) {
	s = bytes.TrimSpace(s)
	var t time.Time
	var err error
	switch l.text {
	case layoutISO:
		t, err = parseISO(s, zone)
	case layoutUnix:
		t, err = parseUnix(s, 1000)
	case layoutUnixMs:
		t, err = parseUnix(s, 1)
	default:
		t, err = l.parseSteps(s, zone)
	}
	if err == nil && (t.Year() < 1 || t.Year() > 9999) {
		return t, errTime
	}
	return t, err
}

// clock is a time in the making.
type clock struct {
	year, month, day, yearDay, hour, minute, second, nano int
	pm, offset                                            int // pm: 0 no word about it, 1 am, 2 pm; offset in seconds
	hasOffset, isUnix                                     bool
	unix                                                  int64
}

func (c *clock) time(zone *time.Location) (time.Time, error) {
	if c.isUnix {
		return time.Unix(c.unix, int64(c.nano)), nil
	}
	if c.pm > 0 {
		if c.hour < 1 || c.hour > 12 {
			return time.Time{}, errTime
		}
		c.hour = c.hour%12 + 12*(c.pm-1)
	}
	if c.yearDay > 0 {
		c.month, c.day = 1, c.yearDay
		if last := 365 + isLeap(c.year); c.yearDay > last {
			return time.Time{}, errTime
		}
	} else if c.month < 1 || c.month > 12 || c.day < 1 || c.day > daysIn(c.year, c.month) {
		return time.Time{}, errTime
	}
	if c.hour > 23 || c.minute > 59 || c.second > 60 {
		return time.Time{}, errTime
	}
	if c.hasOffset {
		zone = time.UTC
		c.second -= c.offset
	}
	return time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.nano, zone), nil
}

func isLeap(year int) int {
	if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 1
	}
	return 0
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		return 28 + isLeap(year)
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func (l *layout) parseSteps(s []byte, zone *time.Location) (time.Time, error) {
	c := clock{year: 1, month: 1, day: 1}
	p := digitReader{s: s}
	for _, step := range l.steps {
		switch step.directive {
		case 0:
			if step.literal == ' ' {
				if !p.blanks() {
					return time.Time{}, errTime
				}
			} else if !p.literal(step.literal) {
				return time.Time{}, errTime
			}
		case 'Y':
			c.year = p.digits(4, 4)
		case 'y':
			c.year = p.digits(2, 2) + 1900
			if c.year < 1969 {
				c.year += 100 // as POSIX reads it: 69-99 are 1969-1999
			}
		case 'm':
			c.month = p.digits(1, 2)
		case 'd':
			p.blanks() // %e pads with a blank
			c.day = p.digits(1, 2)
		case 'j':
			c.yearDay = p.digits(1, 3)
			p.bad = p.bad || c.yearDay == 0
		case 'H', 'I':
			c.hour = p.digits(1, 2)
		case 'M':
			c.minute = p.digits(1, 2)
		case 'S':
			c.second = p.digits(1, 2)
		case 'f':
			c.nano = p.fraction()
		case 'p':
			c.pm = 1 + p.name([]string{"am", "pm"})
		case 'b', 'B':
			c.month = 1 + p.name(months)
		case 'a', 'A':
			p.name(weekdays)
		case 'z':
			c.offset, c.hasOffset = p.zone(), true
		case 's':
			c.unix, c.isUnix = p.number(), true
		}
	}
	if p.bad || len(p.s) > 0 {
		return time.Time{}, errTime
	}
	return c.time(zone)
}

// parseISO reads the forms of ISO 8601 and RFC 3339 that databases print: a date, optionally T or a blank and a time of day
// to the minute, second or fraction, optionally Z, an offset or " UTC".
func parseISO(s []byte, zone *time.Location) (time.Time, error) {
	var c clock
	p := digitReader{s: s}
	c.year = p.digits(4, 4)
	p.must('-')
	c.month = p.digits(2, 2)
	p.must('-')
	c.day = p.digits(2, 2)
	if !p.bad && len(p.s) > 0 {
		if !p.literal('T') && !p.literal(' ') {
			return time.Time{}, errTime
		}
		c.hour = p.digits(2, 2)
		p.must(':')
		c.minute = p.digits(2, 2)
		if p.literal(':') {
			c.second = p.digits(2, 2)
			if p.literal('.') || p.literal(',') {
				c.nano = p.fraction()
			}
		}
		if rest := string(p.s); rest == " UTC" {
			p.s, c.hasOffset = nil, true
		} else if rest != "" {
			p.blanks()
			c.offset, c.hasOffset = p.zone(), true
		}
	}
	if p.bad || len(p.s) > 0 {
		return time.Time{}, errTime
	}
	return c.time(zone)
}

// parseUnix reads a number of units since 1970, of which there are perUnit milliseconds in each; a fraction is kept to the
// millisecond.
func parseUnix(s []byte, perUnit int64) (time.Time, error) {
	whole, fraction, _ := strings.Cut(string(s), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > 253402300799999/perUnit || n < -62135596800000/perUnit {
		return time.Time{}, errTime
	}
	ms := n * perUnit
	if fraction != "" {
		p := digitReader{s: []byte(fraction)}
		part := int64(p.fraction()) / 1e6
		if p.bad || len(p.s) > 0 {
			return time.Time{}, errTime
		}
		if perUnit == 1 {
			part = 0
		}
		if strings.HasPrefix(whole, "-") {
			part = -part
		}
		ms += part
	}
	return time.UnixMilli(ms), nil
}

// appendTime appends t as the wire format writes it: UTC, to the millisecond.
func appendTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}
