package segment

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
)

// naive reads a message the plain way: encoding/json, maps, the rules of docs/messages.md one after the other. It is what the
// decoder is compared with. ok is false when the message is to be rejected.
func naive(message map[string]any, batchContext map[string]any, m *Mapping) (r fields, ok bool) {
	n := naiveReader{row: fields{"source": "web", "received_at": "2026-03-01T09:31:00.000Z"}, properties: map[string]string{}, mapping: m}
	defer func() {
		if recover() == errNaive {
			r, ok = nil, false
		}
	}()
	n.read(message, batchContext)
	for key, value := range n.properties {
		n.row["properties["+key+"]"] = value
	}
	for column, value := range n.row {
		if value == "" && !strings.HasPrefix(column, "properties[") {
			delete(n.row, column)
		}
	}
	return n.row, true
}

var errNaive = fmt.Errorf("rejected")

type naiveReader struct {
	row        fields
	properties map[string]string
	mapping    *Mapping
	own, ctx   map[string]any // properties and context as far as nothing took them: dotted names
}

func (n *naiveReader) must(fine bool) {
	if !fine {
		panic(errNaive)
	}
}

func (n *naiveReader) id(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		n.must(!strings.Contains(v, "\x00"))
		return v
	case json.Number:
		n.must(!strings.ContainsAny(string(v), ".eE"))
		return string(v)
	}
	panic(errNaive)
}

func (n *naiveReader) object(v any) map[string]any {
	if v == nil {
		return map[string]any{}
	}
	object, fine := v.(map[string]any)
	n.must(fine)
	return object
}

// keep adds a value to the properties.
func (n *naiveReader) keep(key string, v any) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for name, member := range v {
			n.keep(key+"."+name, member)
		}
	case string:
		n.properties[key] = v
	case json.Number:
		n.properties[key] = string(v)
	default:
		n.properties[key] = encoded(v)
	}
}

func (n *naiveReader) read(message, batchContext map[string]any) {
	typ, _ := message["type"].(string)
	n.must(slices.Contains([]string{"track", "identify", "page", "screen", "group", "alias"}, typ))
	row := n.row
	row["type"] = typ

	user, anonymous, group := n.id(message["userId"]), n.id(message["anonymousId"]), n.id(message["groupId"])
	row["user_id"], row["anonymous_id"], row["account_id"] = user, anonymous, group
	if row["distinct_id"] = user; user == "" {
		row["distinct_id"] = anonymous
	}
	if typ == "alias" {
		row["previous_id"] = n.id(message["previousId"])
		n.must(row["previous_id"] != "" && user != "")
	} else {
		n.must(user != "" || anonymous != "")
		n.keep("message.previousId", message["previousId"])
		n.must(typ != "group" || group != "")
	}

	at := arrival
	if v := message["timestamp"]; v != nil {
		text, fine := v.(string)
		n.must(fine)
		parsed, err := time.Parse(time.RFC3339, text)
		n.must(err == nil)
		at = parsed
		if sent := message["sentAt"]; sent != nil {
			text, fine := sent.(string)
			n.must(fine)
			left, err := time.Parse(time.RFC3339, text)
			n.must(err == nil)
			if skew := arrival.Sub(left).Round(time.Second); skew != 0 {
				at = at.Add(skew)
				n.keep("message.timestamp", v)
			}
		}
	}
	n.must(at.UnixMilli() >= 0 && !at.After(arrival.Add(24*time.Hour)))
	row["ts"] = at.UTC().Format("2006-01-02T15:04:05.000Z")

	n.own, n.ctx = map[string]any{}, map[string]any{}
	for _, context := range []map[string]any{batchContext, n.object(message["context"])} {
		for _, section := range []string{"page", "campaign", "location"} {
			n.object(context[section])
		}
		flatten(n.ctx, "context", context)
	}
	traits := typ == "identify" || typ == "group"
	n.object(message["properties"])
	n.object(message["traits"])
	if traits {
		for key, v := range n.object(message["traits"]) {
			n.keep(key, v)
		}
		n.keep("message.properties", message["properties"])
	} else {
		for key, v := range n.object(message["properties"]) {
			n.own[key] = v
		}
		n.keep("message.traits", message["traits"])
	}

	switch typ {
	case "track":
		name, fine := message["event"].(string)
		n.must(fine && name != "" && !strings.Contains(name, "\x00"))
		row["name"] = name
		n.keep("message.name", message["name"])
	case "page", "screen":
		if v := message["name"]; v != nil {
			name, fine := v.(string)
			n.must(fine && !strings.Contains(name, "\x00"))
			row["name"] = name
		}
		n.keep("message.event", message["event"])
	default:
		n.keep("message.event", message["event"])
		n.keep("message.name", message["name"])
	}
	n.keep("category", message["category"])
	for key, v := range message {
		switch key {
		case "type", "event", "name", "category", "userId", "anonymousId", "groupId", "previousId", "messageId", "timestamp", "sentAt", "context", "properties", "traits", "channel", "writeKey":
		default:
			n.keep("message."+key, v)
		}
	}
	n.kind(typ)
	n.columns(typ)
	n.channel(typ, message)

	for key, v := range n.own {
		n.keep(key, v)
	}
	for key, v := range n.ctx {
		n.keep(key, v)
	}
	n.eventID(typ, message)
}

