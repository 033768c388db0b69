package files

import (
	"regexp"
	"slices"
	"strings"

	"github.com/livello/livello/internal/handwritten"
)

// Keys of the mapping that are about the file.
var fileKeys = []string{"source", "format", "header", "columns", "delimiter", "quote", "null", "skip_lines", "id", "encoding", "events"}

// Keys that say what an event is made of. At the top of the mapping they hold for all events that do not have their own.
var eventKeys = []string{"type", "event", "name", "kind", "channel", "userId", "anonymousId", "previousId", "groupId",
	"messageId", "time", "properties", "traits", "context", "when", "rest", "campaign", "value", "currency", "base"}

var (
	messageTypes = []string{"track", "identify", "page", "screen", "group", "alias", measurementType}
	formats      = []string{"csv", "tsv", "ndjson", "parquet", "blank"}
)

// sourceName is what the service takes for the name of a source.
var sourceName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// mappingParser reads a mapping file; see package handwritten for why it does not decode into structs.
type mappingParser struct {
	handwritten.Reader
}

// mapping reads a whole mapping file. What it returns is complete only when no error was collected.
func (p *mappingParser) mapping(text []byte) *Mapping {
	m := &Mapping{name: p.File, header: true, quote: '"', nulls: map[string]bool{"": true}}
	root, some := p.Root(text, "a mapping file is")
	if !some && len(p.Errs) == 0 {
		p.Fail(place{}, "a mapping file is one YAML document with at least source, time and userId or anonymousId; this one is empty")
	}
	if !some {
		return nil
	}
	pairs := p.Pairs(root, "source: ..., time: ... and so on")
	if pairs == nil {
		return nil
	}
	var common []pair
	var events []node
	hasEvents, hasHeader := false, false
	for _, pair := range pairs {
		switch {
		case pair.Key == "events":
			hasEvents = true
			if !pair.Value.IsList() {
				p.Fail(pair.Value.At, "a list of events expected, each with a dash")
				continue
			}
			events = pair.Value.Each()
		case slices.Contains(eventKeys, pair.Key):
			common = append(common, pair)
		case slices.Contains(fileKeys, pair.Key):
			hasHeader = hasHeader || pair.Key == "header"
			p.fileKey(m, pair)
		default:
			p.Unknown(pair, slices.Concat(fileKeys, eventKeys)...)
		}
	}
	if len(m.names) > 0 && !hasHeader {
		m.header = false
	}
	if m.source == "" {
		p.Fail(place{Field: "source"}, "a name for where this data comes from is needed, such as `source: shop`; message ids are made with it")
	}
	if !m.header && len(m.names) == 0 {
		p.Fail(place{Field: "header"}, "a file without a header needs its names in columns: [...]")
	}
	if hasEvents && len(events) == 0 {
		p.Fail(place{Field: "events"}, "an empty list gives no messages")
	}
	if !hasEvents {
		m.events = append(m.events, p.event(place{}, nil, common))
	}
	for _, n := range events {
		if own := p.Pairs(n, "the keys of an event"); own != nil {
			m.events = append(m.events, p.event(n.At, own, common))
		}
	}
	p.checkKinds(m)
	if len(p.Errs) == 0 {
		p.label(m)
	}
	return m
}

// fileKey reads one key about the file.
func (p *mappingParser) fileKey(m *Mapping, pair pair) {
	n := pair.Value
	switch pair.Key {
	case "source":
		if m.source, _ = p.Text(n, "a name"); m.source != "" && !sourceName.MatchString(m.source) {
			p.Fail(n.At, "%q cannot be the name of a source: write letters, digits, '.', '_' and '-', at most 64", m.source)
		}
	case "format":
		m.format = p.Choice(n, formats...)
	case "encoding":
		if s, ok := p.Text(n, "utf-8"); ok && !strings.EqualFold(s, "utf-8") && !strings.EqualFold(s, "utf8") {
			p.Fail(n.At, "only utf-8 is read, not %q; convert the file first: iconv -f %s -t utf-8 FILE", s, s)
		}
	case "header":
		m.header = p.Bool(n)
	case "columns":
		m.names = p.names(n)
	case "delimiter":
		m.delimiter = p.oneByte(n, "delimiter")
	case "quote":
		if s, ok := p.Text(n, `a character, or "none"`); ok && s == "none" {
			m.quote = 0
		} else if ok {
			m.quote = p.oneByte(n, "quote")
		}
	case "null":
		for _, item := range n.Each() {
			if s, ok := p.Text(item, "a text that means no value"); ok {
				m.nulls[s] = true
			}
		}
	case "skip_lines":
		s, ok := p.Text(n, "a number of lines")
		lines, isInt := parseSmall(s)
		if ok && !isInt {
			p.Fail(n.At, "a number of lines from 0 to 1000000 expected, not %q", s)
		}
		m.skipLines = lines
	case "id":
		p.idRule(m, n)
	}
}

func (p *mappingParser) idRule(m *Mapping, n node) {
	if n.IsList() {
		m.id, m.idColumns = idColumns, p.names(n)
		return
	}
	switch p.Choice(n, "content", "line") {
	case "line":
		m.id = idLine
	}
}

// names reads a list of column names.
func (p *mappingParser) names(n node) []named {
	var names []named
	for _, item := range n.Each() {
		s, ok := p.Text(item, "a column name")
		if !ok {
			continue
		}
		if s == "" || slices.ContainsFunc(names, func(n named) bool { return n.text == s }) {
			p.Fail(item.At, "column name %q is empty or there twice", s)
		}
		names = append(names, named{s, item.At})
	}
	if len(names) == 0 {
		p.Fail(n.At, "an empty list of columns")
	}
	return names
}

// oneByte reads a single ASCII character; "\t" is written in double quotes, or as the word tab.
func (p *mappingParser) oneByte(n node, what string) byte {
	s, ok := p.Text(n, "a character")
	if !ok {
		return 0
	}
	if s == "tab" || s == `\t` {
		return '\t'
	}
	if len(s) != 1 || s[0] >= 0x80 || s[0] == '\n' || s[0] == '\r' || s[0] == 0 {
		p.Fail(n.At, "the %s is one ASCII character, or the word tab; %q is not", what, s)
		return 0
	}
	return s[0]
}

func parseSmall(s string) (int, bool) {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' || n > 100_000 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, s != "" && n <= 1_000_000
}
