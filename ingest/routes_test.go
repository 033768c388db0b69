package ingest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEveryKindOfMessageHasARoute(t *testing.T) {
	s := start(t)
	for typ, body := range map[string]string{
		"track": `{"event":"X","userId":"u"}`, "identify": `{"userId":"u","traits":{"a":1}}`, "page": `{"anonymousId":"a"}`,
		"screen": `{"anonymousId":"a","type":"screen"}`, "group": `{"userId":"u","groupId":"g"}`, "alias": `{"userId":"u","previousId":"a"}`,
	} {
		a := s.post(t, "/v1/"+typ, body)
		if a.status != 200 || a.text != "{\"success\":true}\n" {
			t.Errorf("%s: %d %s", typ, a.status, a.text)
		}
		rows := s.rows(t)
		if got := rows[len(rows)-1]["type"]; got != typ {
			t.Errorf("/v1/%s kept a %s", typ, got)
		}
		// The same again to the short form, as Segment's SDK for browsers sends it: a duplicate, so the routes are the same.
		if a := s.post(t, "/v1/"+typ[:1], body); a.status != 200 || len(s.rows(t)) != len(rows) {
			t.Errorf("/v1/%s: %d %s, %d events", typ[:1], a.status, a.text, len(s.rows(t)))
		}
	}
	for _, path := range []string{"/v1/batch", "/v1/import", "/v1/b"} {
		a := s.post(t, path, fmt.Sprintf(`{"batch":[{"type":"page","userId":%q}]}`, path))
		if a.status != 200 || a.text != "{\"success\":true}\n" {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	if rows := s.rows(t); len(rows) != 9 {
		t.Errorf("%d events kept", len(rows))
	}
}

func TestKeysOpenTheirSource(t *testing.T) {
	s := start(t)
	basic := func(user string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":")) }
	for name, test := range map[string]struct {
		authorization, body string
		status              int
		source              string
	}{
		"Basic":                       {basic(shopKey), `{"type":"page","userId":"u1"}`, 202, "shop"},
		"Basic with a password":       {"Basic " + base64.StdEncoding.EncodeToString([]byte(shopKey+":x")), `{"type":"page","userId":"u2"}`, 202, "shop"},
		"Bearer":                      {"Bearer " + ownKey, `{"type":"page","userId":"u3"}`, 202, "default"},
		"bearer":                      {"bearer " + ownKey, `{"type":"page","userId":"u4"}`, 202, "default"},
		"in the message":              {"", `{"type":"page","userId":"u5","writeKey":"` + shopKey + `"}`, 202, "shop"},
		"beside the batch":            {"", `{"batch":[{"type":"page","userId":"u6"}],"writeKey":"` + shopKey + `"}`, 202, "shop"},
		"in the batch":                {"", `{"batch":[{"type":"page","userId":"u7","writeKey":"` + shopKey + `"}]}`, 202, "shop"},
		"in the first of an array":    {"", `[{"type":"page","userId":"u8","writeKey":"` + shopKey + `"}]`, 202, "shop"},
		"in the first line":           {"", "{\"type\":\"page\",\"userId\":\"u9\",\"writeKey\":\"" + shopKey + "\"}\n{\"type\":\"page\",\"userId\":\"u10\"}", 202, "shop"},
		"none":                        {"", `{"type":"page","userId":"x"}`, 401, ""},
		"an unknown one":              {"Bearer " + ownKey + "x", `{"type":"page","userId":"x"}`, 401, ""},
		"an unknown one in the body":  {"", `{"type":"page","userId":"x","writeKey":"nope"}`, 401, ""},
		"the header decides":          {"Bearer nope", `{"type":"page","userId":"x","writeKey":"` + shopKey + `"}`, 401, ""},
		"another scheme":              {"Digest " + ownKey, `{"type":"page","userId":"x"}`, 401, ""},
		"an empty user":               {basic(""), `{"type":"page","userId":"x"}`, 401, ""},
		"none, and what is no JSON":   {"", `{"type":`, 401, ""},
		"a key that is not text":      {"", `{"type":"page","userId":"x","writeKey":{"a":1}}`, 401, ""},
		"a key too deep in the batch": {"", `{"batch":[{"type":"page","userId":"x","properties":{"writeKey":"` + shopKey + `"}}]}`, 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(s.rows(t))
			var headers []string
			if test.authorization != "" {
				headers = []string{"Authorization", test.authorization}
			}
			a := s.do(t, http.MethodPost, "/v1/events", strings.NewReader(test.body), append(headers, "Content-Type", "text/plain")...)
			if a.status != test.status {
				t.Fatalf("%d %s", a.status, a.text)
			}
			rows := s.rows(t)[before:]
			if test.status == 401 {
				if len(rows) > 0 || a.Body.Error == nil || a.Body.Error.Code != "unauthorized" || a.Body.Error.Help == "" || a.header.Get("WWW-Authenticate") == "" {
					t.Fatalf("kept %d events, answered %s", len(rows), a.text)
				}
				return
			}
			if len(rows) == 0 || rows[0]["source"] != test.source {
				t.Fatalf("kept %v", rows)
			}
			for column, value := range rows[0] {
				if strings.Contains(value, shopKey) {
					t.Errorf("the key is kept in %s", column)
				}
			}
		})
	}
	if strings.Contains(s.logged.String(), ownKey) || strings.Contains(s.logged.String(), shopKey) {
		t.Error("a key is in the log")
	}
	if rows := s.rows(t); rows[0]["channel"] == "" {
		t.Error("no channel")
	}
}

