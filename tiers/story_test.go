package tiers

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

var update = flag.Bool("update", false, "write the story into docs/tiers.md instead of comparing")

// told is one person of testdata/story.yaml.
type told struct {
	Who  string   `yaml:"who"`
	Why  string   `yaml:"why"`
	Does []string `yaml:"does"`
	Is   string   `yaml:"is"`
}

// events are what a person does, before noon.
func (p told) events(t *testing.T, noon time.Time) (events []happened) {
	t.Helper()
	last := map[int]time.Time{}
	for _, line := range p.Does {
		var days, times int
		words := strings.Fields(line)
		if _, err := fmt.Sscan(words[0], &days); err != nil {
			t.Fatalf("%s: %q begins with no number of days", p.Who, line)
		}
		kind, words := words[1], words[2:]
		if times = 1; len(words) > 0 && strings.HasPrefix(words[len(words)-1], "x") {
			if _, err := fmt.Sscan(words[len(words)-1][1:], &times); err == nil {
				words = words[:len(words)-1]
			}
		}
		for range times {
			at, ok := last[days]
			gap := time.Minute
			switch {
			case kind == "visit":
				gap = time.Hour
			case kind == "content_download" && times > 1:
				gap = 10 * time.Second
			}
			if at = at.Add(gap); !ok {
				at = noon.Truncate(24*time.Hour).AddDate(0, 0, -days).Add(6 * time.Hour)
			}
			last[days] = at
			e := happened{at: at, kind: kind, anon: p.Who}
			if kind == "visit" {
				e.kind, e.path = "page_view", "/news"
			}
			if p.Who[0] < 'a' {
				e.anon, e.user = "", p.Who
			}
			if len(words) > 0 && e.kind == "page_view" {
				e.path = words[0]
			} else if len(words) > 0 {
				e.props = map[string]string{"content_id": words[0]}
			}
			events = append(events, e)
		}
	}
	return events
}

func TestStory(t *testing.T) {
	text, err := os.ReadFile("testdata/story.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var people []told
	if err := yaml.Unmarshal(text, &people); err != nil {
		t.Fatal(err)
	}
	storyInDocs(t, people)
	r := newRig(t)
	var events []happened
	for _, p := range people {
		events = append(events, p.events(t, r.clock)...)
	}
	r.insert(events...)
	r.tick()
	got := map[string]string{}
	for _, row := range r.rows("SELECT concat(person_id, '\t', toString(tier), if(micro_segment = '', '', concat(' ', micro_segment)), ' | ', arrayStringConcat(criteria_met, ', '), ' | ', toString(score), ' | ', arrayStringConcat(lifecycle, ', ')) FROM person_tiers") {
		who, is, _ := strings.Cut(row, "\t")
		got[who] = is
	}
	for _, p := range people {
		if got[p.Who] != p.Is {
			t.Errorf("%s, %s:\n got: %s\nwant: %s", p.Who, p.Why, got[p.Who], p.Is)
		}
	}
	r.want("SELECT toString(count()) FROM person_tiers WHERE arraySum(reasons.points) != score OR score < 0 OR score > 100", "0")
	r.want("SELECT arrayStringConcat(arrayMap(x -> concat(x.name, ' ', toString(x.points)), reasons), ', ') FROM person_tiers WHERE person_id IN ('gina', 'xena') ORDER BY person_id",
		"email 10, opens_without_clicks -10", "site_visits 2, content 10, download_without_follow_up -10")
}

// storyInDocs keeps the table in docs/tiers.md what the story says.
func storyInDocs(t *testing.T, people []told) {
	t.Helper()
	const path, begin, end = "../docs/tiers.md", "<!-- story -->\n", "<!-- end of story -->"
	var table strings.Builder
	table.WriteString("| who | why | does (days ago, what) | tier | criteria met | score | lifecycle |\n|---|---|---|---|---|---|---|\n")
	for _, p := range people {
		is := strings.Split(p.Is, " | ")
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", p.Who, p.Why, strings.Join(p.Does, "; "), strings.Join(is, " | "))
	}
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(doc), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the story", path)
	}
	want := before + begin + table.String() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(doc) {
		t.Errorf("%s is not what the story says; write it with: go test ./tiers -run TestStory -update", path)
	}
}
