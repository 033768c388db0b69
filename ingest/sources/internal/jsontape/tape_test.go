package jsontape

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func openAll(int, []byte) bool { return true }

// value rebuilds what encoding/json makes of a text, from the tape.
func value(t *Tape, at int32) any {
	node := &t.Nodes()[at]
	switch node.Kind {
	case Null:
		return nil
	case True, False:
		return node.Kind == True
	case Number:
		return json.Number(t.Raw(node.Text))
	case String:
		return string(t.AppendUnescaped(nil, node.Text))
	case Array:
		list := []any{}
		for c := at + 1; c < node.Next; c = t.Nodes()[c].Next {
			list = append(list, value(t, c))
		}
		return list
	}
	object := map[string]any{}
	for c := at + 1; c < node.Next; c = t.Nodes()[c].Next {
		object[string(t.AppendUnescaped(nil, t.Nodes()[c].Key))] = value(t, c)
	}
	return object
}

// agree checks that the tape reads a text as encoding/json does, or refuses it as that does.
func agree(t interface{ Fatalf(string, ...any) }, text []byte) {
	tape := Tape{Open: openAll}
	tape.Reset(text)
	root, end, err := tape.Value(0, len(text))
	if err == nil {
		if rest := tape.SkipSpace(end); rest < len(text) {
			err = &SyntaxError{Offset: rest}
		}
	}
	if valid := json.Valid(text); valid != (err == nil) {
		var syntax *SyntaxError
		if valid && errors.As(err, &syntax) && syntax.Reason == "nested too deeply" {
			return
		}
		t.Fatalf("%q: valid is %v, error %v", text, valid, err)
	}
	if err != nil {
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(text) {
			t.Fatalf("%q: error %v", text, err)
		}
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var want any
	if err := decoder.Decode(&want); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	got := value(&tape, int32(root))
	// encoding/json replaces bytes that are not UTF-8; the tape leaves that to its user. (cmp.Diff never ends on deep lists.)
	if utf8.Valid(text) && !reflect.DeepEqual(want, got) {
		t.Fatalf("%q: encoding/json reads %v, the tape %v", text, want, got)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	node := &tape.Nodes()[root]
	if whole := node.Text; node.Kind != String {
		if got := tape.AppendCompact(nil, whole); !bytes.Equal(got, compact.Bytes()) {
			t.Fatalf("%q: compact %q, want %q", text, got, compact.Bytes())
		}
		if node.Kind == Array && node.Spaced() == (compact.Len() == whole.Len()) {
			t.Fatalf("%q: spaced is %v", text, node.Spaced())
		}
	}
}

var texts = []string{
	"", " ", "null", "true", "false", "nul", "tru", "0", "-0", "-", "01", "1.", ".1", "1.5e", "1e+5", "-1.25E-3", "1e5x", `""`, `"`, `"\`, `"\u12`, `"\ud83d\ude00"`,
	`"\ud83d"`, `"\ude00\ud83d"`, `"\ud83d\ud83d\ude00"`, `"\ud83dx"`, `"\ud83d\n"`, `"\ufffd"`, `"\x"`, "\"\x1f\"", "\"\x7f\"", "\"a\tb\"", `"12345678\"1234567\\"`, `"1234567\"12345678"`, "[", "[]", "[ ]", "[1,]", "[1 2]", "[,]", "{}", "{ }", `{"a"}`, `{"a":}`,
	`{"a":1,}`, `{"a":1 "b":2}`, `{,}`, `{a:1}`, `{"a":1,"a":[2,{"b":[]}]}`, ` { "a" : [ 1 , "x y" , { } ] } `, "\ufeff{}", "[1]x", "NaN", "'a'", "\"\xff\"",
	strings.Repeat("[", 511) + strings.Repeat("]", 511), strings.Repeat("[", 600) + strings.Repeat("]", 600), strings.Repeat(`{"a":`, 600),
}

func TestTextsReadAsInEncodingJSON(t *testing.T) {
	for _, text := range texts {
		agree(t, []byte(text))
	}
}

func TestDamagedTextsReadAsInEncodingJSON(t *testing.T) {
	good := `{"batch":[{"a":"caf\u00e9 \"q\"","n":-12.5e+3,"t":true,"f":false,"z":null,"l":[1, 2,{"x":[]}]}, "long enough for eight bytes at a time"]}`
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(good)
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			if len(text) == 0 {
				break // an earlier change cut or removed all of it
			}
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				text[at] = rapid.SampledFrom([]byte("{}[]\",:\\u0eE+-.9tfn \n\x00\x80")).Draw(t, "byte")
			case 1:
				text = append(text[:at:at], text[at+1:]...)
			default:
				text = text[:at+1]
			}
		}
		agree(t, text)
	})
}

func TestSpansAndHeights(t *testing.T) {
	text := []byte(` {"a":{"b":[1,[2]]},"\u0063":"x\n","d":[ ]} {"next":1}`)
	tape := Tape{}
	tape.Reset(text)
	root, end, err := tape.Value(0, len(text))
	if err != nil || string(text[:end]) != ` {"a":{"b":[1,[2]]},"\u0063":"x\n","d":[ ]}` {
		t.Fatalf("ends at %d, %v", end, err)
	}
	var got []string
	for _, n := range tape.Nodes()[root:] {
		got = append(got, fmt.Sprintf("%s %s %s %d %d %v %v %v", n.Kind, tape.Raw(n.Key), tape.Raw(n.Text), n.Height, n.Next, n.KeyEscaped(), n.TextEscaped(), n.Spaced()))
	}
	want := []string{
		`an object  {"a":{"b":[1,[2]]},"\u0063":"x\n","d":[ ]} 4 5 false false false`,
		`an object a {"b":[1,[2]]} 3 3 false false false`,
		`an array b [1,[2]] 2 3 false false false`, // closed: no nodes for its elements
		`a string \u0063 x\n 0 4 true true false`,
		`an array d [ ] 1 5 false false true`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	if next, _, err := tape.Value(end, len(text)); err != nil || next != 5 {
		t.Fatalf("the next value is node %d, %v", next, err)
	}
}

func TestAFaultLeavesTheTapeAsItWas(t *testing.T) {
	tape := Tape{MaxElements: 2, Open: openAll}
	tape.Reset([]byte(`[1,2] [1,2,3] [4,x]`))
	if _, _, err := tape.Value(0, 5); err != nil {
		t.Fatal(err)
	}
	var many *TooManyError
	if _, _, err := tape.Value(6, 19); !errors.As(err, &many) || len(tape.Nodes()) != 3 {
		t.Fatalf("error %v, %d nodes", err, len(tape.Nodes()))
	}
	var syntax *SyntaxError
	if _, _, err := tape.Value(14, 19); !errors.As(err, &syntax) || syntax.Offset != 17 || len(tape.Nodes()) != 3 {
		t.Fatalf("error %v, %d nodes", err, len(tape.Nodes()))
	}
	if _, _, err := tape.Value(0, 4); !errors.As(err, &syntax) || syntax.Offset != 4 {
		t.Fatalf("past the limit: %v", err)
	}
}

func FuzzTape(f *testing.F) {
	for _, text := range texts {
		if len(text) < 200 {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) { agree(t, text) })
}
