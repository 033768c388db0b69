package files

import (
	"encoding/json"
	"testing"
	"time"
)

func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func TestLayouts(t *testing.T) {
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		layout, text string
		zone         *time.Location
		want         string // "" when it does not fit
	}{
		{"%Y%m%d", "19970101", time.UTC, "1997-01-01T00:00:00.000Z"},
		{"%Y%m%d", "19970230", time.UTC, ""},
		{"%Y%m%d", "199701", time.UTC, ""},
		{"%Y-%m-%d", "2016-02-29", time.UTC, "2016-02-29T00:00:00.000Z"},
		{"%Y-%m-%d", "2015-02-29", time.UTC, ""},
		{"%Y-%m-%d", " 2016-10-20 ", time.UTC, "2016-10-20T00:00:00.000Z"},
		{"%Y-%m-%d", "2016-10-20x", time.UTC, ""},
		{"%d-%m-%Y", "01-02-2018", time.UTC, "2018-02-01T00:00:00.000Z"},
		{"%m/%d/%Y %H:%M", "2/6/2018 9:58", time.UTC, "2018-02-06T09:58:00.000Z"},
		{"%D %T", "02/06/18 09:58:07", time.UTC, "2018-02-06T09:58:07.000Z"},
		{"%F %R", "2018-02-06 09:58", rome, "2018-02-06T08:58:00.000Z"},
		{"%F %R", "2018-07-06 09:58", rome, "2018-07-06T07:58:00.000Z"},
		{"%d %b %Y", "6 Feb 2018", time.UTC, "2018-02-06T00:00:00.000Z"},
		{"%a, %e %B %Y", "Tue,  6 february 2018", time.UTC, "2018-02-06T00:00:00.000Z"},
		{"%A %d %B %Y", "Tuesday 06 May 2018", time.UTC, "2018-05-06T00:00:00.000Z"},
		{"%Y-%j", "2020-366", time.UTC, "2020-12-31T00:00:00.000Z"},
		{"%Y-%j", "2021-366", time.UTC, ""},
		{"%Y-%j", "2021-0", time.UTC, ""},
		{"%m/%d/%y %I:%M %p", "12/31/99 12:05 AM", time.UTC, "1999-12-31T00:05:00.000Z"},
		{"%m/%d/%y %I:%M %p", "12/31/68 12:05 pm", time.UTC, "2068-12-31T12:05:00.000Z"},
		{"%m/%d/%y %I:%M %p", "12/31/68 13:05 pm", time.UTC, ""},
		{"%Y-%m-%dT%H:%M:%S.%f%z", "2018-02-06T09:58:07.1239+05:30", rome, "2018-02-06T04:28:07.123Z"},
		{"%Y-%m-%d %H:%M:%S%z", "2018-02-06 09:58:07-0800", rome, "2018-02-06T17:58:07.000Z"},
		{"%Y-%m-%d %H:%M:%S %z", "2018-02-06 09:58:07 Z", rome, "2018-02-06T09:58:07.000Z"},
		{"%F %T", "2016-12-31 23:59:60", time.UTC, "2017-01-01T00:00:00.000Z"},
		{"%F %T", "2016-12-31 24:00:00", time.UTC, ""},
		{"100%% %F", "100% 2016-12-31", time.UTC, "2016-12-31T00:00:00.000Z"},
		{"%s", "1", time.UTC, "1970-01-01T00:00:01.000Z"},
		{"unix", "1518000000.5", rome, "2018-02-07T10:40:00.500Z"},
		{"unix", "-1.25", rome, "1969-12-31T23:59:58.750Z"},
		{"unix", "1518000000x", rome, ""},
		{"unix", "99999999999999", rome, ""},
		{"unix_ms", "1518000000123", rome, "2018-02-07T10:40:00.123Z"},
		{"iso", "2018-02-06", rome, "2018-02-05T23:00:00.000Z"},
		{"iso", "2018-02-06T09:58", time.UTC, "2018-02-06T09:58:00.000Z"},
		{"iso", "2018-02-06 09:58:07.123456 UTC", rome, "2018-02-06T09:58:07.123Z"},
		{"iso", "2018-02-06T09:58:07,5Z", rome, "2018-02-06T09:58:07.500Z"},
		{"iso", "2018-02-06T09:58:07+02", rome, "2018-02-06T07:58:07.000Z"},
		{"iso", "2018-02-06T09:58:07 -0230", rome, "2018-02-06T12:28:07.000Z"},
		{"iso", "2018-2-6", rome, ""},
		{"iso", "20180206", rome, ""},
		{"iso", "2018-02-06T", rome, ""},
		{"iso", "2018-02-06T09:58:07+99:00", rome, ""},
		{"iso", "", rome, ""},
		{"iso", "0000-01-01", time.UTC, ""},
	}
	for _, c := range cases {
		l, err := newLayout(c.layout)
		if err != nil {
			t.Errorf("layout %q: %v", c.layout, err)
			continue
		}
		got := ""
		if at, err := l.parse([]byte(c.text), c.zone); err == nil {
			got = string(appendTime(nil, at))
		}
		if got != c.want {
			t.Errorf("%q as %q in %s: %q, want %q", c.text, c.layout, c.zone, got, c.want)
		}
	}
}

