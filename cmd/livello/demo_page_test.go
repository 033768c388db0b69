package main

import (
	"encoding/json"
	"testing"
)

func TestNumbersOnThePage(t *testing.T) {
	for number, want := range map[string]string{"1": "1", "999": "999", "1000": "1,000", "1234567.5": "1,234,567.5", "-1234": "-1,234", "-12": "-12"} {
		if got := grouped(number); got != want {
			t.Errorf("grouped(%s) = %s, want %s", number, got, want)
		}
	}
	revenue := map[string]any{"USD": json.Number("10.4"), "EUR": json.Number("2500.5"), "GBP": json.Number("0")}
	if got := money(revenue); got != "2,500 EUR, 10 USD" {
		t.Errorf("money: %s", got)
	}
	if got := percent(json.Number("0.1234")); got != "12.3 %" {
		t.Errorf("percent: %s", got)
	}
	if got := percent(nil); got != "-" {
		t.Errorf("percent of nothing: %s", got)
	}
	for v, want := range map[float64]string{-0.04: "0.0", 0.04: "0.0", 12.34: "+12.3", -9: "-9.0", 2129.5: "+2,129.5"} {
		if got := signed(v); got != want {
			t.Errorf("signed(%v) = %s, want %s", v, got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{"./demo-data": "./demo-data", "a b": "'a b'", "it's": `'it'\''s'`, "": "''"} {
		if got := quote(text); got != want {
			t.Errorf("quote(%s) = %s, want %s", text, got, want)
		}
	}
}
