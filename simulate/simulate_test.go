package simulate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"
	"testing"
	"time"
)

var demo = Config{People: 5000, Days: 90, Seed: 1, Start: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)}

// wire is what the tests read back of a message.
type wire struct {
	Type, MessageID, Event, UserID, AnonymousID string
	Timestamp                                   time.Time
	Context                                     struct{ Channel, SessionID string }
	Properties, Traits                          map[string]any
}

func read(t *testing.T, ndjson []byte) []wire {
	t.Helper()
	var all []wire
	for line := range bytes.Lines(ndjson) {
		var m wire
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, m)
	}
	return all
}

func run(t testing.TB, cfg Config) []byte {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for b := range s.Batches(1000) {
		out = append(out, b.NDJSON...)
	}
	return out
}

// The demo's figures in the README and the folder of somebody who ran it yesterday depend on these bytes.
// After a wanted change of the simulation, put the printed hash here.
func TestSameBytesForASeed(t *testing.T) {
	cfg := demo
	cfg.People, cfg.Days = 200, 30
	sum := sha256.Sum256(run(t, cfg))
	const want = "59bbb1c591e83b35"
	if got := hex.EncodeToString(sum[:8]); got != want {
		t.Errorf("simulation of 200 people, 30 days, seed 1: hash %s, want %s", got, want)
	}
	cfg.Seed = 2
	if other := sha256.Sum256(run(t, cfg)); other == sum {
		t.Error("another seed gives the same messages")
	}
}

func TestLaterEndBeginsWithTheSameMessages(t *testing.T) {
	cfg := demo
	cfg.People, cfg.Days = 200, 30
	cfg.End = cfg.Start.Add(20*24*time.Hour + 13*time.Hour)
	short := run(t, cfg)
	cfg.End = cfg.Start.AddDate(0, 0, 25)
	if long := run(t, cfg); len(long) <= len(short) || !bytes.HasPrefix(long, short) {
		t.Error("messages before the earlier end differ")
	}
}

func TestDemoIsThreeHundredThousandMessages(t *testing.T) {
	s, err := New(demo)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for b := range s.Batches(1000) {
		n += b.Messages
	}
	if n < 280_000 || n > 320_000 {
		t.Errorf("%d messages, want about 300,000", n)
	}
}

// demoMessages is the demo with fewer people, read back.
var (
	demoOnce sync.Once
	demoAll  []wire
)

func demoMessages(t *testing.T) []wire {
	t.Helper()
	demoOnce.Do(func() {
		cfg := demo
		cfg.People = 1500
		demoAll = read(t, run(t, cfg))
	})
	return demoAll
}

func TestDemo(t *testing.T) {
	all := demoMessages(t)
	ids := map[string]bool{}
	kinds := map[string]int{}
	hours := [24]int{}
	weeks := make([]int, 13)
	var last time.Time
	before := 0
	for i, m := range all {
		if ids[m.MessageID] {
			t.Fatalf("message id %s twice", m.MessageID)
		}
		ids[m.MessageID] = true
		if m.Timestamp.Before(last) {
			t.Fatalf("message %d is older than the one before", i)
		}
		last = m.Timestamp
		if m.UserID == "" && m.AnonymousID == "" {
			t.Fatalf("message %d belongs to nobody", i)
		}
		if m.Context.Channel == "" {
			t.Fatalf("message %d has no channel", i)
		}
		if m.Timestamp.Before(demo.Start) { // orders of the year before
			before++
			continue
		}
		kinds[m.Type+" "+m.Event]++
		hours[m.Timestamp.Hour()]++
		weeks[min(12, int(m.Timestamp.Sub(demo.Start)/(7*24*time.Hour)))]++
	}
	for do, a := range actions {
		name := "track " + a.event
		switch action(do) {
		case identify:
			name = "identify "
		case group:
			name = "group "
		case pageView:
			name = "page "
		}
		if kinds[name] == 0 {
			t.Errorf("nobody does %q", name)
		}
	}
	t.Log(len(all), before, kinds)
	if before < 100 || before > len(all)/20 {
		t.Errorf("%d messages of the year before", before)
	}
	if kinds["track Email Opened"] >= kinds["track Email Delivered"] || kinds["track Email Link Clicked"] >= kinds["track Email Opened"] {
		t.Error("mail funnel does not narrow")
	}
	if kinds["track Order Completed"] >= kinds["track Checkout Started"] || kinds["track Checkout Started"] >= kinds["track Product Added"] {
		t.Error("shop funnel does not narrow")
	}
	if hours[10] < 3*hours[3] {
		t.Errorf("as much at night (%d) as in the morning (%d)", hours[3], hours[10])
	}
	if weeks[11] < weeks[2]*5/4 {
		t.Errorf("no growth: week 3 %d, week 12 %d", weeks[2], weeks[11])
	}
}

