package schema_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/identity"
	"github.com/livello/livello/warehouse"
)

// ev is an event as tests write it; what is empty is left out.
type ev struct {
	at       time.Time
	kind     string // identify, group and alias are message types, too
	channel  string
	user     string
	anon     string
	previous string
	account  string
	source   string
	campaign string
	value    int // whole units of currency
	currency string
	machine  string
	traits   map[string]string
	id       uuid.UUID // made up when it is zero
}

func (e ev) distinct() string {
	if e.user != "" {
		return e.user
	}
	return e.anon
}

func (e ev) engagement() bool { return e.kind != "identify" && e.kind != "group" && e.kind != "alias" }

// insert sends events in one INSERT as the loader does, with a token that makes a repetition count once, and has their people known.
func insert(t testing.TB, w *warehouse.Warehouse, token string, events ...ev) {
	t.Helper()
	var body strings.Builder
	for i, e := range events {
		if e.id == uuid.Nil {
			e.id = uuid.NewSHA1(uuid.NameSpaceOID, []byte(fmt.Sprint(token, i, e)))
		}
		typ := "track"
		if !e.engagement() {
			typ = e.kind
		}
		line, err := json.Marshal(map[string]any{
			"event_id": e.id, "type": typ, "kind": e.kind, "ts": e.at.UTC().Format("2006-01-02 15:04:05.000"), "source": e.source, "channel": e.channel,
			"distinct_id": e.distinct(), "anonymous_id": e.anon, "user_id": e.user, "previous_id": e.previous, "account_id": e.account,
			"utm_campaign": e.campaign, "value": e.value, "currency": e.currency, "machine": e.machine, "properties": e.traits,
		})
		if err != nil {
			t.Fatal(err)
		}
		body.Write(append(line, '\n'))
	}
	if err := w.InsertFormat(context.Background(), "JSONEachRow", insertSQL(token), strings.NewReader(body.String())); err != nil {
		t.Fatalf("insert %d events: %v", len(events), err)
	}
	if err := identity.Resolve(context.Background(), w); err != nil {
		t.Fatal(err)
	}
}

func insertSQL(token string) string {
	return `INSERT INTO events (event_id, type, kind, ts, source, channel, distinct_id, anonymous_id, user_id, previous_id, account_id, utm_campaign, value, currency, machine, properties)
SETTINGS insert_deduplication_token = '` + token + `', deduplicate_blocks_in_dependent_materialized_views = 1, async_insert = 0, max_partitions_per_insert_block = 0, optimize_on_insert = 0`
}
