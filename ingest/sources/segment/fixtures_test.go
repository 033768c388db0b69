package segment

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fixture reads a file of the payloads that other projects use, into v. They lie beside the repository and are no part of it.
func fixture(t *testing.T, name string, v any) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "..", "shared", "data", "payloads", name)
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		t.Skipf("%s is not there: the payloads of other projects are not on this machine", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// Batches as segmentio/analytics-go sends them, with times as text and as numbers, and a messageId that all share.
func TestBatchesOfAnalyticsGo(t *testing.T) {
	var file struct{ Items []json.RawMessage }
	fixture(t, "segment-protocol/analytics-go_batches.json", &file)
	var got []string
	for _, body := range file.Items {
		rows, rejects, err := decode(t, string(body), Batch)
		if err != nil || len(rejects) > 0 {
			t.Fatalf("%s: %+v %v", body, rejects, err)
		}
		for _, r := range rows {
			got = append(got, strings.Join([]string{r["type"], r["kind"], r["name"], r["distinct_id"], r["ts"], r["message_id"], r["properties[application]"], r["properties[message.timestamp]"]}, "|"))
		}
	}
	// sentAt is the same time as timestamp, in 2009: the sender's clock is taken to be wrong by the difference to ours.
	want := []string{
		"identify|identify||B|2026-03-01T09:31:00.000Z|I'm unique||1257894000000",
		"track|content_download|Download|123456|2026-03-01T09:31:00.000Z|I'm unique|Segment Desktop|2009-11-10T23:00:00Z",
		"track|content_download|Download|123456|2026-03-01T09:31:00.000Z|I'm unique|Segment Desktop|2009-11-10T23:00:00Z",
		"track|content_download|Download|123456|2026-03-01T09:31:00.000Z|I'm unique|Segment Desktop|2009-11-10T23:00:00Z",
		"page|page_view|A|B|2026-03-01T09:31:00.000Z|I'm unique||1257894000000",
		"track|content_download|Download|123456|2026-03-01T09:31:00.000Z|I'm unique|Segment Desktop|2009-11-10T23:00:00Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Messages that Jitsu's collector passed on, with its receivedAt beside sentAt.
func TestMessagesOfJitsu(t *testing.T) {
	var file struct{ Items map[string]json.RawMessage }
	fixture(t, "segment-protocol/jitsu_segment_events.json", &file)
	for name, want := range map[string]fields{
		"group": {"type": "group", "distinct_id": "fab18d01-fb6a-4845-b9ca-300b9db35527", "account_id": "cl9y5kgth0002ccfn3vtqz64g", "ts": "2024-04-08T10:39:20.764Z",
			"message_id": "17dnlr6evs61jakjuz1xt6", "channel": "web", "properties[workspaceSlug]": "ildar", "properties[message.requestIp]": "127.0.0.1"},
		"identify": {"type": "identify", "event_id": "a6c09b16-c2bc-4193-990f-5e2b694ae610", "user_id": "userId2", "anonymous_id": "6638caf0-d2c2-4bc0-aecf-8b290b559a37",
			"account_id": "cl9y5kgth0002ccfn3vtqz64g", "ip": "141.136.89.181", "utm_source": "source", "utm_campaign": "campaign", "path": "/basic.html",
			"properties[email]": "john.doe2@gmail.com", "properties[User_Name]": "jj"},
		"page": {"type": "page", "kind": "page_view", "name": "test-page", "url": "https://localhost:3088/basic.html?utm_source=source&utm_medium=medium&utm_campaign=campaign",
			"referrer": "https://referrer.com", "channel": "web", "properties[caseName]": "page-with-name", "properties[context.traits.email]": "john.doe3@gmail.com"},
	} {
		got := row(t, string(file.Items[name]))
		for column, value := range want {
			if got[column] != value {
				t.Errorf("%s: %s is %q, want %q", name, column, got[column], value)
			}
		}
		for column, value := range got {
			if strings.Contains(column, "writeKey") || strings.HasPrefix(value, "n6Cp3jwTGDFUZfD568wgve0mdCmPaT77") {
				t.Errorf("%s: the write key is kept in %s", name, column)
			}
		}
	}
}

// Messages as RudderStack's SDKs send them: originalTimestamp, and a timestamp that its gateway corrected.
func TestMessagesOfRudderStack(t *testing.T) {
	var file []struct{ Message json.RawMessage }
	fixture(t, "rudder-sources/segment_input.json", &file)
	kept := 0
	for _, item := range file {
		rows, rejects, err := decode(t, string(item.Message), Auto)
		if err != nil || len(rows)+len(rejects) != 1 {
			t.Fatalf("%s: %v", item.Message, err)
		}
		if len(rejects) > 0 {
			t.Errorf("%s: %+v", item.Message, rejects)
			continue
		}
		kept++
		if r := rows[0]; r["ts"] != "2020-04-17T14:55:31.381Z" && r["ts"] != "2020-04-17T14:55:31.401Z" || r["channel"] != "web" || r["locale"] != "en-GB" ||
			r["properties[message.integrations.All]"] != "true" || r["properties[message.originalTimestamp]"] == "" {
			t.Errorf("%s: %v", item.Message, r)
		}
	}
	if kept == 0 {
		t.Error("no messages")
	}
}

// What Auth0 sends to its webhooks is no Segment message, though it has a type: every record is named.
func TestRecordsOfAnotherFormat(t *testing.T) {
	var file []json.RawMessage
	fixture(t, "rudder-sources/segment_source_input.json", &file)
	for _, body := range file {
		rows, rejects, err := decode(t, string(body), Auto)
		if err != nil || len(rows) > 0 || len(rejects) != 4 {
			t.Fatalf("%d rows, %+v, %v", len(rows), rejects, err)
		}
		for _, r := range rejects {
			if r.Field != "type" {
				t.Errorf("%+v", r)
			}
		}
	}
}
