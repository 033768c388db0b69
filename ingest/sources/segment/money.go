package segment

import "github.com/livello/livello/ingest/event"

// parseMoney reads a decimal number, with or without exponent, as ten-thousandths of a unit. exact is false when it has more
// than four decimal places: the amount is rounded then, half away from zero. ok is false when the text is no number or
// out of the range of Decimal(18, 4).
func parseMoney(text string) (amount int64, exact, ok bool) {
	negative := false
	if text != "" && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	// The number is mantissa * 10^exponent, in ten-thousandths, so that "12.5" is 125 * 10^3.
	mantissa, exponent, digits := uint64(0), 4, 0
	exact = true
	point := false
	i := 0
	for ; i < len(text); i++ {
		c := text[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		digits++
		switch {
		case mantissa < 1e18:
			mantissa = mantissa*10 + uint64(c-'0')
			if point {
				exponent--
			}
		default: // further digits than a decimal can hold
			if c != '0' {
				exact = false
			}
			if !point {
				exponent++
			}
		}
	}
	if digits == 0 {
		return 0, false, false
	}
	if i < len(text) {
		shift, fine := parseExponent(text[i:])
		if !fine {
			return 0, false, false
		}
		exponent += shift
	}
	if mantissa == 0 {
		return 0, exact, true
	}
	for ; exponent > 0; exponent-- {
		if mantissa > uint64(event.MaxValue)/10 {
			return 0, false, false
		}
		mantissa *= 10
	}
	if exponent < 0 {
		power := uint64(1)
		for ; exponent < 0 && power < 1e19; exponent++ {
			power *= 10
		}
		rest := mantissa % power
		if exponent < 0 { // smaller than any rounding could lift
			mantissa, rest, exact = 0, 0, false
		}
		mantissa /= power
		if rest != 0 {
			exact = false
		}
		if rest >= power-rest {
			mantissa++
		}
	}
	if mantissa > uint64(event.MaxValue) {
		return 0, false, false
	}
	if amount = int64(mantissa); negative {
		amount = -amount
	}
	return amount, exact, true
}

// parseExponent reads "e-12"; what is past any decimal's range is cut to a size that stays out of it.
func parseExponent(text string) (shift int, ok bool) {
	if len(text) < 2 || text[0]|0x20 != 'e' {
		return 0, false
	}
	text = text[1:]
	negative := text[0] == '-'
	if negative || text[0] == '+' {
		text = text[1:]
	}
	if text == "" {
		return 0, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		if shift < 10_000 {
			shift = shift*10 + int(text[i]-'0')
		}
	}
	if negative {
		shift = -shift
	}
	return shift, true
}
