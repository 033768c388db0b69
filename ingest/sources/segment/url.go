package segment

import "strings"

// fromURL fills path and the utm columns that the message does not state from its url.
func (s *state) fromURL() {
	r := &s.row
	if r.URL == "" {
		return
	}
	rest, _, _ := strings.Cut(r.URL, "#")
	rest, query, _ := strings.Cut(rest, "?")
	if r.Path == "" {
		r.Path = pathOf(rest)
	}
	for query != "" {
		if !strings.HasPrefix(query, "utm_") {
			at := strings.Index(query, "&utm_")
			if at < 0 {
				return
			}
			query = query[at+1:]
		}
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		var column *string
		switch name {
		case "utm_source":
			column = &r.UTMSource
		case "utm_medium":
			column = &r.UTMMedium
		case "utm_campaign":
			column = &r.UTMCampaign
		case "utm_term":
			column = &r.UTMTerm
		case "utm_content":
			column = &r.UTMContent
		default:
			continue
		}
		if *column == "" {
			*column = s.unescapeQuery(value)
		}
	}
}

// pathOf is the path of an absolute URL without query, "" of anything else.
func pathOf(url string) string {
	_, rest, absolute := strings.Cut(url, "://")
	if !absolute {
		return ""
	}
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		return rest[slash:]
	}
	return "/"
}

// unescapeQuery decodes a value of a query string. What is not an escape stays as it is, and bytes that are no UTF-8
// become U+FFFD.
func (s *state) unescapeQuery(text string) string {
	if !strings.ContainsAny(text, "%+") {
		return text
	}
	from := len(s.scratch)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(text) && hexDigits[text[i+1]]|hexDigits[text[i+2]] != 0xff:
			c = hexDigits[text[i+1]]<<4 | hexDigits[text[i+2]]
			i += 2
		}
		s.scratch = append(s.scratch, c)
	}
	return strings.ToValidUTF8(view(s.scratch[from:]), "\uFFFD")
}
