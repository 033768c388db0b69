package files

import (
	"fmt"
	"strings"
)

// part is a piece of a template: text as it stands, or a column's value in its place.
type part struct {
	literal string
	column  string
	index   int // of the column; what a literal has does not matter
}

// Columns that every file has, beside its own.
const (
	columnRow  = "#row"  // number of the record, from 1
	columnFile = "#file" // name of the file, without folder
)

const (
	indexLiteral = -1
	indexRow     = -2
)

// parseTemplate takes "{account}-{id}" apart; {{ and }} stand for the braces themselves.
func parseTemplate(s string) ([]part, error) {
	var parts []part
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			parts = append(parts, part{literal: plain.String(), index: indexLiteral})
			plain.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case (c == '{' || c == '}') && i+1 < len(s) && s[i+1] == c:
			plain.WriteByte(c)
			i++
		case c == '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return nil, fmt.Errorf("%q opens a brace and does not close it; a column is {name}, a brace itself is {{", s)
			}
			name := s[i+1 : i+end]
			if name == "" || strings.Contains(name, "{") {
				return nil, fmt.Errorf("%q: a column is {name}, a brace itself is {{", s)
			}
			flush()
			parts = append(parts, part{column: name})
			i += end
		case c == '}':
			return nil, fmt.Errorf("%q closes a brace that is not open; a brace itself is }}", s)
		default:
			plain.WriteByte(c)
		}
	}
	flush()
	return parts, nil
}

// isConstant says whether the template names no column.
func isConstant(parts []part) bool {
	for _, p := range parts {
		if p.column != "" {
			return false
		}
	}
	return true
}

// plainText is the text of a template without columns.
func plainText(parts []part) string {
	var s strings.Builder
	for _, p := range parts {
		s.WriteString(p.literal)
	}
	return s.String()
}
