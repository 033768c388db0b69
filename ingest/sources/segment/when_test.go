package segment

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTimes(t *testing.T) {
	for body, want := range map[string]string{
		`"timestamp":"2026-03-01T09:30:00.123Z"`:        "2026-03-01T09:30:00.123Z",
		`"timestamp":"2026-03-01T09:30:00.123987654Z"`:  "2026-03-01T09:30:00.123Z",
		`"timestamp":"2026-03-01T10:30:00+01:00"`:       "2026-03-01T09:30:00.000Z",
		`"timestamp":"2026-03-01T04:00:00-0530"`:        "2026-03-01T09:30:00.000Z",
		`"timestamp":"2026-03-01 09:30"`:                "2026-03-01T09:30:00.000Z",
		`"timestamp":"2026-03-01t11:30:00,5+02"`:        "2026-03-01T09:30:00.500Z",
		`"timestamp":"2026-03-01"`:                      "2026-03-01T00:00:00.000Z",
		`"timestamp":"2024-02-29T23:59:60Z"`:            "2024-03-01T00:00:00.000Z",
		`"timestamp":1772357400000`:                     "2026-03-01T09:30:00.000Z",
		`"timestamp":1772357400000.9`:                   "2026-03-01T09:30:00.000Z",
		`"timestamp":"1772357400000"`:                   "2026-03-01T09:30:00.000Z",
		`"timestamp":"1970-01-01T00:00:00Z"`:            "1970-01-01T00:00:00.000Z",
		`"timestamp":"2016-03-01T09:30:00Z"`:            "2016-03-01T09:30:00.000Z", // ten years old
		`"timestamp":"2026-03-02T09:31:00Z"`:            "2026-03-02T09:31:00.000Z", // 24 hours ahead
		`"timestamp":null`:                              "2026-03-01T09:31:00.000Z",
		`"originalTimestamp":"2026-03-01T09:30:00Z"`:    "2026-03-01T09:30:00.000Z",
		`"sentAt":"2020-01-01T00:00:00Z"`:               "2026-03-01T09:31:00.000Z",
		`"timestamp":"2016-03-01T09:30:00Z","a":"b c"`:  "2016-03-01T09:30:00.000Z",
		`"timestamp":"2026-03-01T09:30:00Z","sentAt":1`: "",
	} {
		rows, rejects, err := decode(t, `{"type":"page","userId":"u",`+body+`}`, Auto)
		switch {
		case err != nil:
			t.Errorf("%s: %v", body, err)
		case want == "":
			if len(rejects) != 1 {
				t.Errorf("%s is accepted: %v", body, rows)
			}
		case len(rows) != 1 || rows[0]["ts"] != want:
			t.Errorf("%s: %v %+v, want ts %s", body, rows, rejects, want)
		}
	}
}

// The message arrives at 09:31:00 on our clock.
func TestClocksAreCorrected(t *testing.T) {
	for name, test := range map[string]struct{ body, ts, kept string }{
		"sender an hour behind":            {`[{T,"timestamp":"2026-03-01T08:20:00Z","sentAt":"2026-03-01T08:31:00Z"}]`, "2026-03-01T09:20:00.000Z", "2026-03-01T08:20:00Z"},
		"sender an hour ahead":             {`[{T,"timestamp":"2026-03-01T10:20:00Z","sentAt":"2026-03-01T10:31:00Z"}]`, "2026-03-01T09:20:00.000Z", "2026-03-01T10:20:00Z"},
		"sender years ahead":               {`[{T,"timestamp":"2036-03-01T09:20:00Z","sentAt":"2036-03-01T09:31:00Z"}]`, "2026-03-01T09:20:00.000Z", "2036-03-01T09:20:00Z"},
		"under way for less than a second": {`[{T,"timestamp":"2026-03-01T09:20:00.250Z","sentAt":"2026-03-01T09:30:59.600Z"}]`, "2026-03-01T09:20:00.250Z", ""},
		"whole seconds only":               {`[{T,"timestamp":"2026-03-01T09:20:00.250Z","sentAt":"2026-03-01T09:30:49.600Z"}]`, "2026-03-01T09:20:10.250Z", "2026-03-01T09:20:00.250Z"},
		"sentAt of the batch":              {`{"batch":[{T,"timestamp":1772349600000}],"sentAt":1772353860000}`, "2026-03-01T08:20:00.000Z", "1772349600000"},
		"the message's before the batch's": {`{"batch":[{T,"timestamp":"2026-03-01T09:20:00Z","sentAt":"2026-03-01T09:31:00Z"}],"sentAt":"2026-03-01T01:00:00Z"}`, "2026-03-01T09:20:00.000Z", ""},
		"originalTimestamp":                {`[{T,"originalTimestamp":"2026-03-01T08:20:00Z","sentAt":"2026-03-01T08:31:00Z"}]`, "2026-03-01T09:20:00.000Z", "2026-03-01T08:20:00Z"},
		"another collector's clock":        {`[{T,"timestamp":"2020-03-01T08:20:00Z","sentAt":"2020-03-01T08:31:00Z","receivedAt":"2020-03-01T09:31:00Z"}]`, "2020-03-01T09:20:00.000Z", "2020-03-01T08:20:00Z"},
		"corrected by another collector":   {`[{T,"timestamp":"2020-03-01T09:20:00Z","originalTimestamp":"2020-03-01T08:20:00Z","sentAt":"2020-03-01T08:31:00Z"}]`, "2020-03-01T09:20:00.000Z", "2020-03-01T08:20:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			body := strings.ReplaceAll(test.body, "T,", `"type":"page","userId":"u",`)
			got := row(t, body)
			kept := got["properties[message.timestamp]"] + got["properties[message.originalTimestamp]"]
			if got["ts"] != test.ts || kept != test.kept {
				t.Errorf("ts %s, as sent %q; want %s and %q", got["ts"], kept, test.ts, test.kept)
			}
		})
	}
}

func TestParseTimeAgreesWithTimePackage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMilli(rapid.Int64Range(-62135596800000, 253402300799999).Draw(t, "ms"))
		at = at.In(time.FixedZone("", 60*rapid.IntRange(-14*60, 14*60).Draw(t, "zone")))
		if at.Year() < 0 || at.Year() > 9999 {
			t.Skip("no year of four digits")
		}
		layout := rapid.SampledFrom([]string{time.RFC3339Nano, "2006-01-02T15:04:05.000Z07:00", "2006-01-02 15:04:05.000-0700"}).Draw(t, "layout")
		if ms, ok := parseTime(at.Format(layout)); !ok || ms != at.UnixMilli() {
			t.Fatalf("%s reads as %d (%v), want %d", at.Format(layout), ms, ok, at.UnixMilli())
		}
	})
}

func TestWhatIsNoTime(t *testing.T) {
	for _, text := range []string{"", "2026", "2026-3-1", "2026-13-01", "2026-00-10", "2026-01-32", "2025-02-29", "2026-01-01X", "2026-01-01T24:00Z", "2026-01-01T10",
		"2026-01-01T10:60Z", "2026-01-01T10:00:61Z", "2026-01-01T10:00:00.Z", "2026-01-01T10:00:00Zx", "2026-01-01T10:00:00+1", "2026-01-01T10:00:00+25:00", "2026-01-01T10:00:00+01-00", "2026/01/01", "20260101", "2026-01-01T10:00:0"} {
		if ms, ok := parseTime(text); ok {
			t.Errorf("%q reads as %s", text, time.UnixMilli(ms).UTC())
		}
	}
}