// naiveColumns are the members of context that are about columns.
var naiveColumns = map[string]bool{
	"context.ip": true, "context.userAgent": true, "context.locale": true, "context.channel": true, "context.sessionId": true, "context.session_id": true,
	"context.groupId": true, "context.country": true, "context.location.country": true, "context.page.url": true, "context.page.path": true,
	"context.page.referrer": true, "context.campaign.source": true, "context.campaign.medium": true, "context.campaign.name": true,
	"context.campaign.term": true, "context.campaign.content": true,
}

func flatten(into map[string]any, prefix string, object map[string]any) {
	for key, v := range object {
		path := prefix + "." + key
		if members, fine := v.(map[string]any); fine && !naiveColumns[path] {
			flatten(into, path, members)
		} else if v != nil {
			into[path] = v
		}
	}
}

func (n *naiveReader) kind(typ string) {
	named, _ := n.own["kind"].(string)
	switch {
	case typ != "track" && typ != "page" && typ != "screen":
		n.row["kind"] = typ
	case slices.Contains(event.Kinds, named) && named != "identify" && named != "group" && named != "alias":
		n.row["kind"] = named
		delete(n.own, "kind")
	case typ != "track":
		n.row["kind"] = "page_view"
	default:
		n.row["kind"] = n.mapping.Kind(n.row["name"])
	}
}

// first moves the first of the fields that is text (or a number, if numbers) and not empty; fields that repeat it go too.
func (n *naiveReader) first(names ...string) string {
	value := ""
	for _, name := range names {
		from := n.own
		if strings.HasPrefix(name, "context.") {
			from = n.ctx
		}
		text, fine := "", true
		switch v := from[name].(type) {
		case nil:
			continue
		case string:
			text = v
		case json.Number:
			text = string(v)
		default:
			fine = false
		}
		if !fine {
			n.must(!strings.HasPrefix(name, "context."))
			continue
		}
		if value == "" {
			value = text
			delete(from, name)
		} else if text == value || text == "" {
			delete(from, name)
		}
	}
	return value
}

