package handwritten_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/livello/livello/internal/handwritten"
)

func TestDidYouMean(t *testing.T) {
	known := []string{"purchases_total", "purchases_365d", "downloads_7d", "Order ID", "at"}
	for got, want := range map[string]string{
		"purchases_30d":                       "; did you mean purchases_365d?",
		"DOWNLOADS":                           "; did you mean downloads_7d?", // a part of it, in other letters
		"order id":                            "; did you mean Order ID?",
		" at ":                                "; did you mean at?",
		"xyzzy":                               "; known are purchases_total, purchases_365d, downloads_7d, Order ID, at",
		"":                                    "; known are purchases_total, purchases_365d, downloads_7d, Order ID, at",
		strings.Repeat("purchases_total", 10): "; known are purchases_total, purchases_365d, downloads_7d, Order ID, at",
	} {
		if s := handwritten.DidYouMean(got, known); s != want {
			t.Errorf("%q%s\nwant %s", got, s, want)
		}
	}
	if s := handwritten.DidYouMean("home", nil); s != "; there are none" {
		t.Errorf("of nothing: %s", s)
	}
	var many []string
	for i := range 61 {
		many = append(many, fmt.Sprint("n", 100+i))
	}
	if s := handwritten.DidYouMean("something else", many); !strings.HasSuffix(s, ", n159, ...") {
		t.Errorf("of many: %s", s)
	}
}

// At most three, the likeliest first.
func TestNearest(t *testing.T) {
	if got := fmt.Sprint(handwritten.Nearest("visit", []string{"visits_7d", "visits", "visit_days", "visitors", "carts"})); got != "[visits visitors visits_7d]" {
		t.Errorf("got %s", got)
	}
}
