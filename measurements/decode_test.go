package measurements_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/measurements"
)

var now = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// Every reason why a record is not taken, with the field that it names.
func TestWhatIsRejected(t *testing.T) {
	good := `{"kind":"ad_spend","channel":"ads","campaign":"spring","ts":"2026-03-01","value":120.50,"currency":"EUR"}`
	change := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	if kept, _, rejects, err := measurements.Decode([]byte(good), now); err != nil || len(kept) != 1 || len(rejects) > 0 {
		t.Fatalf("%v %v %v", kept, rejects, err)
	}
	for _, c := range []struct{ record, field, reason string }{
		{change(`"kind":"ad_spend",`, ``), "kind", "is missing"},
		{change(`ad_spend`, `ad_spent`), "kind", "is not known"},
		{change(`ad_spend`, `custom_`), "kind", "is not known"},
		{change(`"ads"`, `"Ads!"`), "channel", "is no channel"},
		{change(`"ads"`, `7`), "channel", "must be a text"},
		{change(`"spring"`, `"`+strings.Repeat("x", 257)+`"`), "campaign", "257 bytes"},
		{change(`"spring"`, `"a\u0000b"`), "campaign", "control characters"},
		{change(`"ts":"2026-03-01",`, ``), "ts", "is missing"},
		{change(`2026-03-01`, `01.03.2026`), "ts", "is no time"},
		{change(`2026-03-01`, `2026-03-01 10:00`), "ts", "is no time"},
		{change(`2026-03-01`, `2026-03-13`), "ts", "in the future"},
		{change(`2026-03-01`, `1970-03-01`), "ts", "before 1971"},
		{change(`,"value":120.50`, ``), "value", "is missing"},
		{change(`120.50`, `null`), "value", "is missing"},
		{change(`120.50`, `"120,50"`), "value", "is no number"},
		{change(`120.50`, `"NaN"`), "value", "is no number"},
		{change(`120.50`, `1e999999999`), "value", "is no number"},
		{change(`120.50`, `1e-999999999`), "value", "is no number"},
		{change(`120.50`, `0.1234567890123`), "value", "more than 12 digits"},
		{change(`120.50`, `1e18`), "value", "too large"},
		{change(`120.50`, `[1]`), "value", "is no number"},
		{change(`,"currency":"EUR"`, ``), "currency", "is missing"},
		{change(`"EUR"`, `"EURO"`), "currency", "is no currency"},
		{change(`ad_spend`, `followers`), "currency", "is no money"},
		{change(`"EUR"`, `"EUR","base":"USD"`), "base", "exchange_rate only"},
		{change(`"EUR"`, `"EUR","spend":1`), "spend", "no such field"},
		{`{"kind":"followers","ts":"2026-03-01","value":-1}`, "value", "is negative"},
		{`{"kind":"exchange_rate","ts":"2026-03-01","value":0.9,"base":"EUR"}`, "currency", "is missing"},
		{`{"kind":"exchange_rate","ts":"2026-03-01","value":0.9,"currency":"USD"}`, "base", "is no currency"},
		{`{"kind":"exchange_rate","ts":"2026-03-01","value":0.9,"currency":"USD","base":"usd"}`, "base", "same as currency"},
		{`{"kind":"exchange_rate","ts":"2026-03-01","value":0,"currency":"USD","base":"EUR"}`, "value", "more than 0"},
		{`{"kind":"exchange_rate","channel":"ads","ts":"2026-03-01","value":1,"currency":"USD","base":"EUR"}`, "channel", "leave it out"},
		{`{"kind":"exchange_rate","campaign":"x","ts":"2026-03-01","value":1,"currency":"USD","base":"EUR"}`, "campaign", "leave it out"},
		{`7`, "", "must be an object"},
		{`null`, "", "must be an object"},
		{`{"kind":"` + strings.Repeat("x", 9000) + `"}`, "", "a record may have"},
	} {
		kept, _, rejects, err := measurements.Decode([]byte(`[`+good+`,`+c.record+`]`), now)
		if err != nil || len(kept) != 1 || len(rejects) != 1 || rejects[0].Index != 1 || rejects[0].Field != c.field || !strings.Contains(rejects[0].Reason, c.reason) {
			t.Errorf("%.100s\n kept %d, rejected %+v, %v; want %s: %s", c.record, len(kept), rejects, err, c.field, c.reason)
		}
	}
}

