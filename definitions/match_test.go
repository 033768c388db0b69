package definitions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/test/engine"
)

// TestGeneratedQueryAgainstPlainMatching compares what the query over events counts with what a matcher of twenty lines says, for random
// definitions and events whose texts hold whatever SQL, LIKE and regular expressions give a meaning to.
func TestGeneratedQueryAgainstPlainMatching(t *testing.T) {
	w := engine.Open(t)
	// What is made by chance seldom fits; these are near one another.
	const letters = "aab_%\\'\"?/-. A\u00e4({"
	texts := rapid.OneOf(rapid.SampledFrom([]string{"", "/", "a", "{x:String}", "-- b", "a/", "a_xb", "axxb", "a%xb", `a\xb`, "a'xb"}), rapid.StringOfN(rapid.RuneFrom([]rune(letters+"\t")), 0, 5, -1))
	patterns := rapid.OneOf(rapid.SampledFrom([]string{"*", "a*", "*a", "*a*", "a*b", "a_*b", "a%*b", `a\*b`, "a'*b", "a?*b"}), rapid.StringOfN(rapid.RuneFrom([]rune(letters+"**")), 1, 4, -1))
	kinds := []string{"page_view", "content_download", "email_click", "survey_response", "search"}
	fields := []string{"name", "path", "url", "content_id", "source", "properties.a'b", "properties.x"}
	rapid.Check(t, func(rt *rapid.T) {
		randomMatch := func() definitions.Match {
			var m definitions.Match
			if rapid.Bool().Draw(rt, "with kind") {
				m = append(m, definitions.FieldMatch{Field: "kind", Patterns: []string{rapid.SampledFrom(kinds).Draw(rt, "kind")}})
			}
			for _, field := range rapid.SliceOfNDistinct(rapid.SampledFrom(fields), 1, 2, rapid.ID).Draw(rt, "fields") {
				m = append(m, definitions.FieldMatch{Field: field, Patterns: rapid.SliceOfN(patterns, 1, 3).Draw(rt, "patterns")})
			}
			return m
		}
		matches := func(least int) []definitions.Match {
			return rapid.SliceOfN(rapid.Custom(func(*rapid.T) definitions.Match { return randomMatch() }), least, 2).Draw(rt, "matches")
		}
		d := &definitions.Definitions{NPS: matches(0), CSAT: matches(0)}
		for i := range rapid.IntRange(0, 3).Draw(rt, "signals") {
			d.Signals = append(d.Signals, definitions.Signal{Name: fmt.Sprint("s", i), Match: matches(1)})
		}
		for i := range rapid.IntRange(0, 3).Draw(rt, "pages") {
			d.KeyPages = append(d.KeyPages, definitions.KeyPage{Name: fmt.Sprint("p", i), Match: matches(1)})
		}

		want := sums{Signals: map[string]uint64{}, Pages: []string{}}
		var rows []string
		for range rapid.IntRange(1, 12).Draw(rt, "events") {
			text := func(label string) string { return texts.Draw(rt, label) }
			e := map[string]string{"kind": rapid.SampledFrom(append(kinds, "identify")).Draw(rt, "kind"), "name": text("name"), "path": text("path"), "url": text("url"),
				"content_id": text("content_id"), "source": text("source"), "properties.a'b": text("property"), "properties.x": text("property"),
				"machine": rapid.SampledFrom([]string{"", "", "", "bot"}).Draw(rt, "machine")}
			row, err := json.Marshal(map[string]any{"kind": e["kind"], "name": e["name"], "path": e["path"], "url": e["url"], "content_id": e["content_id"], "source": e["source"],
				"machine": e["machine"], "properties": map[string]string{"a'b": e["properties.a'b"], "x": e["properties.x"]}})
			if err != nil {
				rt.Fatal(err)
			}
			rows = append(rows, string(row))
			want.add(d, e)
		}
		// The query reads a table called events; here a subquery stands for it.
		from := "FROM (SELECT 'u' AS distinct_id, toDateTime64(0, 3, 'UTC') AS ts, toNullable(toFloat32(7)) AS score, CAST(NULL, 'Nullable(Float32)') AS sentiment, * FROM format(JSONEachRow, " +
			"$$kind LowCardinality(String), name LowCardinality(String), path String, url String, content_id String, source LowCardinality(String), machine LowCardinality(String), properties Map(LowCardinality(String), String)$$, {rows:String}))"
		query := "SELECT toJSONString(map('s', toJSONString(any(signals)), 'p', toJSONString(arraySort(arrayMap(p -> p.2, any(key_pages)))), 'd', toString(sum(length(download_times))), 'n', toString(any(nps.2)), 'c', toString(any(csat.2)))) FROM (" +
			strings.Replace(d.SignalsQuery(), "FROM events", from, 1) + ")"
		var text string
		if err := w.QueryRow(context.Background(), query, named("rows", strings.Join(rows, " "))).Scan(&text); err != nil {
			rt.Fatalf("%v\n%s", err, d.SignalsQuery())
		}
		var got map[string]string
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(got, want.texts()) {
			rt.Fatalf("got  %v\nwant %v\nrows %s\n%s", got, want.texts(), strings.Join(rows, "\n"), d.SignalsQuery())
		}
	})
}