func TestSegmentsDiffer(t *testing.T) {
	type sums struct{ people, downloads, orders, opens, last30 int }
	per := map[string]*sums{}
	segment := map[string]string{}
	all := demoMessages(t)
	for _, m := range all {
		if m.Type != "identify" || segment[m.UserID] != "" {
			continue
		}
		name := m.Traits["segment_hint"].(string)
		segment[m.UserID] = name
		if per[name] == nil {
			per[name] = &sums{}
		}
		per[name].people++
	}
	for _, m := range all {
		s := per[segment[m.UserID]]
		if s == nil {
			continue
		}
		switch m.Event {
		case "Content Downloaded":
			s.downloads++
		case "Order Completed":
			s.orders++
		case "Email Opened":
			s.opens++
		}
		if m.Context.Channel == "web" && m.Timestamp.After(demo.Start.AddDate(0, 0, 60)) {
			s.last30++
		}
	}
	rate := func(n, of int) float64 { return float64(n) / float64(max(of, 1)) }
	for name, s := range per {
		t.Logf("%-10s %+v", name, *s)
		if s.people < 30 {
			t.Errorf("only %d %ss identified themselves", s.people, name)
		}
	}
	browser, researcher, buyer, fan, gone := per["browser"], per["researcher"], per["buyer"], per["fan"], per["lapsed"]
	if rate(researcher.downloads, researcher.people) < 2*rate(buyer.downloads, buyer.people) { // whoever has a project reads, in every segment
		t.Error("researchers do not download more than buyers")
	}
	if rate(buyer.orders, buyer.people) < 3*rate(researcher.orders, researcher.people) {
		t.Error("buyers do not buy more than researchers")
	}
	if rate(fan.opens, fan.people) < 2*rate(browser.opens, browser.people) {
		t.Error("fans do not open more mails than browsers")
	}
	if rate(gone.last30, gone.people) > rate(buyer.last30, buyer.people)/2 {
		t.Error("the lapsed are still here")
	}
}

func TestLive(t *testing.T) {
	cfg := demo
	cfg.People, cfg.Days = 300, 20
	live, err := NewLive(cfg, 7)
	if err != nil {
		t.Fatal(err)
	}
	again, err := NewLive(cfg, 8)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	now := cfg.Start.AddDate(0, 0, 21)
	for range 200 {
		for _, l := range []*Live{live, again} {
			b, n := l.Next(nil, now)
			visit := read(t, b)
			if n == 0 || len(visit) != n {
				t.Fatalf("Next says %d messages and wrote %d", n, len(visit))
			}
			for _, m := range visit {
				if ids[m.MessageID] {
					t.Fatalf("message id %s twice", m.MessageID)
				}
				ids[m.MessageID] = true
				if d := now.Sub(m.Timestamp); d < 0 || d > time.Second {
					t.Fatalf("message of %s at %s", m.Timestamp, now)
				}
			}
		}
		now = now.Add(time.Second)
	}
}

func TestConfigErrors(t *testing.T) {
	for _, cfg := range []Config{{People: 0, Days: 1}, {People: 1, Days: 0}, {People: 1, Days: 1, Start: demo.Start, End: demo.Start}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("no error for %+v", cfg)
		}
	}
}

// One iteration is the whole demo.
func BenchmarkDemo(b *testing.B) {
	b.ReportAllocs()
	s, err := New(demo)
	if err != nil {
		b.Fatal(err)
	}
	n, size := 0, 0
	for b.Loop() {
		n, size = 0, 0
		for batch := range s.Batches(1000) {
			n += batch.Messages
			size += len(batch.NDJSON)
		}
	}
	b.SetBytes(int64(size))
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
