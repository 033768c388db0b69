package handwritten_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/livello/livello/internal/handwritten"
)

func place(at handwritten.Place) string { return fmt.Sprintf("%d:%d %s", at.Line, at.Column, at.Field) }

// Places are what somebody sees in an editor: the key before a block, the value on a line, the first key of an entry with a dash.
func TestPlaces(t *testing.T) {
	r := &handwritten.Reader{File: "f.yaml"}
	root, ok := r.Root([]byte("a: 1\nblock:\n  inner: x\nflow: {k: v}\nlist:\n  - name: n\n    when: {}\n  - {name: m}\n  - plain\n"), "it is")
	if !ok {
		t.Fatal(r.Err())
	}
	want := map[string]string{"a": "1:1 a 1:4 a", "block": "2:1 block 2:1 block", "flow": "4:1 flow 4:7 flow", "list": "5:1 list 6:3 list"}
	for _, p := range r.Pairs(root, "keys") {
		if got := place(p.KeyAt) + " " + place(p.Value.At); got != want[p.Key] {
			t.Errorf("%s is at %s, want %s", p.Key, got, want[p.Key])
		}
		delete(want, p.Key)
		switch p.Key {
		case "block":
			if inner := r.Pairs(p.Value, "keys"); len(inner) != 1 || place(inner[0].Value.At) != "3:10 block.inner" {
				t.Errorf("the block holds %v", inner)
			}
		case "list":
			var at []string
			for _, item := range r.List(p.Value, "entries") {
				at = append(at, place(item.At))
			}
			if got := strings.Join(at, ", "); got != "6:5 list[0], 8:5 list[1], 9:5 list[2]" {
				t.Errorf("the entries are at %s", got)
			}
		}
	}
	if err := r.Err(); err != nil || len(want) > 0 {
		t.Errorf("%v; not seen: %v", err, want)
	}
}

// Err has everything that is wrong, in the order of the file, and what is about the whole file last.
func TestMistakesInTheOrderOfTheFile(t *testing.T) {
	text := "braces: {id}\nlist: [a]\nnumber: many\nchoice: yess\ntruth: 1\nwhole: 1.5\nwords: {a: b, c: d}\nnull: ~\nkey: 1\n"
	r := &handwritten.Reader{File: "f.yaml"}
	root, ok := r.Root([]byte(text), "it is")
	if !ok {
		t.Fatal(r.Err())
	}
	r.Fail(handwritten.Place{Field: "source"}, "is needed")
	pairs := r.Pairs(root, "keys")
	for i := range pairs {
		p := pairs[len(pairs)-1-i] // from the end, as sections that look at one another do
		switch p.Key {
		case "braces", "list", "words", "null":
			r.Text(p.Value, "a name")
		case "number":
			r.Number(p.Value, 0, 1)
		case "choice":
			if got := r.Choice(p.Value, "yes", "no"); got != "" {
				t.Errorf("an unknown word gives %q", got)
			}
		case "truth":
			r.Bool(p.Value)
		case "whole":
			r.Whole(p.Value, 0, 9)
		default:
			r.Unknown(p, "keys", "values")
		}
	}
	want := `f.yaml:1:9: braces: a name expected; what starts with a brace needs quotes: "{column}"
f.yaml:2:7: list: a name expected, not a list
f.yaml:3:9: number: "many": a number from 0 to 1 expected
f.yaml:4:9: choice: "yess" is unknown; did you mean yes?
f.yaml:5:8: truth: true or false expected, not "1"
f.yaml:6:8: whole: 1.5: a whole number expected
f.yaml:7:8: words: a name expected, not keys and values
f.yaml:8:7: null: a name expected, not nothing
f.yaml:9:1: key: there is no such key; did you mean keys?
f.yaml: source: is needed`
	err := r.Err()
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	var first *handwritten.Error
	if !errors.As(err, &first) || first.Line != 1 || first.Field != "braces" {
		t.Errorf("the first error is %+v", first)
	}
}

func TestNoRoot(t *testing.T) {
	hint := func(line string) string { return "; look at " + line }
	for text, want := range map[string]string{
		"":                  "",
		"# nothing\n":       "",
		"a: 1\n---\nb: 2\n": "f.yaml:3:1: a list is one YAML document; this file has 2",
		"a: [1\nb: 2\n":     "; look at",
	} {
		r := &handwritten.Reader{File: "f.yaml", Hint: hint}
		if _, ok := r.Root([]byte(text), "a list is"); ok {
			t.Errorf("%q has a root", text)
		}
		err := r.Err()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// A block of text ends without its line end; numbers and truths are what is written.
func TestTexts(t *testing.T) {
	r := &handwritten.Reader{File: "f.yaml"}
	root, _ := r.Root([]byte("all: [007, true, 1e3, \"q\"]\none: x\nblock: |\n  two\n  lines\n"), "it is")
	got := map[string][]string{}
	for _, p := range r.Pairs(root, "keys") {
		got[p.Key] = r.Texts(p.Value, "a text")
	}
	if want := "map[all:[007 true 1e3 q] block:[two\nlines] one:[x]]"; fmt.Sprint(got) != want || r.Err() != nil {
		t.Errorf("got %v (%v), want %s", got, r.Err(), want)
	}
}
