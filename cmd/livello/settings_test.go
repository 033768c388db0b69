package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/livello/livello/ingest/event"
)

var update = flag.Bool("update", false, "write golden files, and the table of settings in README.md")

// The README's table of settings is made from Config, so that it cannot say what is not so.
func TestReadmeSettings(t *testing.T) {
	const path, begin, end = "../../README.md", "<!-- settings: go test ./cmd/livello -update -->\n", "<!-- end of settings -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("README.md has no %q ... %q", begin, end)
	}
	var b strings.Builder
	b.WriteString("| setting | default | meaning |\n|---|---|---|\n")
	c := defaults()
	for _, s := range settings(&c) {
		value := s.text()
		if s.inFileOnly() {
			value = ""
		}
		if value != "" {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.key, value, s.help)
	}
	want := before + begin + b.String() + end + after
	if want == string(text) {
		return
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Error("the table of settings in README.md is out of date: go test ./cmd/livello -run TestReadmeSettings -update")
}

// Who sends has to know the kinds there are.
func TestMessagesNameEveryKind(t *testing.T) {
	text, err := os.ReadFile("../../docs/messages.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range event.Kinds {
		if !strings.Contains(string(text), "`"+kind+"`") {
			t.Errorf("docs/messages.md does not name the kind %s", kind)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

func TestReadmeLinks(t *testing.T) {
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "docs/operations.md", "docs/engine.md", "docs/messages.md", "docs/people.md"} {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("../..", filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	}
}

func TestEverySettingSaysWhatItIs(t *testing.T) {
	c := defaults()
	seen := map[string]string{}
	for _, s := range settings(&c) {
		if s.help == "" {
			t.Errorf("setting %s has no help", s.key)
		}
		for _, name := range []string{s.env(), s.flag()} {
			if other, twice := seen[name]; twice {
				t.Errorf("settings %s and %s have the same name %s", s.key, other, name)
			}
			seen[name] = s.key
		}
	}
}
