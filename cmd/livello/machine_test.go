package main

import (
	"testing"
)

// Events of machines go through the real service: kept, marked, and counted apart.
func TestMachineTraffic(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t), "--machine-networks", "203.0.113.0/24,2001:db8::/32")
	const body = `[
{"type":"track","event":"Email Delivered","userId":"ada","timestamp":"2026-03-01T09:00:01.5Z","properties":{"email_id":"m1"}},
{"type":"track","event":"Email Opened","userId":"ada","timestamp":"2026-03-01T09:00:02Z","properties":{"email_id":"m1"}},
{"type":"track","event":"Email Link Clicked","userId":"ada","timestamp":"2026-03-01T09:00:03Z","properties":{"email_id":"m1","link_url":"https://shop.example/a"}},
{"type":"track","event":"Email Opened","userId":"ada","timestamp":"2026-03-01T19:30:00.2Z","properties":{"email_id":"m1"}},
{"type":"page","anonymousId":"crawler","timestamp":"2026-03-01T10:00:00.1Z","context":{"userAgent":"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}},
{"type":"page","anonymousId":"crawler","timestamp":"2026-03-01T10:00:01Z","context":{"ip":"203.0.113.80"}},
{"type":"page","userId":"ada","timestamp":"2026-03-01T19:31:00Z","context":{"ip":"198.51.100.1","userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"}},
{"type":"track","event":"Email Opened","userId":"bob","timestamp":"2026-03-01T09:00:02Z","properties":{"email_id":"m1","machine":"apple_mpp"}}
]`
	s.want(202, `"accepted":8`, "POST", s.API+"/v1/events", s.keys.WriteKey, body)
	s.settle()
	for statement, want := range map[string]string{
		"SELECT arrayStringConcat(arraySort(groupArray(concat(machine, ' ', kind))), ',') FROM events WHERE machine != ''": "apple_mpp email_open,bot_user_agent page_view,data_center page_view,fast_click email_click,fast_open email_open",
		"SELECT count() FROM events": "8",
		"SELECT concat(toString(sum(events)), ' ', toString(sum(human_events))) FROM channel_daily": "8 3",
		"SELECT sum(people) FROM channel_daily WHERE kind = 'page_view'":                            "1",
		"SELECT sum(email_opens) + sum(email_clicks) FROM person_day":                               "1",
		"SELECT uniqExact(distinct_id) FROM person_day":                                             "1",
	} {
		if got := count(t, s.data, statement); got != want {
			t.Errorf("%s: %s, want %s", statement, got, want)
		}
	}
	s.want(200, `"reason": "fast_click"`, "GET", s.API+"/v1/queries/machine_traffic?from=2026-01-01", s.keys.ReadKey, "")
	s.stop()
	fails(t, `setting machine: "moon" is no network`, "serve", "--data", s.data, "--machine-networks", "moon")
}