func TestTheSourcesChannelIsTheDefault(t *testing.T) {
	s := start(t)
	s.do(t, http.MethodPost, "/v1/track", strings.NewReader(`{"event":"purchase","userId":"u"}`), "Authorization", "Bearer "+shopKey)
	if rows := s.rows(t); len(rows) != 1 || rows[0]["channel"] != "store" {
		t.Fatalf("%v", rows)
	}
}

func TestAnswersToEvents(t *testing.T) {
	s := start(t)
	const good, again = `{"type":"page","userId":"u","messageId":"1"}`, `{"type":"page","userId":"u","messageId":"2"}`
	a := s.post(t, "/v1/events", "["+good+`,{"type":"page","messageId":"bad"},`+good+"]")
	if a.status != 202 || *a.Body.Accepted != 1 || *a.Body.Duplicates != 1 {
		t.Fatalf("%d %s", a.status, a.text)
	}
	want := []rejectAnswer{{Index: 1, Field: "userId", Reason: "userId or anonymousId is missing; send at least one of them", Code: "missing", MessageID: "bad"}}
	if diff := cmp.Diff(want, a.Body.Rejected); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	a = s.post(t, "/v1/events", good+"\n"+again+"\n", "Content-Type", "application/x-ndjson; charset=utf-8")
	if a.status != 202 || a.text != `{"accepted":1,"duplicates":1,"rejected":[]}`+"\n" {
		t.Errorf("%d %s", a.status, a.text)
	}
	a = s.post(t, "/v1/events", "{\n"+good, "Content-Type", "application/x-ndjson")
	if a.status != 202 || *a.Body.Accepted != 0 || len(a.Body.Rejected) != 1 || a.Body.Rejected[0].Line != 1 {
		t.Errorf("a malformed line: %d %s", a.status, a.text)
	}
	if a = s.post(t, "/v1/events", "[]"); a.status != 202 || *a.Body.Accepted != 0 {
		t.Errorf("no records: %d %s", a.status, a.text)
	}
	if len(s.rows(t)) != 2 {
		t.Errorf("%d events kept", len(s.rows(t)))
	}
	for name, want := range map[string]float64{"accepted": 2, "duplicate": 3} {
		if got := s.metric(t, "livello_ingest_events_"+name+"_total", map[string]string{"source": "default"}); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for reason, want := range map[string]float64{"missing": 1, "syntax": 1, "type": 0} {
		if got := s.metric(t, "livello_ingest_events_rejected_total", map[string]string{"reason": reason}); got != want {
			t.Errorf("rejected for %s: %v, want %v", reason, got, want)
		}
	}
	if got := s.metric(t, "livello_ingest_requests_total", map[string]string{"route": "/v1/events", "code": "202"}); got != 4 {
		t.Errorf("%v requests counted", got)
	}
	if got := s.metric(t, "livello_ingest_request_seconds", map[string]string{"route": "/v1/events"}); got != 4 {
		t.Errorf("%v requests timed", got)
	}
}

func TestStrictIsAllOrNothing(t *testing.T) {
	s := start(t)
	body := `[{"type":"page","userId":"u"},{"type":"page"},{"type":"nope","userId":"u"}]`
	a := s.post(t, "/v1/events?strict=1", body)
	if a.status != 400 || a.Body.Error == nil || len(a.Body.Error.Rejected) != 2 || a.Body.Error.Rejected[1].Field != "type" {
		t.Fatalf("%d %s", a.status, a.text)
	}
	if len(s.rows(t)) != 0 {
		t.Fatal("part of it was kept")
	}
	if a = s.post(t, "/v1/events?strict=1", `[{"type":"page","userId":"u"}]`); a.status != 202 || *a.Body.Accepted != 1 {
		t.Fatalf("%d %s", a.status, a.text)
	}
	if a = s.post(t, "/v1/events?strict=yes", `[]`); a.status != 400 || a.Body.Error.Field != "strict" {
		t.Fatalf("%d %s", a.status, a.text)
	}
}

func TestABatchKeepsItsGoodMessages(t *testing.T) {
	s := start(t)
	a := s.post(t, "/v1/batch", `{"batch":[{"type":"page","userId":"u"},{"type":"page"}]}`)
	if a.status != 200 || a.Body.Success == nil || !*a.Body.Success || len(a.Body.Rejected) != 1 || a.Body.Rejected[0].Index != 1 {
		t.Errorf("%d %s", a.status, a.text)
	}
	if a = s.post(t, "/v1/batch", `{"batch":[{"type":"page"}]}`); a.status != 400 || a.Body.Error.Code != "invalid_message" || len(a.Body.Error.Rejected) != 1 {
		t.Errorf("nothing good in it: %d %s", a.status, a.text)
	}
	if a = s.post(t, "/v1/batch", `{"type":"page","userId":"u"}`); a.status != 400 || a.Body.Error.Field != "batch" {
		t.Errorf("no batch: %d %s", a.status, a.text)
	}
	if a = s.post(t, "/v1/batch", `{"batch":[]}`); a.status != 200 {
		t.Errorf("empty: %d %s", a.status, a.text)
	}
}

func TestOneBadMessageIsAnError(t *testing.T) {
	s := start(t)
	a := s.post(t, "/v1/track", `{"userId":"u","event":5}`)
	if a.status != 400 || a.Body.Error == nil || a.Body.Error.Code != "invalid_message" || a.Body.Error.Field != "event" ||
		a.Body.Error.Message != "must be a string, not the number 5" || a.Body.Error.Help == "" {
		t.Fatalf("%d %s", a.status, a.text)
	}
}

func TestOnlyPost(t *testing.T) {
	s := start(t)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		a := s.do(t, method, "/v1/events", nil)
		if a.status != 405 || !strings.Contains(a.header.Get("Allow"), "POST") {
			t.Errorf("%s: %d, Allow %q", method, a.status, a.header.Get("Allow"))
		}
		if method == http.MethodGet && (a.Body.Error == nil || a.Body.Error.Code != "method_not_allowed") {
			t.Errorf("%s: %s", method, a.text)
		}
	}
	if a := s.do(t, http.MethodPost, "/v1/nothing", nil); a.status != 404 || a.Body.Error.Code != "not_found" {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestPagesOfOtherOrigins(t *testing.T) {
	const page = "https://shop.example"
	closed, open, any := start(t), start(t, func(o *Options) { o.Origins = []string{"https://Shop.example/"} }), start(t, func(o *Options) { o.Origins = []string{"*"} })
	for name, test := range map[string]struct {
		s            *server
		origin, want string
	}{
		"none by default": {closed, page, ""}, "one of the list": {open, page, page}, "not of the list": {open, "https://other.example", ""},
		"a longer name": {open, page + ".evil.example", ""}, "any": {any, page, "*"}, "no page": {open, "", ""},
	} {
		headers := []string{"Access-Control-Request-Method", "POST"}
		if test.origin != "" {
			headers = append(headers, "Origin", test.origin)
		}
		a := test.s.do(t, http.MethodOptions, "/v1/batch", nil, headers...)
		if got := a.header.Get("Access-Control-Allow-Origin"); a.status != 204 || got != test.want || (got != "") != strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "X-Retry-Count") {
			t.Errorf("%s: asked first: %d %v", name, a.status, a.header)
		}
		// Errors need the headers too, or the page's script cannot read them.
		a = test.s.do(t, http.MethodPost, "/v1/batch", strings.NewReader("{}"), headers...)
		if got := a.header.Get("Access-Control-Allow-Origin"); a.status != 401 || got != test.want {
			t.Errorf("%s: sent: %d %v", name, a.status, a.header)
		}
		if a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: allows credentials", name)
		}
	}
}

