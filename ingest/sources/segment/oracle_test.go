package segment

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/internal/blocktest"
)

// Values that random messages are made of: usual ones, and those that rules are about.
var (
	someText = rapid.OneOf(
		rapid.SampledFrom([]string{"", "a", "u1", "web", "Web", "EUR", "eur", "12.5", " 7 ", "1e3", "abc", "purchase", "review", "Order Completed", "0.00005",
			"https://shop.example/p?utm_source=s&utm_term=t%20u", "/p", "ünï 😀", "x\x00y", "tab\t\"quote\"\\/", "positive"}),
		rapid.StringMatching(`[a-zA-Z0-9 ._-]{0,12}`),
	)
	someNumber = rapid.Custom(func(t *rapid.T) any {
		return json.Number(rapid.OneOf(
			rapid.SampledFrom([]string{"0", "-1", "5", "0.5", "129.9", "12.34567", "1e2", "-0.25", "123456789012345678901", "1e400"}),
			rapid.StringMatching(`-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,5})?`),
		).Draw(t, "number"))
	})
	someScalar = rapid.OneOf(
		rapid.Map(someText, func(s string) any { return s }), rapid.Map(someText, func(s string) any { return s }), someNumber,
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
	)
	someList   = rapid.Map(rapid.SliceOfN(someScalar, 0, 3), func(l []any) any { return l })
	someObject = rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "ü", "first name"}), rapid.OneOf(someScalar, someList), 0, 3), func(m map[string]any) any { return m })
	someValue  = rapid.OneOf(someScalar, someScalar, someScalar, someList, someObject)
)

// members draws an object of some of these members, each of a usual value or any.
func members(t *rapid.T, label string, usual *rapid.Generator[any], names ...string) map[string]any {
	object := map[string]any{}
	for _, name := range names {
		switch rapid.IntRange(0, 9).Draw(t, label+name) {
		case 0, 1, 2:
			object[name] = usual.Draw(t, name)
		case 3:
			if rapid.IntRange(0, 3).Draw(t, "odd") == 0 {
				object[name] = someValue.Draw(t, name)
			}
		}
	}
	return object
}

var text = rapid.Map(someText, func(s string) any { return s })

func someContext(t *rapid.T) map[string]any {
	context := members(t, "context ", text, "ip", "userAgent", "locale", "channel", "sessionId", "session_id", "groupId", "country", "timezone")
	for _, section := range [][]string{
		{"page", "url", "path", "referrer", "title"}, {"campaign", "source", "medium", "name", "term", "content", "id"}, {"location", "country", "city"},
	} {
		if rapid.Bool().Draw(t, section[0]) {
			context[section[0]] = members(t, section[0], text, section[1:]...)
		}
	}
	if rapid.Bool().Draw(t, "library") {
		context["library"] = map[string]any{"name": rapid.SampledFrom([]any{"analytics.js", "analytics-ios", "analytics-node", json.Number("1")}).Draw(t, "library name")}
	}
	return context
}

func someMessage(t *rapid.T) map[string]any {
	m := members(t, "", text, "userId", "anonymousId", "groupId", "previousId", "name", "category", "version", "channel", "writeKey")
	m["type"] = rapid.SampledFrom([]any{"track", "track", "track", "page", "screen", "identify", "group", "alias"}).Draw(t, "type")
	if rapid.IntRange(0, 9).Draw(t, "known") > 0 {
		m["userId"] = "u"
	}
	if m["type"] == "track" || rapid.IntRange(0, 9).Draw(t, "event too") == 0 {
		m["event"] = rapid.SampledFrom([]any{"Order Completed", "purchase", "Order Refunded", "Product Added", "review", "survey_response", "Products Searched", "Email Opened", "social_share", "opportunity_won", "ad_click", "X", "Clicked"}).Draw(t, "event")
	}
	if m["type"] == "group" {
		m["groupId"] = "g"
	}
	if m["type"] == "alias" {
		m["previousId"] = "p"
	}
	m["messageId"] = rapid.SampledFrom([]any{nil, "", "m-1", "0192F0C1-7a3b-7c4d-8e5f-000000000001", json.Number("77")}).Draw(t, "messageId")
	if rapid.Bool().Draw(t, "timed") {
		m["timestamp"] = rapid.SampledFrom([]any{"2026-03-01T09:30:00.123Z", "2016-03-01T09:30:00+01:00", "2026-03-03T09:30:00Z", "1969-01-01T00:00:00Z", true}).Draw(t, "timestamp")
		m["sentAt"] = rapid.SampledFrom([]any{nil, "2026-03-01T09:30:59.900Z", "2026-03-01T08:31:00Z", "?"}).Draw(t, "sentAt")
	}
	if rapid.Bool().Draw(t, "with context") {
		m["context"] = someContext(t)
	}
	for _, name := range []string{"properties", "traits"} {
		if rapid.IntRange(0, 3).Draw(t, "with "+name) > 0 {
			m[name] = members(t, name, rapid.OneOf(text, someNumber, someNumber),
				"url", "path", "referrer", "utm_source", "utm_campaign", "content_id", "product_id", "productId", "order_id", "orderId", "revenue", "value", "total", "amount",
				"price", "currency", "score", "rating", "nps", "text", "comment", "message", "query", "sentiment", "session_id", "account_id", "kind", "channel", "name",
				"plan", "label", "nested", "list", "title")
		}
	}
	return m
}

