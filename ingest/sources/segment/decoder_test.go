package segment

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/internal/blocktest"
)

var arrival = time.Date(2026, 3, 1, 9, 31, 0, 0, time.UTC)

// decode decodes a body as it comes from source "web" at the time of arrival.
func decode(t testing.TB, body string, shape Shape, change ...func(*Meta)) (rows []map[string]string, rejects []Reject, err error) {
	t.Helper()
	meta := Meta{Source: "web", ReceivedAt: arrival}
	for _, c := range change {
		c(&meta)
	}
	columns := event.New()
	before := strings.Clone(body)
	rejects, err = NewDecoder(Options{}).Decode([]byte(body), shape, meta, columns)
	if body != before {
		t.Fatal("the body was changed")
	}
	return blocktest.Rows(t, columns.EncodeBlock(nil)), rejects, err
}

// row decodes a body of one good message. Columns that are the same in every test are left out.
func row(t testing.TB, body string, change ...func(*Meta)) map[string]string {
	t.Helper()
	rows, rejects, err := decode(t, body, Auto, change...)
	if err != nil || len(rejects) > 0 || len(rows) != 1 {
		t.Fatalf("%d rows, rejects %+v, error %v", len(rows), rejects, err)
	}
	for column, usual := range map[string]string{"source": "web", "received_at": "2026-03-01T09:31:00.000Z"} {
		if rows[0][column] != usual {
			t.Errorf("%s is %q, want %q", column, rows[0][column], usual)
		}
		delete(rows[0], column)
	}
	return rows[0]
}

// decodeWith decodes a body of good messages with a decoder of the test's own.
func decodeWith(t testing.TB, d *Decoder, body string) []map[string]string {
	t.Helper()
	columns := event.New()
	if rejects, err := d.Decode([]byte(body), Auto, Meta{Source: "web", ReceivedAt: arrival}, columns); err != nil || len(rejects) > 0 {
		t.Fatalf("rejects %+v, error %v", rejects, err)
	}
	return blocktest.Rows(t, columns.EncodeBlock(nil))
}

type fields = map[string]string

// without copies a row without some columns.
func without(r fields, columns ...string) fields {
	short := fields{}
	for k, v := range r {
		short[k] = v
	}
	for _, c := range columns {
		delete(short, c)
	}
	return short
}