// busy is a log that is full for now.
type busy struct{ wait time.Duration }

func (b busy) Error() string             { return "the spool is full" }
func (b busy) RetryAfter() time.Duration { return b.wait }

func TestWhenTheLogCannotKeepEvents(t *testing.T) {
	s := start(t)
	for name, test := range map[string]struct {
		err    error
		status int
		code   string
		after  string
	}{
		"full":           {fmt.Errorf("append: %w", busy{1500 * time.Millisecond}), 503, "unavailable", "2"},
		"full, any time": {busy{}, 503, "unavailable", "1"},
		"broken":         {errors.New("secret path: input/output error"), 500, "internal", ""},
	} {
		s.log.fails = test.err
		a := s.post(t, "/v1/track", `{"event":"X","userId":"u"}`)
		if a.status != test.status || a.Body.Error == nil || a.Body.Error.Code != test.code || a.header.Get("Retry-After") != test.after {
			t.Errorf("%s: %d %v %s", name, a.status, a.header, a.text)
		}
	}
	if a := s.post(t, "/v1/track", `{"event":"X","userId":"u"}`); strings.Contains(a.text, "secret") || !strings.Contains(s.logged.String(), "secret path") {
		t.Errorf("answered %s, logged %s", a.text, s.logged)
	}
	s.log.fails = nil
	if a := s.post(t, "/v1/track", `{"event":"X","userId":"u"}`); a.status != 200 || len(s.rows(t)) != 1 {
		t.Errorf("afterwards: %d %s", a.status, a.text)
	}
}
