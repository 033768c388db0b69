package files

import (
	"bytes"
	"strings"
)

// appendTyped appends the source text of v as its type says. reason is why that cannot be, or "".
func appendTyped(dst []byte, v *value, source cell) (out []byte, reason string) {
	switch v.typ {
	case typeAny:
		return appendCell(dst, &source), ""
	case typeString:
		return appendString(dst, source.text), ""
	case typeBoolean:
		return appendBoolean(dst, source)
	case typeTime:
		return appendTimeText(dst, v, source)
	}
	var scratch [64]byte
	s := appendNumber(scratch[:0], trimmed(source.text), v.decimalComma)
	ok, plain, integer := isNumber(s)
	switch {
	case !ok && v.decimalComma:
		return dst, "is no number with a decimal comma, such as 1.234,56"
	case !ok && bytes.ContainsRune(s, ','):
		return dst, "is no number; for a comma as the decimal mark say decimal_comma: true"
	case !ok:
		return dst, "is no number"
	case v.typ == typeInteger && !integer:
		return dst, "is no whole number; type: number takes fractions"
	case v.typ == typeDecimal && !plain:
		return dst, "has an exponent, which money has not; type: number takes it"
	}
	return append(dst, s...), ""
}

// appendNumber appends a number's text the way JSON has it, as far as that is plain: no plus sign, digits on both sides of
// the point, no zeros in front. What is no number stays none.
func appendNumber(dst, s []byte, decimalComma bool) []byte {
	start := len(dst)
	if len(s) > 0 && s[0] == '+' {
		s = s[1:]
		if len(s) > 0 && s[0] == '-' {
			return append(dst, '+')
		}
	}
	if len(s) > 0 && s[0] == '-' {
		dst, s = append(dst, '-'), s[1:]
	}
	if decimalComma {
		s = unGroup(s)
	}
	for len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9' {
		s = s[1:]
	}
	if len(s) > 1 && s[0] == '.' {
		dst = append(dst, '0')
	}
	dst = append(dst, s...)
	if len(dst) > start+1 && dst[len(dst)-1] == '.' && dst[len(dst)-2] != '.' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// unGroup turns 1.234,56 into 1234.56. Points that do not stand before groups of three make it no number at all.
func unGroup(s []byte) []byte {
	whole, fraction, hasFraction := bytes.Cut(s, []byte{','})
	groups := bytes.Split(whole, []byte{'.'})
	for i, g := range groups {
		if i > 0 && len(g) != 3 || i == 0 && len(groups) > 1 && len(g) > 3 {
			return []byte("?")
		}
	}
	out := bytes.Join(groups, nil)
	if hasFraction {
		out = append(append(out, '.'), fraction...)
	}
	return out
}

func appendBoolean(dst []byte, source cell) ([]byte, string) {
	switch strings.ToLower(string(trimmed(source.text))) {
	case "true", "t", "yes", "y", "1":
		return append(dst, "true"...), ""
	case "false", "f", "no", "n", "0":
		return append(dst, "false"...), ""
	}
	return dst, "is neither true, t, yes, y, 1 nor false, f, no, n, 0"
}

func appendTimeText(dst []byte, v *value, source cell) ([]byte, string) {
	for _, l := range v.layouts {
		if t, err := l.parse(source.text, v.zone); err == nil {
			return append(appendTime(append(dst, '"'), t), '"'), ""
		}
	}
	texts := make([]string, len(v.layouts))
	for i, l := range v.layouts {
		texts[i] = l.text
	}
	return dst, "is no time of layout " + strings.Join(texts, " or ")
}
