package queries_test

import (
	"testing"
	"time"

	"github.com/livello/livello/tiers"
)

// Accounts of people that the real evaluation saw: acme.example, where Vera is hot and Walt, Xenia and Yara look at a page, known by their
// addresses; the group globex, of which Zeno is all there is; and Una, whose address says nothing.
func TestAccounts(t *testing.T) {
	db := openDatabase(t)
	now := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	events := hot("vera", "2026-04-01")
	for who, email := range map[string]string{"vera": "vera@acme.example", "walt": "Walt+news@Acme.example", "xenia": "xenia@acme.example", "yara": "yara@acme.example", "una": "una@gmail.com", "zeno": "info@acme.example"} {
		events = append(events,
			map[string]any{"ts": "2026-03-31 09:00:00", "type": "identify", "kind": "identify", "channel": "web", "user_id": who, "properties": map[string]string{"email": email}},
			map[string]any{"ts": "2026-03-31 10:00:00", "kind": "page_view", "channel": "web", "user_id": who})
	}
	insertEvents(t, db, 1, events)
	if err := db.Exec(t.Context(), `INSERT INTO events (event_id, type, kind, ts, channel, distinct_id, user_id, account_id)
		VALUES (generateUUIDv4(), 'group', 'group', '2026-03-31 11:00:00', 'web', 'zeno', 'zeno', 'globex')`); err != nil {
		t.Fatal(err)
	}
	if _, err := (&tiers.Evaluator{DB: db.(tiers.DB), Now: func() time.Time { return now }}).Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/accounts/accounts_top.txt", ask(t, db, "accounts_top", "table", nil))
	golden(t, "testdata/accounts/accounts_top_people.txt", ask(t, db, "accounts_top", "table", map[string]string{"people": "2"}))
	golden(t, "testdata/accounts/account_people.txt", ask(t, db, "account_people", "table", map[string]string{"account": "acme.example"}))
}