// sums are what the definitions say of some events of one id.
type sums struct {
	Signals   map[string]uint64
	Pages     []string
	Downloads int
	NPS, CSAT bool
}

func (s *sums) texts() map[string]string {
	signals := "{"
	for i, name := range slices.Sorted(maps.Keys(s.Signals)) {
		if i > 0 {
			signals += ","
		}
		signals += fmt.Sprintf("%q:%d", name, s.Signals[name])
	}
	slices.Sort(s.Pages)
	pages, _ := json.Marshal(s.Pages)
	score := map[bool]string{true: "7", false: "0"}
	return map[string]string{"s": signals + "}", "p": string(pages), "d": fmt.Sprint(s.Downloads), "n": score[s.NPS], "c": score[s.CSAT]}
}

func (s *sums) add(d *definitions.Definitions, e map[string]string) {
	if e["machine"] != "" || e["kind"] == "identify" {
		return
	}
	for _, signal := range d.Signals {
		if fitsAny(signal.Match, e) {
			s.Signals[signal.Name]++
		}
	}
	for _, page := range d.KeyPages {
		if e["kind"] == "page_view" && fitsAny(page.Match, e) {
			s.Pages = append(s.Pages, page.Name)
			break
		}
	}
	if e["kind"] == "content_download" {
		s.Downloads++
	}
	if e["kind"] == "survey_response" {
		s.NPS = s.NPS || fitsAny(d.NPS, e)
		s.CSAT = s.CSAT || fitsAny(d.CSAT, e)
	}
}

func fitsAny(matches []definitions.Match, e map[string]string) bool {
	return slices.ContainsFunc(matches, func(m definitions.Match) bool {
		return !slices.ContainsFunc(m, func(f definitions.FieldMatch) bool {
			return !slices.ContainsFunc(f.Patterns, func(p string) bool { return fits(f.Field, p, e[f.Field]) })
		})
	})
}

// fits is what docs/definitions.md says of a pattern.
func fits(field, pattern, value string) bool {
	switch {
	case field == "kind":
		return pattern == value
	case strings.Trim(pattern, "*") == "":
		return value != ""
	case field == "name" && plainName(pattern) != "" && strings.Trim(plainName(pattern), "*") == "": // "_*" is "*": separators make no difference
		return value != ""
	case field == "name":
		return glob([]rune(plainName(pattern)), []rune(plainName(value)), true)
	}
	pattern, value = lowerLetters(pattern), lowerLetters(value)
	return glob([]rune(pattern), []rune(value), false) || (field == "path" || field == "url") && glob([]rune(pattern+"/"), []rune(value), false)
}

func glob(pattern, value []rune, question bool) bool {
	switch {
	case len(pattern) == 0:
		return len(value) == 0
	case pattern[0] == '*':
		return glob(pattern[1:], value, question) || len(value) > 0 && glob(pattern, value[1:], question)
	case len(value) == 0:
		return false
	}
	return (pattern[0] == value[0] || question && pattern[0] == '?') && glob(pattern[1:], value[1:], question)
}

func plainName(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune(" \t-_", r) }), "_")
}

func lowerLetters(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 32
		}
	}
	return string(b)
}