func (n *naiveReader) columns(typ string) {
	row := n.row
	either := func(property, context string) string {
		if row["kind"] == "page_view" {
			return n.first(property, context)
		}
		return n.first(context, property)
	}
	row["url"] = either("url", "context.page.url")
	row["path"] = either("path", "context.page.path")
	row["referrer"] = either("referrer", "context.page.referrer")
	for utm, campaign := range map[string]string{"source": "source", "medium": "medium", "campaign": "name", "term": "term", "content": "content"} {
		row["utm_"+utm] = n.first("context.campaign."+campaign, "utm_"+utm)
	}
	row["content_id"] = n.first("content_id", "contentId", "asset_id", "content_asset_id", "video_id", "article_id", "product_id", "productId")
	row["order_id"] = n.first("order_id", "orderId", "transaction_id")
	row["session_id"] = n.first("session_id", "sessionId", "context.sessionId", "context.session_id")
	row["ip"], row["user_agent"], row["locale"] = n.first("context.ip"), n.first("context.userAgent"), n.first("context.locale")
	row["country"] = n.first("context.location.country", "context.country")
	if row["account_id"] == "" {
		row["account_id"] = n.first("context.groupId", "account_id", "accountId")
	}
	if name, isText := n.own["name"].(string); (typ == "page" || typ == "screen") && n.own["name"] != nil {
		switch {
		case row["name"] == "" && isText:
			row["name"] = n.first("name")
		case isText && name == row["name"]:
			delete(n.own, "name")
		}
	}
	if parsed, err := url.Parse(row["url"]); err == nil && row["url"] != "" {
		if row["path"] == "" && parsed.Host != "" {
			if row["path"] = parsed.EscapedPath(); row["path"] == "" {
				row["path"] = "/"
			}
		}
		for _, utm := range []string{"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"} {
			if row[utm] == "" {
				row[utm] = parsed.Query().Get(utm)
			}
		}
	}
	n.text()
	n.money()
	n.score()
}

func (n *naiveReader) text() {
	names := []string{"text", "comment", "message", "feedback", "review_body"}
	if n.row["kind"] == "search" {
		names = []string{"query", "search_query", "search_term"}
	}
	for _, name := range names {
		if text, fine := n.own[name].(string); fine && text != "" {
			n.row["text"] = text
			delete(n.own, name)
			return
		}
	}
}

var naiveNumber = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

func (n *naiveReader) money() {
	names, strict := []string{"revenue", "value"}, true
	switch kind := n.row["kind"]; {
	case kind == "purchase" || kind == "refund" || kind == "checkout_start":
		names = []string{"revenue", "value", "total", "amount", "price"}
	case kind == "product_view" || kind == "cart_add":
		names = []string{"value", "price"}
	case strings.HasPrefix(kind, "lead_") || strings.HasPrefix(kind, "opportunity_"):
		names = []string{"value", "amount", "revenue", "total"}
	default:
		strict = false
	}
	for _, name := range names {
		v := n.own[name]
		text := strings.TrimSpace(fmt.Sprint(v))
		if v == nil || text == "" {
			continue
		}
		_, isBool := v.(bool)
		amount, exact, fine := exactMoney(text)
		if !fine || isBool || !naiveNumber.MatchString(text) {
			n.must(!strict)
			continue
		}
		if n.row["kind"] == "refund" && amount < 0 {
			amount, exact = -amount, false
		}
		if n.row["value"] = strconv.FormatFloat(float64(amount)/10_000, 'f', -1, 64); amount == 0 {
			n.row["value"] = ""
		}
		if exact {
			delete(n.own, name)
		}
		break
	}
	if v := n.own["currency"]; v != nil {
		text, _ := v.(string)
		code := strings.ToUpper(strings.TrimSpace(text))
		if regexp.MustCompile(`^[A-Z]{3}$`).MatchString(code) {
			n.row["currency"] = code
			delete(n.own, "currency")
		} else if _, isText := v.(string); !isText || code != "" {
			n.must(!strict)
		}
	}
}

func (n *naiveReader) score() {
	strict := n.row["kind"] == "survey_response" || n.row["kind"] == "review"
	names := []string{"score", "nps", "nps_score", "csat"}
	if strict {
		names = append(names, "rating")
	}
	number := func(text string) (float32, bool, bool) {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(v) > math.MaxFloat32 || !naiveNumber.MatchString(text) {
			return 0, false, false
		}
		return float32(v), !strings.ContainsAny(text, "eE") && len(regexp.MustCompile(`[^0-9]`).ReplaceAllString(text, "")) <= 6, true
	}
	for _, name := range names {
		text, isText := n.own[name].(string)
		if text = strings.TrimSpace(text); isText && text == "" && strict || n.own[name] == nil {
			continue
		}
		digits, isNumber := n.own[name].(json.Number)
		if isNumber {
			text = string(digits)
		}
		v, exact, fine := number(text)
		if !fine || !isNumber && !strict {
			n.must(!strict)
			continue
		}
		n.row["score"] = strconv.FormatFloat(float64(v), 'g', -1, 32)
		if exact {
			delete(n.own, name)
		}
		break
	}
	if digits, isNumber := n.own["sentiment"].(json.Number); isNumber {
		if v, exact, fine := number(string(digits)); fine && v >= -1 && v <= 1 {
			n.row["sentiment"] = strconv.FormatFloat(float64(v), 'g', -1, 32)
			if exact {
				delete(n.own, "sentiment")
			}
		}
	}
}

