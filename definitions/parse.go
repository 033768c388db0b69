package definitions

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/livello/livello/internal/handwritten"
)

// Error is one thing wrong with definitions. Parse joins all of them.
type Error = handwritten.Error

// What a file is made of while it is read.
type (
	node  = handwritten.Node
	pair  = handwritten.Pair
	place = handwritten.Place
)

// Parse reads definitions; file is what errors call them. What the text leaves out is as in Default. The error joins everything
// that is wrong, one *Error each, in the order of the file.
func Parse(file string, text []byte) (*Definitions, error) {
	base, err := Default()
	if err != nil {
		return nil, err
	}
	return parse(file, text, base)
}

// parse reads text on top of base.
func parse(file string, text []byte, base *Definitions) (*Definitions, error) {
	p := &sections{Reader: handwritten.Reader{File: file, Hint: quotes}, d: *base, halfLife: halfLives{of: map[string]float64{}}}
	p.d.Source = string(text)
	if len(text) > maxSource {
		p.Fail(place{}, "the file has %d bytes; at most %d are taken", len(text), maxSource)
	} else if root, some := p.Root(text, "definitions are"); some {
		p.read(root)
		p.check()
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return &p.d, nil
}

// quotes is the hint for a line that is no YAML because of a comparison: people write one before they know that YAML takes > for
// the beginning of a block of text.
func quotes(line string) string {
	if bareComparison.MatchString(line) {
		return "; a comparison needs quotes: \">= 5\""
	}
	return ""
}

var bareComparison = regexp.MustCompile(`:\s*[<>=]`)

// maxSource is far more than a file by hand has; every version keeps its text.
const maxSource = 256 << 10

// sections reads the sections of a file into d. What one section says of another is checked at the end, because they come in any
// order.
type sections struct {
	handwritten.Reader
	d        Definitions
	halfLife halfLives
	at       map[string]place // of sections that are there
	features []reference      // conditions and targets
	pages    []reference      // key pages in paths
}

// reference is a name that another section has to define.
type reference struct {
	name string
	at   place
}

// halfLives is the section half_lives: what is not named has the default.
type halfLives struct {
	given    bool
	byName   []reference
	of       map[string]float64
	default_ float64
}

// sectionKeys are the keys at the top, in the order of the file that Livello comes with.
var sectionKeys = []string{"base_currency", "session_timeout", "events", "signals", "key_pages", "key_paths", "surveys", "half_lives", "tiers", "micro_segments",
	"lifecycle", "context_rules", "conversions", "gold", "identity", "acquisition", "metrics"}

func (p *sections) read(root node) {
	p.at = map[string]place{}
	for _, section := range p.Pairs(root, "sections such as tiers:") {
		p.at[section.Key] = section.KeyAt
		n := section.Value
		switch section.Key {
		case "base_currency":
			if s, ok := p.Text(n, "a currency"); ok && !currency.MatchString(s) {
				p.Fail(n.At, "%q is no currency: three capitals, as EUR", s)
			} else {
				p.d.BaseCurrency = s
			}
		case "session_timeout":
			if d, ok := p.duration(n, time.Minute, 24*time.Hour); ok {
				p.d.SessionTimeout = uint32(d / time.Second)
			}
		case "events":
			p.d.Events = p.events(n)
		case "signals":
			p.d.Signals = p.signals(n)
		case "key_pages":
			p.d.KeyPages = p.keyPages(n)
		case "key_paths":
			p.d.KeyPaths = p.keyPaths(n)
		case "surveys":
			p.surveys(n)
		case "half_lives":
			p.halfLives(n)
		case "tiers":
			p.tiers(n)
		case "micro_segments":
			p.d.MicroSegments = p.microSegments(n)
		case "lifecycle":
			p.d.Lifecycle = p.lifecycle(n)
		case "context_rules":
			p.d.ContextRules = p.contextRules(n)
		case "conversions":
			p.conversions(n)
		case "gold":
			p.gold(n)
		case "identity":
			p.identity(n)
		case "acquisition":
			p.d.Acquisition = p.acquisition(n)
		case "metrics":
			p.d.Metrics = p.metrics(n)
		default:
			p.Unknown(section, sectionKeys...)
		}
	}
}

// check compares what sections say of one another.
func (p *sections) check() {
	features := p.d.FeatureNames()
	known := func(kind string, refs []reference, names []string) {
		for _, ref := range refs {
			if slices.Contains(names, ref.name) {
				continue
			}
			p.Fail(ref.at, "there is no %s %s%s", kind, ref.name, handwritten.DidYouMean(ref.name, names))
		}
	}
	known("feature", p.features, features)
	var pages []string
	for _, page := range p.d.KeyPages {
		pages = append(pages, page.Name)
	}
	known("key page", p.pages, pages)
	p.checkInherited(features, pages)
	p.fillHalfLives()
}

// checkInherited finds what sections that are not in the file, and so are the default's, miss of one that is.
func (p *sections) checkInherited(features, pages []string) {
	uses := map[string][]string{}
	use := func(section string, conditions []Condition) {
		if _, own := p.at[section]; own {
			return
		}
		for _, c := range conditions {
			if !slices.Contains(features, c.Feature) && !slices.Contains(uses[section], c.Feature) {
				uses[section] = append(uses[section], c.Feature)
			}
		}
	}
	for _, c := range p.d.Criteria {
		use("tiers", c.Conditions)
		for _, t := range c.Targets {
			use("tiers", []Condition{{Feature: t.Feature}})
		}
	}
	for _, s := range p.d.MicroSegments {
		use("micro_segments", s.Conditions)
	}
	for _, s := range p.d.Lifecycle {
		use("lifecycle", s.Conditions)
	}
	for _, c := range p.d.ContextRules {
		use("context_rules", c.Conditions)
	}
	for _, section := range slices.Sorted(maps.Keys(uses)) {
		p.Fail(p.at["signals"], "%s of the defaults needs %s, which these signals do not give: keep the signals of the defaults, or write %s, too",
			section, strings.Join(uses[section], " and "), section)
	}
	if _, own := p.at["key_paths"]; own {
		return
	}
	for _, path := range p.d.KeyPaths {
		for _, page := range path.Pages {
			if !slices.Contains(pages, page) {
				p.Fail(p.at["key_pages"], "key_paths of the defaults needs the page %s, which is not here: keep it, or write key_paths, too", page)
				return
			}
		}
	}
}

var (
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	name     = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
)

// entries returns the keys of a mapping that names things of ours, those that can be names.
func (p *sections) entries(n node, expected string) []pair {
	return slices.DeleteFunc(p.Pairs(n, expected), func(key pair) bool {
		if !name.MatchString(key.Key) {
			p.Fail(key.KeyAt, "%q cannot be a name: small letters, digits and _, a letter first, at most 40", key.Key)
			return true
		}
		return false
	})
}

// duration reads 30m, 90s, 12h or 30d.
func (p *sections) duration(n node, least, most time.Duration) (time.Duration, bool) {
	s, ok := p.Text(n, "a time such as 30m")
	if !ok {
		return 0, false
	}
	var d time.Duration
	var err error
	if days, isDays := strings.CutSuffix(s, "d"); isDays {
		var count int
		count, err = strconv.Atoi(days)
		d = time.Duration(count) * 24 * time.Hour
	} else {
		d, err = time.ParseDuration(s)
	}
	if err != nil || d < least || d > most || d%time.Second != 0 {
		p.Fail(n.At, "%q: a time from %s to %s expected, as 30m, 12h or 30d", s, short(least), short(most))
		return 0, false
	}
	return d, true
}

func short(d time.Duration) string {
	if d >= 48*time.Hour {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	if d%time.Hour == 0 {
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strconv.Itoa(int(d/time.Minute)) + "m"
}

// pattern checks a pattern: something readable, and not endlessly long.
func (p *sections) pattern(n node, s string) bool {
	switch {
	case strings.TrimSpace(s) == "":
		p.Fail(n.At, "an empty pattern fits nothing; \"*\" is anything but nothing")
	case len(s) > 200:
		p.Fail(n.At, "a pattern has at most 200 bytes, this one %d", len(s))
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '�' }):
		p.Fail(n.At, "%q: control characters fit nothing", s)
	default:
		return true
	}
	return false
}

// patterns reads one pattern or a list of them.
func (p *sections) patterns(n node) []string {
	var good []string
	for _, s := range p.Texts(n, "a pattern") {
		if p.pattern(n, s) {
			good = append(good, s)
		}
	}
	return good
}