// write writes a value as JSON: members forwards or backwards, white space and escapes here and there, as odd says.
func write(b *strings.Builder, v any, odd func() bool) {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		if odd() {
			slices.Reverse(keys)
		}
		b.WriteByte('{')
		for i, key := range keys {
			if i > 0 {
				b.WriteByte(',')
			}
			if odd() {
				b.WriteString(" \n")
			}
			write(b, key, odd)
			b.WriteByte(':')
			if odd() {
				b.WriteByte('\t')
			}
			write(b, v[key], odd)
		}
		b.WriteByte('}')
	case string:
		if odd() {
			b.WriteByte('"')
			for _, r := range v {
				if r > 0xffff {
					fmt.Fprintf(b, `\u%04x\u%04X`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
				} else {
					fmt.Fprintf(b, `\u%04x`, r)
				}
			}
			b.WriteByte('"')
			return
		}
		b.WriteString(encoded(v))
	case []any:
		text := encoded(v)
		if odd() && len(v) > 0 {
			text = "[ " + text[1:]
		}
		b.WriteString(text)
	default:
		b.WriteString(encoded(v))
	}
}

func TestDecoderAgreesWithTheNaiveOne(t *testing.T) {
	mapping, err := NewMapping(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := NewDecoder(Options{Mapping: mapping})
	columns := event.New()
	kept, rejected := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		messages := rapid.SliceOfN(rapid.Custom(someMessage), 1, 4).Draw(t, "messages")
		var context map[string]any
		body := new(strings.Builder)
		at, every := 0, rapid.IntRange(2, 9).Draw(t, "odd every")
		odd := func() bool { at++; return at%every == 0 }
		body.WriteString(`{"batch":[`)
		for i, m := range messages {
			if i > 0 {
				body.WriteByte(',')
			}
			write(body, m, odd)
		}
		body.WriteString(`]`)
		if rapid.IntRange(0, 3).Draw(t, "batch's own context") == 0 {
			context = map[string]any{"ip": "198.51.100.9", "app": map[string]any{"name": "shop"}, "campaign": map[string]any{"source": "batch"}}
			body.WriteString(`,"context":`)
			write(body, context, odd)
		}
		body.WriteString(`}`)

		columns.Reset()
		rejects, err := d.Decode([]byte(body.String()), Auto, Meta{Source: "web", ReceivedAt: arrival}, columns)
		if err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		rows := blocktest.Rows(t, columns.EncodeBlock(nil))
		for i, m := range messages {
			want, ok := naive(m, context, mapping)
			if isRejected := len(rejects) > 0 && rejects[0].Index == i; isRejected == ok {
				t.Fatalf("rejected is %v (%+v), want %v: %s", isRejected, rejects, !ok, encoded(m))
			}
			if !ok {
				rejected++
				rejects = rejects[1:]
				continue
			}
			kept++
			if diff := cmp.Diff(want, rows[0]); diff != "" {
				t.Fatalf("%s\n(-naive +decoder)\n%s", encoded(m), diff)
			}
			rows = rows[1:]
		}
		if len(rows)+len(rejects) > 0 {
			t.Fatalf("%d rows and %d rejects too many", len(rows), len(rejects))
		}
	})
	if kept < 20 || rejected < 5 {
		t.Errorf("%d messages kept and %d rejected: too few of one kind to compare", kept, rejected)
	}
}