// FuzzLayout compares with the standard library on texts that it can read.
func FuzzLayout(f *testing.F) {
	for _, s := range []string{"2018-02-06T09:58:07.123Z", "2018-02-06T09:58:07+05:30", "9999-12-31T23:59:59Z", "2020-02-30T00:00:00Z", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, wantErr := time.Parse(time.RFC3339Nano, s)
		l := &layout{text: layoutISO}
		got, err := l.parse([]byte(s), time.UTC)
		if wantErr == nil && err != nil && want.Year() > 0 && want.UTC().Year() > 0 && want.UTC().Year() < 10000 {
			if _, offset := want.Zone(); offset <= 18*3600 && offset >= -18*3600 {
				t.Fatalf("%q is %v, but not here", s, want)
			}
		}
		if wantErr == nil && err == nil && !got.Equal(want) {
			t.Fatalf("%q is %v, here %v", s, want, got)
		}
	})
}

func TestNumbers(t *testing.T) {
	cases := []struct {
		typ   fieldType
		comma bool
		text  string
		want  string // what is wrong when it starts with "!"
	}{
		{typeNumber, false, "1", "1"}, {typeNumber, false, " -1.50 ", "-1.50"}, {typeNumber, false, "+7", "7"}, {typeNumber, false, ".5", "0.5"},
		{typeNumber, false, "-.5", "-0.5"}, {typeNumber, false, "5.", "5"}, {typeNumber, false, "007", "7"}, {typeNumber, false, "00", "0"},
		{typeNumber, false, "1e5", "1e5"}, {typeNumber, false, "-", "!is no number"}, {typeNumber, false, ".", "!is no number"},
		{typeNumber, false, "+-1", "!is no number"}, {typeNumber, false, "1_000", "!is no number"}, {typeNumber, false, "0x1", "!is no number"},
		{typeNumber, false, "NaN", "!is no number"}, {typeNumber, false, "1,5", "!is no number; for a comma as the decimal mark say decimal_comma: true"},
		{typeInteger, false, "12", "12"}, {typeInteger, false, "12.0", "!is no whole number; type: number takes fractions"},
		{typeDecimal, false, "12.3456789012345678901234", "12.3456789012345678901234"},
		{typeDecimal, false, "1e5", "!has an exponent, which money has not; type: number takes it"},
		{typeDecimal, true, "1.234,56", "1234.56"}, {typeDecimal, true, "1234,5", "1234.5"}, {typeDecimal, true, "-1.234.567", "-1234567"},
		{typeDecimal, true, "1.5", "!is no number with a decimal comma, such as 1.234,56"}, {typeDecimal, true, "1,2,3", "!is no number with a decimal comma, such as 1.234,56"},
		{typeBoolean, false, "YES", "true"}, {typeBoolean, false, "0", "false"}, {typeBoolean, false, "2", "!is neither true, t, yes, y, 1 nor false, f, no, n, 0"},
		{typeString, false, "a\"\\\x01\u2028é", `"a\"\\\u0001` + "\u2028é\""},
	}
	for _, c := range cases {
		out, reason := appendTyped(nil, &value{typ: c.typ, decimalComma: c.comma}, cell{textCell, []byte(c.text)})
		got := string(out)
		if reason != "" {
			got = "!" + reason
		}
		if got != c.want {
			t.Errorf("%q as %s: %s, want %s", c.text, fieldTypes[c.typ], got, c.want)
		}
	}
}

// FuzzNumber: what is sent as a number is one to encoding/json too, of the same value where the text was one already.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1", "-.5", "+00.10", "1e-7", "1.234,5", "--1", "9."} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, comma bool) {
		out, reason := appendTyped(nil, &value{typ: typeNumber, decimalComma: comma}, cell{textCell, []byte(s)})
		if reason == "" && !json.Valid(out) {
			t.Fatalf("%q becomes %q, which is no JSON", s, out)
		}
		if !comma && json.Valid([]byte(s)) && len(s) > 0 && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && reason != "" {
			t.Fatalf("%q is a JSON number, but %s", s, reason)
		}
	})
}

func FuzzString(f *testing.F) {
	f.Add([]byte("a\"b\\c\n\x00é\xff\u2028"))
	f.Fuzz(func(t *testing.T, s []byte) {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		want, _ := json.Marshal(string(s)) // replaces what is not UTF-8
		var plain string
		if err := json.Unmarshal(want, &plain); err != nil || got != plain {
			t.Fatalf("%q becomes %q, want %q", s, got, plain)
		}
		if other := appendString(nil, string(s)); string(other) != string(appendString(nil, s)) {
			t.Fatalf("bytes and string differ: %q", other)
		}
	})
}