func TestWhatBecomesOfAMessage(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want fields
	}{
		"page with context": {
			`{"type":"page","messageId":"d0c6abf6-97f7-487a-a197-8f236c728fa8","anonymousId":"a1","name":"Pricing","timestamp":"2026-03-01T09:30:00.123Z",
			  "context":{"ip":"203.0.113.7","userAgent":"Mozilla/5.0","locale":"it-IT","groupId":"acme","library":{"name":"analytics.js","version":"1"},
			    "page":{"path":"/pricing","referrer":"https://search.example/","title":"Pricing","url":"https://shop.example/pricing?x=1"},
			    "campaign":{"source":"news","medium":"email","name":"spring","term":"shoes","content":"top","id":"c-7"},"timezone":"Europe/Rome"},
			  "properties":{"path":"/pricing","referrer":"https://search.example/","title":"Pricing","url":"https://shop.example/pricing?x=1","width":1280}}`,
			fields{
				"event_id": "d0c6abf6-97f7-487a-a197-8f236c728fa8", "type": "page", "kind": "page_view", "name": "Pricing", "ts": "2026-03-01T09:30:00.123Z",
				"channel": "web", "distinct_id": "a1", "anonymous_id": "a1", "account_id": "acme",
				"url": "https://shop.example/pricing?x=1", "path": "/pricing", "referrer": "https://search.example/",
				"utm_source": "news", "utm_medium": "email", "utm_campaign": "spring", "utm_term": "shoes", "utm_content": "top",
				"ip": "203.0.113.7", "user_agent": "Mozilla/5.0", "locale": "it-IT",
				"properties[title]": "Pricing", "properties[width]": "1280", "properties[context.page.title]": "Pricing",
				"properties[context.library.name]": "analytics.js", "properties[context.library.version]": "1",
				"properties[context.campaign.id]": "c-7", "properties[context.timezone]": "Europe/Rome",
			},
		},
		"order": {
			`{"type":"track","event":"Order Completed","messageId":"D0C6ABF6-97F7-487A-A197-8F236C728FA8","userId":"u1","anonymousId":"a1","timestamp":"2026-03-01T09:30:00Z",
			  "properties":{"order_id":"o-1","revenue":129.9,"total":140,"currency":"eur","coupon":null,"gift":true,
			    "products":[ {"sku": "a b", "price": 1.50} ],"shipping":{"method":"express","cost":{"amount":10.10}}}}`,
			fields{
				"event_id": "d0c6abf6-97f7-487a-a197-8f236c728fa8", "type": "track", "kind": "purchase", "name": "Order Completed", "ts": "2026-03-01T09:30:00.000Z",
				"channel": "other", "distinct_id": "u1", "user_id": "u1", "anonymous_id": "a1",
				"order_id": "o-1", "value": "129.9", "currency": "EUR", "properties[total]": "140", "properties[gift]": "true",
				"properties[products]": `[{"sku":"a b","price":1.50}]`, "properties[shipping.method]": "express", "properties[shipping.cost.amount]": "10.10",
			},
		},
		"identify": {
			`{"type":"identify","messageId":"d0c6abf6-97f7-487a-a197-8f236c728fa8","userId":"u1","anonymousId":"a1",
			  "traits":{"email":"ada@example.com","value":3,"address":{"city":"Rome"},"tags":["a"]},"context":{"traits":{"age":23}},"properties":{"x":1}}`,
			fields{
				"event_id": "d0c6abf6-97f7-487a-a197-8f236c728fa8", "type": "identify", "kind": "identify", "ts": "2026-03-01T09:31:00.000Z",
				"channel": "other", "distinct_id": "u1", "user_id": "u1", "anonymous_id": "a1",
				"properties[email]": "ada@example.com", "properties[value]": "3", "properties[address.city]": "Rome", "properties[tags]": `["a"]`,
				"properties[context.traits.age]": "23", "properties[message.properties.x]": "1",
			},
		},
		"group": {
			`{"type":"group","messageId":"d0c6abf6-97f7-487a-a197-8f236c728fa8","userId":"u1","groupId":"acme","traits":{"name":"Acme","employees":42}}`,
			fields{
				"event_id": "d0c6abf6-97f7-487a-a197-8f236c728fa8", "type": "group", "kind": "group", "ts": "2026-03-01T09:31:00.000Z",
				"channel": "other", "distinct_id": "u1", "user_id": "u1", "account_id": "acme", "properties[name]": "Acme", "properties[employees]": "42",
			},
		},
		"alias": {
			`{"type":"alias","messageId":"d0c6abf6-97f7-487a-a197-8f236c728fa8","userId":"u1","previousId":"a1"}`,
			fields{
				"event_id": "d0c6abf6-97f7-487a-a197-8f236c728fa8", "type": "alias", "kind": "alias", "ts": "2026-03-01T09:31:00.000Z",
				"channel": "other", "distinct_id": "u1", "user_id": "u1", "previous_id": "a1",
			},
		},
		"unknown fields": {
			`{"type":"track","event":"X","messageId":"d0c6abf6-97f7-487a-a197-8f236c728fa8","userId":12345678901234567890,"writeKey":"secret-key","version":"2",
			  "integrations":{"All":true,"Mixpanel":{"x":false}},"traits":{"plan":"team"},"name":"n","category":"c","previousId":"p",
			  "_metadata":{"bundled":["Segment.io"]},"":"empty name","context":{"device":{"id":"d"},"empty":{}},"properties":{"context.device.id":"e","":{"":"f"}}}`,
			fields{
				"event_id": "d0c6abf6-97f7-487a-a197-8f236c728fa8", "type": "track", "kind": "custom", "name": "X", "ts": "2026-03-01T09:31:00.000Z",
				"channel": "other", "distinct_id": "12345678901234567890", "user_id": "12345678901234567890",
				"properties[message.version]": "2", "properties[message.integrations.All]": "true", "properties[message.integrations.Mixpanel.x]": "false",
				"properties[message.traits.plan]": "team", "properties[message.name]": "n", "properties[category]": "c", "properties[message.previousId]": "p",
				"properties[message._metadata.bundled]": `["Segment.io"]`, "properties[message.]": "empty name",
				"properties[context.device.id]": "e", "properties[.]": "f",
			},
		},
		"a name that comes twice": {
			`{"type":"track","type":"page","userId":"u1","userId":"u2","messageId":"d0c6abf6-97f7-487a-a197-8f236c728fa8","event":null,
			  "properties":{"a":1,"a":2,"b":{"c":3},"b.c":4,"url":"https://one.example/","url":"https://two.example/x","path":"/p","path":null}}`,
			fields{
				"event_id": "d0c6abf6-97f7-487a-a197-8f236c728fa8", "type": "page", "kind": "page_view", "ts": "2026-03-01T09:31:00.000Z", "channel": "web",
				"distinct_id": "u2", "user_id": "u2", "url": "https://two.example/x", "path": "/p", "properties[a]": "2", "properties[b.c]": "4",
			},
		},
		"escapes": {
			`{"type":"track","\u0065vent":"Caff\u00e8 \ud83d\ude00 \"q\" \\ \/ \b\f\n\r\t","messageId":"d0c6abf6-97f7-487a-a197-8f236c728fa8","userId":"u1",
			  "properties":{"half":"a\ud83d b","nul":"x\u0000y","k\u00e9y":"caff\u00e8","both":"\ud83d\ud83d\ude00"}}`,
			fields{
				"event_id": "d0c6abf6-97f7-487a-a197-8f236c728fa8", "type": "track", "kind": "custom", "name": "Caffè 😀 \"q\" \\ / \b\f\n\r\t", "ts": "2026-03-01T09:31:00.000Z",
				"channel": "other", "distinct_id": "u1", "user_id": "u1",
				"properties[half]": "a\uFFFD b", "properties[nul]": "x\x00y", "properties[kéy]": "caffè", "properties[both]": "\uFFFD😀",
			},
		},
		"survey": {
			`{"type":"track","event":"Survey Response Submitted","messageId":"d0c6abf6-97f7-487a-a197-8f236c728fa8","userId":"u1",
			  "properties":{"nps":"9","comment":"Molto bene","sentiment":0.75,"survey_id":"s1"}}`,
			fields{
				"event_id": "d0c6abf6-97f7-487a-a197-8f236c728fa8", "type": "track", "kind": "survey_response", "name": "Survey Response Submitted",
				"ts": "2026-03-01T09:31:00.000Z", "channel": "survey", "distinct_id": "u1", "user_id": "u1",
				"score": "9", "text": "Molto bene", "sentiment": "0.75", "properties[survey_id]": "s1",
			},
		},
		"search": {
			`{"type":"track","event":"Products Searched","messageId":"d0c6abf6-97f7-487a-a197-8f236c728fa8","userId":"u1","properties":{"query":"red shoes","message":"m"},
			  "context":{"page":{"url":"https://shop.example?utm_source=a%20b+c&utm_campaign=%zz&x=1&utm_medium=m#utm_term=no"},"sessionId":1712345678901,"location":{"country":"IT","city":"Rome"}}}`,
			fields{
				"event_id": "d0c6abf6-97f7-487a-a197-8f236c728fa8", "type": "track", "kind": "search", "name": "Products Searched",
				"ts": "2026-03-01T09:31:00.000Z", "channel": "web", "distinct_id": "u1", "user_id": "u1", "text": "red shoes", "properties[message]": "m",
				"url": "https://shop.example?utm_source=a%20b+c&utm_campaign=%zz&x=1&utm_medium=m#utm_term=no", "path": "/",
				"utm_source": "a b c", "utm_campaign": "%zz", "utm_medium": "m", "session_id": "1712345678901", "country": "IT", "properties[context.location.city]": "Rome",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, row(t, test.body)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Every way a record can be wrong: the field, the code, and a reason that says what to do.
func TestWhatIsRejected(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	many := `"k0":0`
	for i := range 10_000 {
		many += `,"k` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strconv.Itoa(i) + `":` + strconv.Itoa(i)
	}
	for name, test := range map[string]struct{ message, field, code, reason string }{
		"not an object":         {`5`, "", CodeType, "must be an object, not the number 5"},
		"no type":               {`{"userId":"u"}`, "type", CodeMissing, "send track"},
		"unknown type":          {`{"type":"click","userId":"u"}`, "type", CodeValue, `"click" is not one of`},
		"type is a number":      {`{"type":1,"userId":"u"}`, "type", CodeType, "must be a string, not the number 1"},
		"no id":                 {`{"type":"page","userId":"","anonymousId":null}`, "userId", CodeMissing, "userId or anonymousId"},
		"id is an object":       {`{"type":"page","userId":{"id":1}}`, "userId", CodeType, "must be a string or an integer, not an object"},
		"id is a fraction":      {`{"type":"page","anonymousId":1.5}`, "anonymousId", CodeType, "not the number 1.5"},
		"id is a boolean":       {`{"type":"page","userId":true}`, "userId", CodeType, "not true"},
		"id with a NUL":         {`{"type":"page","userId":"a\u0000b"}`, "userId", CodeValue, "NUL"},
		"id too long":           {`{"type":"page","userId":"` + strings.Repeat("u", 513) + `"}`, "userId", CodeTooLong, "is 513 bytes long, the limit is 512"},
		"messageId too long":    {`{"type":"page","userId":"u","messageId":"` + strings.Repeat("m", 513) + `"}`, "messageId", CodeTooLong, "513"},
		"track without event":   {`{"type":"track","userId":"u"}`, "event", CodeMissing, "name of the event"},
		"track with no name":    {`{"type":"track","userId":"u","event":""}`, "event", CodeMissing, "empty"},
		"event is a number":     {`{"type":"track","userId":"u","event":5}`, "event", CodeType, "must be a string, not the number 5"},
		"event too long":        {`{"type":"track","userId":"u","event":"` + strings.Repeat("e", 513) + `"}`, "event", CodeTooLong, "513"},
		"group without groupId": {`{"type":"group","userId":"u"}`, "groupId", CodeMissing, "group needs it"},
		"alias without old id":  {`{"type":"alias","userId":"u"}`, "previousId", CodeMissing, "alias needs"},
		"alias without new id":  {`{"type":"alias","previousId":"u"}`, "userId", CodeMissing, "alias needs"},
		"properties an array":   {`{"type":"page","userId":"u","properties":[]}`, "properties", CodeType, "must be an object, not an array"},
		"traits a string":       {`{"type":"identify","userId":"u","traits":"x"}`, "traits", CodeType, `not the string "x"`},
		"context a number":      {`{"type":"page","userId":"u","context":1}`, "context", CodeType, "must be an object"},
		"context.page a string": {`{"type":"page","userId":"u","context":{"page":"/"}}`, "context.page", CodeType, "must be an object"},
		"url an object":         {`{"type":"page","userId":"u","context":{"page":{"url":{}}}}`, "context.page.url", CodeType, "must be a string"},
		"ip an array":           {`{"type":"page","userId":"u","context":{"ip":["1.2.3.4"]}}`, "context.ip", CodeType, "must be a string, not an array"},
		"campaign name a bool":  {`{"type":"page","userId":"u","context":{"campaign":{"name":true}}}`, "context.campaign.name", CodeType, "not true"},
		"url too long":          {`{"type":"page","userId":"u","properties":{"url":"` + strings.Repeat("u", 8193) + `"}}`, "properties.url", CodeTooLong, "the limit is 8192"},
		"no time":               {`{"type":"page","userId":"u","timestamp":"yesterday"}`, "timestamp", CodeTime, `"yesterday"`},
		"time is a boolean":     {`{"type":"page","userId":"u","timestamp":true}`, "timestamp", CodeType, "RFC 3339"},
		"time in seconds":       {`{"type":"page","userId":"u","timestamp":1772357400}`, "timestamp", CodeTime, "seconds?"},
		"time before 1970":      {`{"type":"page","userId":"u","timestamp":"1969-12-31T23:59:59Z"}`, "timestamp", CodeTime, "before 1970"},
		"time in the future":    {`{"type":"page","userId":"u","timestamp":"2026-03-02T09:31:00.001Z"}`, "timestamp", CodeTime, "more than 24h0m0s after the time of arrival"},
		"no day of a month":     {`{"type":"page","userId":"u","originalTimestamp":"2026-02-29T00:00:00Z"}`, "originalTimestamp", CodeTime, "cannot be read"},
		"sentAt":                {`{"type":"page","userId":"u","timestamp":"2026-03-01","sentAt":"?"}`, "sentAt", CodeTime, "cannot be read"},
		"amount of an order":    {`{"type":"track","event":"Order Completed","userId":"u","properties":{"value":"abc"}}`, "properties.value", CodeType, `not the string "abc"`},
		"amount an object":      {`{"type":"track","event":"purchase","userId":"u","properties":{"revenue":{"x":1}}}`, "properties.revenue", CodeType, "not an object"},
		"amount out of range":   {`{"type":"track","event":"purchase","userId":"u","properties":{"revenue":1e14}}`, "properties.revenue", CodeValue, "14 digits"},
		"currency":              {`{"type":"track","event":"purchase","userId":"u","properties":{"revenue":1,"currency":"EURO"}}`, "properties.currency", CodeValue, "ISO 4217"},
		"score":                 {`{"type":"track","event":"review","userId":"u","properties":{"rating":"good"}}`, "properties.rating", CodeType, "a number"},
		"channel":               {`{"type":"track","event":"x","userId":"u","properties":{"channel":5}}`, "properties.channel", CodeType, "a string"},
		"value too long":        {`{"type":"track","event":"x","userId":"u","properties":{"a":{"b":"` + strings.Repeat("v", 65_537) + `"}}}`, "properties.a.b", CodeTooLong, "is 65537 bytes long, the limit is 65536"},
		"text too long":         {`{"type":"track","event":"x","userId":"u","properties":{"comment":"` + strings.Repeat("v", 65_537) + `"}}`, "properties.comment", CodeTooLong, "65536"},
		"a megabyte":            {`{"type":"track","event":"x","userId":"u","properties":{"a":1,"b":{"c":"` + strings.Repeat("v", 1<<20) + `"}}}`, "properties.b.c", CodeTooLong, "the limit of a value is 65536, of a record 262144"},
		"a large record":        {`{"type":"track","event":"x","userId":"u","properties":{"a":"` + strings.Repeat(`","b":"`+strings.Repeat("v", 60_000), 5) + `"}}`, "", CodeTooLong, "the limit is 262144"},
		"key too long":          {`{"type":"track","event":"x","userId":"u","properties":{"` + strings.Repeat("k", 513) + `":1}}`, "properties." + strings.Repeat("k", 60) + "...", CodeTooLong, "its name is 513 bytes long"},
		"too many keys":         {`{"type":"track","event":"x","userId":"u","properties":{` + many + `}}`, "properties", CodeTooMany, "more than 1000 fields"},
		"too many traits":       {`{"type":"identify","userId":"u","traits":{` + many + `}}`, "traits", CodeTooMany, "more than 1000 fields"},
		"nested too deeply":     {`{"type":"track","event":"x","userId":"u","properties":` + deep + `}`, "properties", CodeTooMany, "nested 41 deep, the limit is 32"},
		"arrays nested":         {`{"type":"track","event":"x","userId":"u","properties":{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`, "properties", CodeTooMany, "nested 42 deep"},
		"not UTF-8":             {`{"type":"track","event":"x","userId":"u","properties":{"a":{"b":"caff` + "\xe8" + `"}}}`, "properties.a.b", CodeUTF8, "not UTF-8"},
		"key not UTF-8":         {`{"type":"track","event":"x","userId":"u","properties":{"caff` + "\xe8" + `":1}}`, "properties.caff\uFFFD", CodeUTF8, "not UTF-8"},
		"id not UTF-8":          {`{"type":"track","event":"x","userId":"` + "\xff" + `"}`, "userId", CodeUTF8, "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			good := `{"type":"page","userId":"u","messageId":"m"}`
			rows, rejects, err := decode(t, `{"batch":[`+good+","+test.message+","+good+`]}`, Batch)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != 2 || len(rejects) != 1 {
				t.Fatalf("%d rows and rejects %+v, want the two good records kept and one reject", len(rows), rejects)
			}
			r := rejects[0]
			if r.Index != 1 || r.Field != test.field || r.Code != test.code || !strings.Contains(r.Reason, test.reason) {
				t.Errorf("rejected as %+v,\nwant index 1, field %q, code %s, a reason with %q", r, test.field, test.code, test.reason)
			}
			if len(r.Reason) > 400 || len(r.Field) > 200 {
				t.Errorf("the reject repeats what it refuses: %d bytes", len(r.Reason)+len(r.Field))
			}
		})
	}
}

func TestRejectsNameTheirMessage(t *testing.T) {
	_, rejects, err := decode(t, `[{"type":"page","messageId":"m-7"}]`, Auto)
	if err != nil || len(rejects) != 1 || rejects[0].MessageID != "m-7" {
		t.Fatalf("rejects %+v, error %v", rejects, err)
	}
}

func TestShapesOfABody(t *testing.T) {
	const a, b = `{"type":"page","userId":"a"}`, `{"type":"page","userId":"b"}`
	for name, test := range map[string]struct {
		body    string
		shape   Shape
		rows    int
		rejects int
	}{
		"one message":            {a, Auto, 1, 0},
		"pretty-printed":         {"{\n \"type\": \"page\",\n \"userId\": \"a\"\n}\n", Auto, 1, 0},
		"array":                  {"[" + a + "," + b + "]", Auto, 2, 0},
		"empty array":            {"[]", Auto, 0, 0},
		"batch":                  {`{"batch":[` + a + "," + b + `],"writeKey":"k"}`, Auto, 2, 0},
		"batch, empty":           {`{"batch":[]}`, Batch, 0, 0},
		"batch as array":         {"[" + a + "," + b + "]", Batch, 2, 0},
		"batch of null":          {`{"batch":null}`, Auto, 0, 1},
		"batch of an object":     {`{"batch":` + a + `}`, Batch, 0, 1},
		"no batch":               {a, Batch, 0, 1},
		"a number":               {"5", Auto, 0, 1},
		"lines, found out":       {a + "\n" + b + "\n", Auto, 2, 0},
		"lines, CRLF and blanks": {"\r\n" + a + "\r\n\r\n" + b, NDJSON, 2, 0},
		"one line":               {a, NDJSON, 1, 0},
		"lines with a bad one":   {a + "\n{\"type\":\n" + b, NDJSON, 2, 1},
		"lines with two in one":  {a + b + "\n" + b, NDJSON, 1, 1},
		"lines with an array":    {"[" + a + "]\n" + b, NDJSON, 1, 1},
		"no lines":               {"\n \n", NDJSON, 0, 0},
		"single":                 {a, Single, 1, 0},
		"single array":           {"[" + a + "]", Single, 0, 1},
		"single with a batch":    {`{"type":"page","userId":"a","batch":[1]}`, Single, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			rows, rejects, err := decode(t, test.body, test.shape)
			if err != nil || len(rows) != test.rows || len(rejects) != test.rejects {
				t.Fatalf("%d rows, rejects %+v, error %v; want %d rows, %d rejects", len(rows), rejects, err, test.rows, test.rejects)
			}
		})
	}
}

func TestBadLinesAreNamed(t *testing.T) {
	_, rejects, err := decode(t, "{\"type\":\"page\",\"userId\":\"a\"}\n\n{\"type\":\"page\",}\n{}\n", NDJSON)
	want := []Reject{
		{Index: 1, Code: CodeSyntax, Reason: "malformed JSON: expected a member name in double quotes", Line: 3, Offset: 45, From: 30, To: 46},
		{Index: 2, Code: CodeMissing, Field: "type", Reason: "is missing; send track, identify, page, screen, group or alias", Line: 4, From: 47, To: 49},
	}
	if err != nil || cmp.Diff(want, rejects) != "" {
		t.Fatalf("error %v, rejects (-want +got)\n%s", err, cmp.Diff(want, rejects))
	}
}

func TestMalformedBodies(t *testing.T) {
	good := `{"type":"page","userId":"u"}`
	for name, test := range map[string]struct {
		body   string
		offset int
	}{
		"empty":              {"", 0},
		"blank":              {"  \n", 3},
		"cut off":            {good[:20], 20},
		"text after it":      {good + " x", len(good) + 1},
		"two on a line":      {good + good, len(good)},
		"single quotes":      {`{'a':1}`, 1},
		"comma at the end":   {`[` + good + `,]`, len(good) + 2},
		"batch cut off":      {`{"batch":[` + good + `,`, 11 + len(good)},
		"unknown escape":     {`{"a":"\x"}`, 7},
		"control character":  {"{\"a\":\"\x00\"}", 6},
		"leading zero":       {`{"a":01}`, 6},
		"NaN":                {`{"a":NaN}`, 5},
		"short unicode":      {`{"a":"\u12"}`, 10},
		"batch comes twice":  {`{"batch":[],"batch":[]}`, 13},
		"nested without end": {strings.Repeat("[", 100_000), 513},
	} {
		t.Run(name, func(t *testing.T) {
			rows, rejects, err := decode(t, test.body, Auto)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset != test.offset || len(rows) > 0 || len(rejects) > 0 {
				t.Fatalf("rows %v, rejects %v, error %v; want a SyntaxError at %d", rows, rejects, err, test.offset)
			}
		})
	}
}

func TestTooManyRecords(t *testing.T) {
	d := NewDecoder(Options{Limits: Limits{Records: 3}})
	for name, test := range map[string]struct {
		body  string
		shape Shape
	}{
		"array": {"[1,2,3,4]", Auto}, "batch": {`{"batch":[1,2,3,4]}`, Batch}, "lines": {"1\n2\n\n3\n4", NDJSON},
	} {
		columns := event.New()
		var many *TooManyRecordsError
		if _, err := d.Decode([]byte(test.body), test.shape, Meta{ReceivedAt: arrival}, columns); !errors.As(err, &many) || many.Limit != 3 || columns.Rows() != 0 {
			t.Errorf("%s: error %v with %d rows", name, err, columns.Rows())
		}
		if _, err := d.Decode([]byte(strings.ReplaceAll(strings.ReplaceAll(test.body, ",4", ""), "\n4", "")), test.shape, Meta{ReceivedAt: arrival}, columns); err != nil {
			t.Errorf("%s of three: %v", name, err)
		}
	}
}

func TestTheRouteNamesTheType(t *testing.T) {
	toTrack := func(m *Meta) { m.Type = "track" }
	if got := row(t, `{"event":"X","userId":"u"}`, toTrack); got["type"] != "track" {
		t.Errorf("type is %q", got["type"])
	}
	_, rejects, err := decode(t, `{"type":"page","userId":"u"}`, Single, toTrack)
	if err != nil || len(rejects) != 1 || rejects[0].Field != "type" {
		t.Errorf("a page sent to /v1/track: %+v, %v", rejects, err)
	}
}

// A batch's own context holds for messages that do not say otherwise.
func TestContextOfTheBatch(t *testing.T) {
	rows, _, err := decode(t, `{"batch":[
		{"type":"page","userId":"a","context":{"locale":"de-DE","library":{"version":"2"}}},
		{"type":"page","userId":"b"}],
		"context":{"locale":"it-IT","ip":"203.0.113.7","library":{"name":"analytics-go","version":"1"}}}`, Batch)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, want := range []fields{
		{"locale": "de-DE", "ip": "203.0.113.7", "properties[context.library.name]": "analytics-go", "properties[context.library.version]": "2"},
		{"locale": "it-IT", "ip": "203.0.113.7", "properties[context.library.name]": "analytics-go", "properties[context.library.version]": "1"},
	} {
		for column, value := range want {
			if rows[i][column] != value {
				t.Errorf("message %d: %s is %q, want %q", i, column, rows[i][column], value)
			}
		}
	}
}

func TestTheConnectionSpeaksForThePersonOnlyFromTheirDevice(t *testing.T) {
	for name, test := range map[string]struct {
		body, agent string
		want        string
	}{
		"a browser":             {`{"type":"page","userId":"u"}`, "Mozilla/5.0 (X11)", "198.51.100.1 Mozilla/5.0 (X11)"},
		"a browser's library":   {`{"type":"page","userId":"u","context":{"library":{"name":"analytics.js"},"userAgent":"own"}}`, "proxy/1", "198.51.100.1 own"},
		"a server":              {`{"type":"page","userId":"u","context":{"library":{"name":"analytics-node"}}}`, "analytics-node/1", " "},
		"a stated address":      {`{"type":"page","userId":"u","context":{"ip":"0.0.0.0"}}`, "Mozilla/5.0", "0.0.0.0 Mozilla/5.0"},
		"a mobile app":          {`{"type":"screen","userId":"u","channel":"mobile"}`, "Dalvik/2", "198.51.100.1 Dalvik/2"},
		"a server that says so": {`{"type":"page","userId":"u","channel":"server"}`, "curl/8", " "},
	} {
		got := row(t, test.body, func(m *Meta) { m.IP, m.UserAgent = "198.51.100.1", test.agent })
		if is := got["ip"] + " " + got["user_agent"]; is != test.want {
			t.Errorf("%s: ip and user agent are %q, want %q", name, is, test.want)
		}
	}
}

// Nothing of one body is seen in the next one that the same decoder reads.
func TestNothingIsLeftForTheNextBody(t *testing.T) {
	d := NewDecoder(Options{})
	meta := Meta{Source: "web", ReceivedAt: arrival}
	full := event.New()
	if _, err := d.Decode([]byte(`{"batch":[{"type":"track","event":"Order Completed","userId":"u","anonymousId":"a","properties":{"revenue":5,"currency":"EUR","x":1,"score":3}}],
		"context":{"ip":"1.2.3.4","campaign":{"source":"s"},"library":{"name":"analytics.js"}},"sentAt":"2026-03-01T08:00:00Z"}`), Auto, meta, full); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decode([]byte(`{"batch":[`), Auto, meta, full); err == nil {
		t.Fatal("no error")
	}
	c := event.New()
	if _, err := d.Decode([]byte(`{"type":"track","event":"X","anonymousId":"b","timestamp":"2026-03-01T09:00:00Z"}`), Auto, meta, c); err != nil {
		t.Fatal(err)
	}
	got := blocktest.Rows(t, c.EncodeBlock(nil))[0]
	want := fields{"type": "track", "kind": "custom", "name": "X", "ts": "2026-03-01T09:00:00.000Z", "received_at": "2026-03-01T09:31:00.000Z",
		"source": "web", "channel": "other", "distinct_id": "b", "anonymous_id": "b"}
	if diff := cmp.Diff(want, without(got, "event_id")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
