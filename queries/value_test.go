package queries

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestValue(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 890_999_000, time.FixedZone("elsewhere", 3600))
	for _, c := range []struct {
		typ, text string
		want      any
	}{
		{"String", "it's; DROP {x:String}\t\x00", "it's; DROP {x:String}\t\x00"},
		{"String", "", ""},
		{"Array(String)", "a, b,c", []string{"a", "b", "c"}},
		{"Array(String)", `["a,b","c"]`, []string{"a,b", "c"}},
		{"Array(String)", "", []string{}},
		{"UInt8", "255", uint64(255)},
		{"UInt64", "18446744073709551615", uint64(18446744073709551615)},
		{"Int32", "-5", int64(-5)},
		{"Float64", "0.25", 0.25},
		{"Bool", "TRUE", true},
		{"Bool", "0", false},
		{"Date", "2026-01-31", "2026-01-31"},
		{"Date", "now-1d", "2026-03-03"},
		{"DateTime64(3)", "now", "2026-03-04 04:06:07.890"},
		{"DateTime64(3)", "now-36h", "2026-03-02 16:06:07.890"},
		{"DateTime64(3)", "now-2w", "2026-02-18 04:06:07.890"},
		{"DateTime64(3)", "today", "2026-03-04 00:00:00.000"},
		{"DateTime64(3)", "2026-01-31", "2026-01-31 00:00:00.000"},
		{"DateTime64(3)", "2026-01-31T12:00", "2026-01-31 12:00:00.000"},
		{"DateTime64(3)", "2026-01-31 12:00:00.1239", "2026-01-31 12:00:00.123"},
		{"DateTime64(3)", "2026-01-31T12:00:00+02:00", "2026-01-31 10:00:00.000"},
		{"DateTime64(3)", "2026-01-31T12:00:00Z", "2026-01-31 12:00:00.000"},
	} {
		got, err := Param{Name: "p", Type: c.typ}.value(c.text, now)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %q: got %#v, %v; want %#v", c.typ, c.text, got, err, c.want)
		}
	}
}

func TestValueRefuses(t *testing.T) {
	few := &Range{Min: 2, Max: 3}
	for _, c := range []struct {
		typ, text string
		bounds    *Range
		want      string // in the message or the way out
	}{
		{"String", "\xff", nil, "UTF-8"},
		{"String", strings.Repeat("x", longest+1), nil, "2049 characters"},
		{"Array(String)", "a,,b", nil, "empty"},
		{"Array(String)", `["a",1]`, nil, "no JSON array"},
		{"Array(String)", "a", few, "give 2 to 3"},
		{"Array(String)", "a,b,c,d", few, "4 values"},
		{"UInt8", "256", nil, "0 to 255"},
		{"UInt8", "-1", nil, "0 to 255"},
		{"UInt32", "1e3", nil, "0 to 4294967295"},
		{"UInt32", "", nil, "no whole number"},
		{"UInt32", "4", few, "give 2 to 3"},
		{"UInt64", "18446744073709551616", nil, "18446744073709551615"},
		{"UInt64", "18446744073709551615", few, "give 2 to 3"},
		{"Int32", "2147483648", nil, "32 bits"},
		{"Int64", "1", few, "give 2 to 3"},
		{"Float64", "NaN", nil, "no number"},
		{"Float64", "1e999", nil, "no number"},
		{"Float64", "3.5", few, "give 2 to 3"},
		{"Bool", "maybe", nil, "true or false"},
		{"Date", "31.1.2026", nil, "write now"},
		{"DateTime64(3)", "2026-02-30", nil, "write now"},
		{"DateTime64(3)", "now()-1", nil, "write now"},
		{"DateTime64(3)", "now-90y", nil, "write now"},
		{"DateTime64(3)", "1969-12-31", nil, "1970 to 2105"},
		{"DateTime64(3)", "2106-01-01", nil, "1970 to 2105"},
		{"DateTime64(3)", "now-999999999w", nil, "1970 to 2105"},
	} {
		_, err := Param{Name: "p", Type: c.typ, Bounds: c.bounds}.value(c.text, time.Now())
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeInvalidParam || e.Field != "p" || e.Help == "" || !strings.Contains(fmt.Sprint(e), c.want) {
			t.Errorf("%s %q: got %#v, want one with %q", c.typ, clip(c.text), err, c.want)
		}
	}
}
