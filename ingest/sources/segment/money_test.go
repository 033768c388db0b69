package segment

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/livello/livello/ingest/event"
)

// exactMoney is what parseMoney must say, by arithmetic without limits.
func exactMoney(text string) (amount int64, exact, ok bool) {
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false, false
	}
	value.Mul(value, big.NewRat(10_000, 1))
	negative := value.Sign() < 0
	value.Abs(value)
	doubled := new(big.Int).Mul(value.Num(), big.NewInt(2))
	doubled.Add(doubled, value.Denom())
	rounded := new(big.Int).Quo(doubled, new(big.Int).Mul(value.Denom(), big.NewInt(2)))
	if !rounded.IsInt64() || rounded.Int64() > event.MaxValue {
		return 0, false, false
	}
	if amount = rounded.Int64(); negative {
		amount = -amount
	}
	return amount, value.IsInt(), true
}

func TestParseMoneyAgreesWithExactArithmetic(t *testing.T) {
	check := func(t interface{ Errorf(string, ...any) }, text string) {
		amount, exact, ok := parseMoney(text)
		wantAmount, wantExact, wantOK := exactMoney(text)
		if amount != wantAmount || exact != wantExact || ok != wantOK {
			t.Errorf("%s: got %d %v %v, want %d %v %v", text, amount, exact, ok, wantAmount, wantExact, wantOK)
		}
	}
	for _, text := range []string{"0", "-0", "1", "12.5", "12.34567", "0.00005", "0.00004999999999999999999999", "-0.00005", "99999999999999.9999",
		"99999999999999.99995", "100000000000000", "1e13", "1e14", "1E-4", "5e-5", "4e-5", "1e-400", "0.30000000000000004", "123456789012345678901234567890e-20",
		"00012.50", "1.", ".5", "+3", "10000000000000000000000000000000", "0e99999", "9999999999999999999e-19"} {
		check(t, text)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "text")
		check(t, text)
	})
}

func TestWhatIsNoAmount(t *testing.T) {
	for _, text := range []string{"", "-", ".", "abc", "1,50", "1.2.3", "1e", "1e+", "e5", "0x10", "1 2", "NaN", "Infinity", "$5", "5€", "--1", "1/3"} {
		if amount, _, ok := parseMoney(text); ok {
			t.Errorf("%q reads as %d", text, amount)
		}
	}
}

func TestAmountsAndScores(t *testing.T) {
	for name, test := range map[string]struct {
		event, properties string
		want              fields // of value, currency, score, sentiment, and the properties
	}{
		"revenue before value and total": {"purchase", `"total":3,"value":2,"revenue":1`, fields{"value": "1", "properties[value]": "2", "properties[total]": "3"}},
		"numeric text":                   {"purchase", `"revenue":" 12.50 "`, fields{"value": "12.5"}},
		"an empty amount is none":        {"purchase", `"revenue":"","total":7`, fields{"value": "7", "properties[revenue]": ""}},
		"more than four places":          {"purchase", `"revenue":12.345678,"currency":"USD"`, fields{"value": "12.3457", "currency": "USD", "properties[revenue]": "12.345678"}},
		"a refund has no sign":           {"refund", `"total":-20`, fields{"value": "20", "properties[total]": "-20"}},
		"a negative order":               {"purchase", `"revenue":-20`, fields{"value": "-20"}},
		"a product's price":              {"Product Added", `"price":19.99,"revenue":5`, fields{"value": "19.99", "properties[revenue]": "5"}},
		"a deal's amount":                {"opportunity_won", `"amount":1500,"currency":"eur"`, fields{"value": "1500", "currency": "EUR"}},
		"another kind's value":           {"Field Changed", `"value":"red","currency":"gold"`, fields{"properties[value]": "red", "properties[currency]": "gold"}},
		"another kind's number":          {"Upgrade", `"value":9`, fields{"value": "9"}},
		"a score":                        {"survey_response", `"score":4.5`, fields{"score": "4.5"}},
		"more digits than a Float32":     {"survey_response", `"score":0.123456789`, fields{"score": "0.12345679", "properties[score]": "0.123456789"}},
		"a review's rating":              {"review", `"rating":5`, fields{"score": "5"}},
		"a product's own rating":         {"Product Viewed", `"rating":4.2`, fields{"properties[rating]": "4.2"}},
		"a score of another kind":        {"Quiz Done", `"score":"high"`, fields{"properties[score]": "high"}},
		"a sentiment on another scale":   {"review", `"sentiment":80`, fields{"properties[sentiment]": "80"}},
		"a sentiment in words":           {"review", `"sentiment":"positive"`, fields{"properties[sentiment]": "positive"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := row(t, `{"type":"track","userId":"u","event":"`+test.event+`","properties":{`+test.properties+`}}`)
			for column := range got {
				if _, wanted := test.want[column]; !wanted && (strings.HasPrefix(column, "properties[") || column == "value" || column == "currency" || column == "score" || column == "sentiment") {
					t.Errorf("unexpected %s: %q", column, got[column])
				}
			}
			for column, value := range test.want {
				if got[column] != value {
					t.Errorf("%s is %q, want %q", column, got[column], value)
				}
			}
		})
	}
}

func TestTheDefaultCurrencyIsOnlyForAmounts(t *testing.T) {
	d := NewDecoder(Options{Currency: "EUR"})
	for body, want := range map[string]string{
		`{"type":"track","userId":"u","event":"purchase","properties":{"revenue":1}}`:                  "EUR",
		`{"type":"track","userId":"u","event":"purchase","properties":{"revenue":1,"currency":"usd"}}`: "USD",
		`{"type":"track","userId":"u","event":"purchase"}`:                                             "",
		`{"type":"page","userId":"u"}`:                                                                 "",
	} {
		rows := decodeWith(t, d, body)
		if rows[0]["currency"] != want {
			t.Errorf("%s: currency %q, want %q", body, rows[0]["currency"], want)
		}
	}
}