func TestWhatIsTaken(t *testing.T) {
	for text, want := range map[string]string{
		`{"kind":"ad_spend","ts":"2026-03-01T09:00:00.1239+01:00","value":"-1.5","currency":"eur"}`:       "ad_spend   2026-03-01T08:00:00.123Z -1.5 EUR",
		`{"kind":"followers","channel":"social.x","ts":"2026-03-01","value":1e3,"campaign":null}`:         "followers social.x  2026-03-01T00:00:00Z 1000 ",
		`{"kind":"custom_trade_fair","ts":"2026-03-01","value":-7,"currency":"USD"}`:                      "custom_trade_fair   2026-03-01T00:00:00Z -7 USD",
		`{"kind":"level_stock","ts":"2026-03-12T11:59:00Z","value":0}`:                                    "level_stock   2026-03-12T11:59:00Z 0 ",
		`{"kind":"exchange_rate","ts":"2026-03-01","value":0.921400000001,"currency":"USD","base":"EUR"}`: "exchange_rate  USD/EUR 2026-03-01T00:00:00Z 0.921400000001 USD",
		"\xef\xbb\xbf" + `{"measurements":[{"kind":"clicks","ts":"2026-03-01","value":3}]}`:               "clicks   2026-03-01T00:00:00Z 3 ",
	} {
		kept, _, rejects, err := measurements.Decode([]byte(text), now)
		if err != nil || len(rejects) > 0 || len(kept) != 1 {
			t.Errorf("%s: %v %v", text, rejects, err)
			continue
		}
		m := kept[0]
		if got := fmt.Sprint(m.Kind, " ", m.Channel, " ", m.Campaign, " ", m.Time.Format(time.RFC3339Nano), " ", m.Value, " ", m.Currency); got != want {
			t.Errorf("%s\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestBodies(t *testing.T) {
	line := `{"kind":"clicks","ts":"2026-03-01","value":3}`
	other := strings.Replace(line, "clicks", "views", 1)
	for body, want := range map[string]int{
		line: 1, line + "\n" + other: 2, "[" + line + "," + other + "]": 2, "[]": 0, `{"measurements":[]}`: 0, "[" + line + "]\n[" + other + "]": 2,
	} {
		if kept, _, rejects, err := measurements.Decode([]byte(body), now); err != nil || len(rejects) > 0 || len(kept) != want {
			t.Errorf("%s: %d kept, %v, %v", body, len(kept), rejects, err)
		}
	}
	for _, body := range []string{"", " \n", "{", line + "\n{", `{"measurements":7}`, `{"measurements":[],"kind":"x"}`, "[" + line} {
		if _, _, _, err := measurements.Decode([]byte(body), now); err == nil {
			t.Errorf("%q was taken", body)
		}
	}
	if _, _, _, err := measurements.Decode([]byte(strings.Repeat(line+"\n", measurements.MaxRecords+1)), now); err == nil || !strings.Contains(err.Error(), "10000") {
		t.Errorf("too many: %v", err)
	}
	// The last of the same measurement counts.
	kept, replaced, _, err := measurements.Decode([]byte(line+"\n"+other+"\n"+strings.Replace(line, ":3}", ":4}", 1)), now)
	if err != nil || len(kept) != 2 || replaced != 1 || kept[0].Value.String() != "4" {
		t.Errorf("%v, %d replaced, %v", kept, replaced, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"kind":"ad_spend","channel":"ads","ts":"2026-03-01","value":120.50,"currency":"EUR"}`)
	f.Add(`[{"value":1e308},{}]`)
	f.Add(`{"measurements":[null]}`)
	f.Fuzz(func(t *testing.T, body string) {
		kept, replaced, rejects, err := measurements.Decode([]byte(body), now)
		if err != nil && len(kept)+replaced+len(rejects) > 0 {
			t.Error("an error, and yet something was taken or rejected")
		}
		for _, m := range kept {
			if !measurements.KnownKind(m.Kind) || m.Time.IsZero() {
				t.Errorf("%+v", m)
			}
		}
	})
}
