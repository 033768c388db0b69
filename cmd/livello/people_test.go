package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/profile"
)

// profileOf asks until the person is as wanted: the service evaluates those with news by itself, within two seconds.
func (s *running) profileOf(id string, wanted func(profile.Profile) bool) profile.Profile {
	s.t.Helper()
	var text string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var status int
		var p profile.Profile
		if status, text = s.ask("GET", s.API+"/v1/people/"+id, s.keys.ReadKey, ""); status != 200 {
			continue
		}
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			s.t.Fatalf("profile of %s: %v in %s", id, err, text)
		}
		if wanted(p) {
			return p
		}
	}
	s.t.Fatalf("the profile of %s is not what it should be: %s\n%s", id, text, s.logs())
	return profile.Profile{}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	at := time.Now().UTC().Add(-time.Hour)
	var lines strings.Builder
	line := func(minute int, rest string) {
		fmt.Fprintf(&lines, `{"messageId":"m-%d","timestamp":"%s",%s}`+"\n", minute, at.Add(time.Duration(minute)*time.Minute).Format(time.RFC3339), rest)
	}
	for i, path := range []string{"/", "/product", "/pricing", "/resources/whitepaper-roi"} {
		line(i, fmt.Sprintf(`"type":"page","anonymousId":"cookie 1/2","properties":{"path":%q,"url":"https://www.example.com%[1]s"}`, path))
	}
	line(10, `"type":"track","event":"Content Downloaded","anonymousId":"cookie 1/2","properties":{"content_id":"whitepaper-roi"}`)
	line(12, `"type":"identify","anonymousId":"cookie 1/2","userId":"anna","traits":{"email":"anna@example.com"}`)
	line(14, `"type":"track","event":"Order Completed","userId":"anna","properties":{"order_id":"o-1","revenue":120.50,"currency":"EUR"}`)
	s.want(202, `"accepted":7`, "POST", s.API+"/v1/events", s.keys.WriteKey, lines.String())

	p := s.profileOf("cookie%201%2F2", func(p profile.Profile) bool { return p.PersonID == "anna" && p.Features["downloads_7d"] == 1 })
	if !slices.Contains(p.DistinctIDs, "cookie 1/2") || p.Tier == 0 || p.Features["page_views_7d"] != 4 || p.Features["visits_7d"] != 1 {
		t.Errorf("profile: %+v", p)
	}
	var points float64
	for _, r := range p.Reasons {
		points += r.Points
	}
	if points != p.Score || p.Score <= 0 {
		t.Errorf("the score is %v, its reasons add up to %v", p.Score, points)
	}
	if p.Value.Orders != 1 || p.Value.Revenue["EUR"].String() != "120.5" || p.Value.LastPurchase == nil {
		t.Errorf("value: %+v", p.Value)
	}
	if len(p.LastEvents) != 6 || p.LastEvents[0].Kind != "purchase" || p.LastEvents[0].Value.String() != "120.5" || p.LastEvents[5].Path != "/" {
		t.Errorf("last events: %+v", p.LastEvents)
	}
	if p.Best.Channel != "web" || p.Best.Hour == nil || p.Best.Actions != 6 {
		t.Errorf("best: %+v", p.Best)
	}
	s.want(400, "recent", "GET", s.API+"/v1/people/anna?recent=1", s.keys.ReadKey, "")
	if status, text := s.ask("GET", s.API+"/v1/people/anna?recent=false", s.keys.ReadKey, ""); status != 200 || strings.Contains(text, "last_events") || strings.Contains(text, "best") || !strings.Contains(text, "downloads_7d") {
		t.Errorf("without what is recent: %d %s", status, text)
	}
	s.want(200, `"kind": "content_download"`, "GET", s.API+"/v1/people/anna/history", s.keys.ReadKey, "")
	s.want(200, "content_download", "GET", s.API+"/v1/people/cookie%201%2F2/history?format=csv&limit=3", s.keys.ReadKey, "")
	s.want(400, "limit", "GET", s.API+"/v1/people/anna/history?limit=none", s.keys.ReadKey, "")
	s.want(404, "nobody has this id", "GET", s.API+"/v1/people/nobody", s.keys.ReadKey, "")
	s.want(401, "read key", "GET", s.API+"/v1/people/anna", s.keys.WriteKey, "")
	s.want(401, "read key", "GET", s.API+"/v1/people/anna/history", "", "")
}
