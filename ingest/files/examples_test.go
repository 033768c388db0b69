package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sent is a message as the tests look at it.
type sent struct {
	Type        string
	MessageID   string `json:"messageId"`
	Event, Name string
	UserID      string `json:"userId"`
	AnonymousID string `json:"anonymousId"`
	Timestamp   string
	Properties  map[string]any
	Traits      map[string]any
	Context     map[string]any
}

func (s *sent) kind() string {
	if s.Type == "page" {
		return "page_view"
	}
	kind, _ := s.Properties["kind"].(string)
	return kind
}

func (s *sent) text(property string) string { return fmt.Sprint(s.Properties[property]) }

// decode reads a message, numbers as they are written.
func decode(t testing.TB, text []byte) *sent {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var s sent
	if err := d.Decode(&s); err != nil {
		t.Fatalf("message %s: %v", text, err)
	}
	return &s
}

// example loads a mapping of examples/, and skips the test where its data is not at hand.
func example(t testing.TB, mapping, data string) (*Mapping, string) {
	t.Helper()
	root := filepath.Join("..", "..")
	m, err := LoadMapping(filepath.Join(root, "examples", mapping))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "..", "shared", "data", filepath.FromSlash(data))
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		t.Skipf("the data set %s is not beside this checkout: no %s", data, path)
	}
	return m, path
}

// figures are what a file's messages add up to.
type figures struct {
	Converted
	messages []*sent
	byKind   map[string]int
	people   map[string]bool
	value    map[string]*big.Rat // of each kind
}

