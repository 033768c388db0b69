package queries_test

import (
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/tiers"
)

// hot are what a person does who meets three criteria.
func hot(who, day string) (events []map[string]any) {
	for i, kind := range []string{"content_download", "email_open", "email_open", "email_click", "chat_message"} {
		events = append(events, map[string]any{"ts": day + " 10:00:0" + string(rune('0'+i)), "kind": kind, "channel": "web", "user_id": who, "content_id": "report"})
	}
	return events
}

// What can be asked about tiers, of people that the real evaluation saw on three days. Vera was hot in January and bought, Walt was hot and
// bought nothing, Xenia met two criteria only; Yara is hot now, Zeno has a cart and never a checkout.
func TestTiers(t *testing.T) {
	db := openDatabase(t)
	clock := time.Time{}
	e := &tiers.Evaluator{DB: db.(tiers.DB), Now: func() time.Time { return clock }}
	on := func(day string, events ...map[string]any) {
		t.Helper()
		var err error
		if clock, err = time.Parse(time.DateTime, day+" 12:00:00"); err != nil {
			t.Fatal(err)
		}
		if len(events) > 0 {
			insertEvents(t, db, clock.YearDay()*100, events)
		}
		if _, err = e.Tick(t.Context()); err == nil {
			_, err = e.Due(t.Context(), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	event := func(who, at, kind string) map[string]any {
		return map[string]any{"ts": at, "kind": kind, "channel": "web", "user_id": who}
	}
	january := append(hot("vera", "2026-01-20"), hot("walt", "2026-01-20")...)
	on("2026-01-20", append(january, hot("xenia", "2026-01-20")[0], hot("xenia", "2026-01-20")[4])...)
	on("2026-03-30", event("vera", "2026-01-25 10:00:00", "purchase"), event("zeno", "2026-03-29 10:00:00", "cart_add"))
	on("2026-04-01", hot("yara", "2026-04-01")...)
	for name, params := range map[string]map[string]string{
		"tier_distribution": nil,
		"tier_movers":       {"to": "2026-04-01T12:00:01"},
		"tier_top":          nil,
		"tier_lifecycle":    nil,
		"tier_over_time":    {"from": "2026-03-28T15:00:00", "to": "2026-04-01T12:00:01"},
		"segment_outcomes":  nil,
		"signal_strength":   nil,
	} {
		t.Run(name, func(t *testing.T) { golden(t, "testdata/tiers/"+name+".txt", ask(t, db, name, "table", params)) })
	}
	// Days count up to their end: who came on the last one at noon counts after it.
	before := ask(t, db, "tier_over_time", "csv", map[string]string{"from": "2026-04-01", "to": "2026-04-01T12:00:00"})
	after := ask(t, db, "tier_over_time", "csv", map[string]string{"from": "2026-04-01", "to": "2026-04-01T12:00:01"})
	if strings.Contains(before, `2,"medium",1`) || !strings.Contains(after, `2,"medium",1`) {
		t.Errorf("before noon\n%safter\n%s", before, after)
	}
}
