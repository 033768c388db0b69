package files

// digitReader takes a time apart from the left. Once something does not fit it stays bad, so that callers ask at the end.
type digitReader struct {
	s   []byte
	bad bool
}

var (
	months   = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
	weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
)

// digits takes a number of least to most digits.
func (p *digitReader) digits(least, most int) int {
	n, i := 0, 0
	for i < most && i < len(p.s) && p.s[i] >= '0' && p.s[i] <= '9' {
		n = n*10 + int(p.s[i]-'0')
		i++
	}
	p.bad = p.bad || i < least
	p.s = p.s[i:]
	return n
}

// fraction takes the digits behind a decimal point and returns nanoseconds; digits past the ninth are read and dropped.
func (p *digitReader) fraction() int {
	n, i := 0, 0
	for ; i < len(p.s) && p.s[i] >= '0' && p.s[i] <= '9'; i++ {
		if i < 9 {
			n = n*10 + int(p.s[i]-'0')
		}
	}
	p.bad = p.bad || i == 0
	p.s = p.s[i:]
	for ; i < 9; i++ {
		n *= 10
	}
	return n
}

// number takes a whole number of seconds since 1970.
func (p *digitReader) number() int64 {
	negative := p.literal('-')
	n := int64(p.digits(1, 12))
	if negative {
		return -n
	}
	return n
}

// zone takes Z, +hh, +hhmm or +hh:mm and returns the offset in seconds.
func (p *digitReader) zone() int {
	if p.literal('Z') || p.literal('z') {
		return 0
	}
	sign := 1
	if !p.literal('+') {
		p.must('-')
		sign = -1
	}
	hours, minutes := p.digits(2, 2), 0
	if p.literal(':') || len(p.s) > 0 {
		minutes = p.digits(2, 2)
	}
	p.bad = p.bad || hours > 18 || minutes > 59
	return sign * (hours*3600 + minutes*60)
}

// name takes one of names in any case, in full or its first three letters (all of a two-letter one), and returns which.
func (p *digitReader) name(names []string) int {
	for i, name := range names {
		for _, form := range []string{name, name[:min(3, len(name))]} {
			if len(p.s) >= len(form) && equalFold(p.s[:len(form)], form) {
				p.s = p.s[len(form):]
				return i
			}
		}
	}
	p.bad = true
	return 0
}

// equalFold compares ASCII letters; low is in lower case already.
func equalFold(b []byte, low string) bool {
	for i := range b {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != low[i] {
			return false
		}
	}
	return true
}

func (p *digitReader) literal(c byte) bool {
	if len(p.s) == 0 || p.s[0] != c {
		return false
	}
	p.s = p.s[1:]
	return true
}

func (p *digitReader) must(c byte) { p.bad = !p.literal(c) || p.bad }

// blanks takes any blanks and says whether there was one.
func (p *digitReader) blanks() bool {
	n := len(p.s)
	for p.literal(' ') || p.literal('\t') {
	}
	return len(p.s) < n
}