// convertAll makes the messages of a file twice and checks that the ids are the same both times and all different.
func convertAll(t *testing.T, m *Mapping, path string) *figures {
	t.Helper()
	f := &figures{byKind: map[string]int{}, people: map[string]bool{}, value: map[string]*big.Rat{}}
	ids := map[string]bool{}
	var err error
	f.Converted, err = Convert(context.Background(), path, m, func(text []byte, _ int64) error {
		s := decode(t, text)
		f.messages = append(f.messages, s)
		if ids[s.MessageID] {
			t.Errorf("id %s is there twice", s.MessageID)
		}
		ids[s.MessageID] = true
		f.byKind[s.kind()]++
		f.people[s.UserID+s.AnonymousID] = true
		if v, ok := s.Properties["value"]; ok {
			amount, ok := new(big.Rat).SetString(fmt.Sprint(v))
			if !ok {
				t.Fatalf("value %v is no number", v)
			}
			if f.value[s.kind()] == nil {
				f.value[s.kind()] = new(big.Rat)
			}
			f.value[s.kind()].Add(f.value[s.kind()], amount)
		}
		return nil
	}, func(r Rejected) error { return fmt.Errorf("line %d rejected: %s: %s", r.Line, r.Field, r.Reason) })
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	_, err = Convert(context.Background(), path, m, func(text []byte, _ int64) error {
		if id := f.messages[i].MessageID; !bytes.Contains(text, []byte(`"messageId":"`+id+`"`)) {
			return fmt.Errorf("message %d has the id %s the first time, and the second it is %s", i, id, text)
		}
		i++
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *figures) check(t *testing.T, want map[string]int) {
	t.Helper()
	if fmt.Sprint(f.byKind) != fmt.Sprint(want) {
		t.Errorf("events by kind: %v, want %v", f.byKind, want)
	}
}

func TestExampleCDNOW(t *testing.T) {
	m, path := example(t, "cdnow.yaml", "cdnow/CDNOW_master.txt")
	f := convertAll(t, m, path)
	f.check(t, map[string]int{"purchase": 69_659})
	if len(f.people) != 23_570 {
		t.Errorf("%d people, want 23,570", len(f.people))
	}
	if got := f.value["purchase"].FloatString(2); got != "2500315.63" {
		t.Errorf("revenue %s, want 2500315.63", got)
	}
	if s := f.messages[0]; s.UserID != "00001" || s.Timestamp != "1997-01-01T00:00:00.000Z" || s.text("value") != "11.77" || s.text("currency") != "USD" {
		t.Errorf("first message %+v", s)
	}
}

func TestExampleHillstrom(t *testing.T) {
	m, path := example(t, "hillstrom.yaml", "hillstrom/hillstrom.csv")
	f := convertAll(t, m, path)
	if len(f.people) != 64_000 || f.byKind["experiment_exposure"] != 64_000 {
		t.Errorf("%d people, %d exposures, want 64,000 of both", len(f.people), f.byKind["experiment_exposure"])
	}
	type arm struct{ people, visits, conversions int }
	arms, of := map[string]*arm{}, map[string]string{}
	spend := map[string]*big.Rat{}
	for _, s := range f.messages {
		if s.kind() == "experiment_exposure" {
			name := s.text("arm")
			if arms[name] == nil {
				arms[name], spend[name] = &arm{}, new(big.Rat)
			}
			arms[name].people++
			of[s.UserID] = name
		}
	}
	for _, s := range f.messages {
		switch a := arms[of[s.UserID]]; s.kind() {
		case "page_view":
			a.visits++
		case "purchase":
			a.conversions++
			v, _ := new(big.Rat).SetString(s.text("value"))
			spend[of[s.UserID]].Add(spend[of[s.UserID]], v)
		}
	}
	for name, want := range map[string]string{ // as published
		"No E-Mail":     "21306 10.617 0.573 0.6528",
		"Mens E-Mail":   "21307 18.276 1.253 1.4226",
		"Womens E-Mail": "21387 15.140 0.884 1.0772",
	} {
		a := arms[name]
		if a == nil {
			t.Fatalf("no arm %q", name)
		}
		rate := func(k int) float64 { return 100 * float64(k) / float64(a.people) }
		sum, _ := spend[name].Float64()
		got := fmt.Sprintf("%d %.3f %.3f %.4f", a.people, rate(a.visits), rate(a.conversions), sum/float64(a.people))
		if got != want {
			t.Errorf("%s: people, visit %%, conversion %%, spend: %s, want %s", name, got, want)
		}
	}
	for _, s := range f.messages { // nothing that came after the mail may go with the exposure
		for _, after := range []string{"visit", "conversion", "spend", "value"} {
			if _, told := s.Properties[after]; told && s.kind() == "experiment_exposure" {
				t.Fatalf("the exposure tells %q: %+v", after, s)
			}
		}
	}
}

func TestExampleCRM(t *testing.T) {
	m, path := example(t, "crm.yaml", "crm/sales_pipeline.csv")
	f := convertAll(t, m, path)
	f.check(t, map[string]int{"opportunity_open": 8_300, "opportunity_won": 4_238, "opportunity_lost": 2_473})
	if f.Rows != 8_800 || f.Skipped != 500 {
		t.Errorf("%d rows, %d without an event, want 8,800 and 500", f.Rows, f.Skipped)
	}
	if got := f.value["opportunity_won"].FloatString(0); got != "10005534" {
		t.Errorf("won %s, want 10005534", got)
	}
	won, lost := map[string]int{}, 0
	accounts := 0
	for _, s := range f.messages {
		if s.text("content_id") == "GTXPro" {
			t.Fatal("a product is still called GTXPro")
		}
		if s.Context["groupId"] != nil {
			accounts++
		}
		switch s.kind() {
		case "opportunity_won":
			won[s.Timestamp[5:7]]++
		case "opportunity_lost":
			lost++
		case "opportunity_open":
			if s.Properties["value"] != nil {
				t.Fatalf("the opening tells the value: %+v", s)
			}
		}
	}
	quarters := []int{won["01"] + won["02"] + won["03"], won["04"] + won["05"] + won["06"], won["07"] + won["08"] + won["09"], won["10"] + won["11"] + won["12"]}
	if fmt.Sprint(quarters) != "[531 1254 1257 1196]" {
		t.Errorf("won by quarter %v, want [531 1254 1257 1196]", quarters)
	}
	if want := 8_300 - 1_088 + 4_238 + 2_473; accounts != want {
		t.Errorf("%d events with an account, want %d", accounts, want)
	}
}

func TestExampleOlistLeads(t *testing.T) {
	m, path := example(t, "olist-leads.yaml", "olist-leads/mql_8000_with_landing_page.csv")
	f := convertAll(t, m, path)
	f.check(t, map[string]int{"lead_created": 8_000})
	origins, months := map[string]int{}, map[string]int{}
	first, last := "9", ""
	for _, s := range f.messages {
		origin, _ := s.Properties["origin"].(string)
		origins[origin]++
		months[s.Timestamp[:7]]++
		first, last = min(first, s.Timestamp), max(last, s.Timestamp)
	}
	want := "map[:60 direct_traffic:499 display:118 email:493 organic_search:2296 other:150 other_publicities:65 paid_search:1586 referral:284 social:1350 unknown:1099]"
	if fmt.Sprint(origins) != want {
		t.Errorf("origins %v, want %s", origins, want)
	}
	if !strings.HasPrefix(first, "2017-06-14") || !strings.HasPrefix(last, "2018-05-31") || len(months) != 12 {
		t.Errorf("from %s to %s in %d months, want 2017-06-14 to 2018-05-31 in 12", first, last, len(months))
	}
}
