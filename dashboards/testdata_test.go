package dashboards_test

import (
	"context"
	"testing"

	"github.com/livello/livello/identity"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/tiers"
	"github.com/livello/livello/warehouse"
)

// fixture is a day in the life of twenty people, yesterday: each opens a mail and reads a page, ten put something into the
// cart and eight of these buy, in two currencies. A mail scanner opens every mail, too.
const fixture = `
INSERT INTO events (event_id, type, kind, name, ts, received_at, source, channel, distinct_id, user_id, path, content_id, utm_campaign, value, currency, machine)
WITH
    toStartOfDay(now('UTC')) - INTERVAL 1 DAY AS yesterday,
    [
        ('email_sent',       'email', 1,  20, ''),
        ('email_open',       'email', 2,  20, ''),
        ('email_open',       'email', 2,  20, 'mail scanner'),
        ('page_view',        'web',   3,  20, ''),
        ('product_view',     'web',   4,  15, ''),
        ('content_download', 'web',   5,  5,  ''),
        ('cart_add',         'web',   6,  10, ''),
        ('checkout_start',   'web',   7,  9,  ''),
        ('purchase',         'web',   8,  8,  ''),
        ('chat_message',     'chat',  9,  4,  '')
    ] AS plan
SELECT
    generateUUIDv4(),
    'track', item.1, item.1,
    yesterday + toIntervalHour(item.3) + toIntervalMinute(number) AS at, at,
    'test', item.2,
    concat('person-', toString(number)) AS person, person,
    if(item.2 = 'web', concat('/page/', toString(number % 3)), ''),
    if(item.1 = 'content_download', 'whitepaper', ''),
    if(item.2 = 'email', 'spring', ''),
    if(item.1 = 'purchase', 10.5, 0),
    multiIf(item.1 != 'purchase', '', number % 2 = 0, 'EUR', 'USD'),
    item.5
FROM numbers(20)
ARRAY JOIN plan AS item
WHERE number < item.4`

// verified is a verification of that day that found nothing wrong.
const verified = `
INSERT INTO verifications (at, from_day, to_day, days, events, sums, differences, details, took)
SELECT now64(3, 'UTC'), yesterday() AS day, today(), 1, 131, 26, 0, '', 0.5`

// events of the fixture, and those of them that the scanner caused.
const (
	fixtureEvents  = 131
	fixtureMachine = 20
)

// warehouseWithEvents is a migrated database; without events where full is false.
func warehouseWithEvents(t *testing.T, full bool) *warehouse.Warehouse {
	t.Helper()
	w := engine.Migrated(t)
	if full {
		for _, statement := range []string{fixture, verified, dollarRate, spent} {
			if err := w.Exec(context.Background(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w
}

// twoSignals makes two criteria enough for tier 2: the four people of the fixture who download and chat are in it.
const twoSignals = "INSERT INTO definitions SELECT * REPLACE (version + 1 AS version, toUInt8(2) AS tier2_needs) FROM definition"

// evaluate has everybody in the warehouse evaluated as of now.
func evaluate(t *testing.T, w *warehouse.Warehouse) {
	t.Helper()
	ctx := context.Background()
	if err := w.Exec(ctx, twoSignals); err != nil {
		t.Fatal(err)
	}
	if err := identity.Resolve(ctx, w); err != nil {
		t.Fatal(err)
	}
	if _, err := (&tiers.Evaluator{DB: w}).Tick(ctx); err != nil {
		t.Fatal(err)
	}
}