var naiveChannelName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.:-]{0,63}$`)

func (n *naiveReader) channel(typ string, message map[string]any) {
	channel := ""
	for _, f := range []struct {
		from map[string]any
		name string
	}{{n.own, "channel"}, {n.ctx, "context.channel"}} {
		if v := f.from[f.name]; v != nil && channel == "" {
			text, fine := v.(string)
			n.must(fine)
			clean := strings.ToLower(strings.TrimSpace(text))
			if naiveChannelName.MatchString(clean) {
				channel = clean
			}
			if clean == text && (clean == "" || channel != "") {
				delete(f.from, f.name)
			}
		}
	}
	kind := n.row["kind"]
	own, _ := message["channel"].(string)
	for _, rule := range []struct {
		when    bool
		channel string
	}{
		{strings.HasPrefix(kind, "email_"), "email"}, {kind == "chat_message", "chat"}, {kind == "call", "phone"},
		{strings.HasPrefix(kind, "ad_"), "ads"}, {strings.HasPrefix(kind, "opportunity_") || strings.HasPrefix(kind, "lead_"), "crm"},
		{kind == "support_ticket", "support"}, {kind == "survey_response" || kind == "review", "survey"}, {strings.HasPrefix(kind, "social_"), "social"},
		{typ == "page", "web"}, {typ == "screen", "app"},
		{n.ctx["context.library.name"] == "analytics.js", "web"}, {n.ctx["context.library.name"] == "analytics-ios", "app"},
		{slices.Contains([]string{"browser", "client", "web"}, own), "web"}, {slices.Contains([]string{"mobile", "app"}, own), "app"},
		{n.row["url"] != "", "web"}, {true, "other"},
	} {
		if channel == "" && rule.when {
			channel = rule.channel
		}
	}
	if n.row["channel"] = channel; message["channel"] != channel {
		n.keep("message.channel", message["channel"])
	}
}

func (n *naiveReader) eventID(typ string, message map[string]any) {
	id := n.id(message["messageId"])
	if parsed, err := uuid.Parse(id); err == nil && len(id) == 36 {
		n.row["event_id"] = parsed.String()
		return
	}
	n.row["message_id"] = id
	text := "web\x00" + id
	if id == "" {
		content := map[string]any{}
		for key, v := range message {
			if key != "type" && key != "sentAt" && key != "writeKey" {
				content[key] = v
			}
		}
		text = "web\x00\x00" + typ + string(canonical(nil, content))
	}
	sum := sha1.Sum(append(namespace[:], text...))
	derived := uuid.UUID(sum[:16])
	derived[6], derived[8] = derived[6]&0x0f|0x50, derived[8]&0x3f|0x80
	n.row["event_id"] = derived.String()
}

// canonical is the form of a value that event ids are derived from.
func canonical(dst []byte, v any) []byte {
	sized := func(text string) {
		dst = append(dst, byte(len(text)), byte(len(text)>>8), byte(len(text)>>16), byte(len(text)>>24))
		dst = append(dst, text...)
	}
	switch v := v.(type) {
	case map[string]any:
		dst = append(dst, '{')
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			if v[key] != nil {
				sized(key)
				dst = canonical(dst, v[key])
			}
		}
		return append(dst, '.')
	case []any:
		dst = append(dst, '[')
		for _, element := range v {
			dst = canonical(dst, element)
		}
		return append(dst, '.')
	case string:
		dst = append(dst, '"')
		sized(v)
	default:
		dst = append(dst, '=')
		sized(encoded(v))
	}
	return dst
}

// encoded is a value's JSON without white space.
func encoded(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}
