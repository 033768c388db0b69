package trust

import (
	"context"
	"testing"
	"time"

	"github.com/livello/livello/definitions"
)

// Signals and key pages are defined anew while events come in: history and what comes in between count by the new definitions, once,
// and verify finds what is changed behind their back.
func TestNewDefinitionsWhileEventsComeIn(t *testing.T) {
	r := newRig(t)
	b := &Rebuilder{DB: r, Hold: r.loader.Hold}
	store := &definitions.Store{DB: r, Hold: r.loader.Hold, Recompute: func(ctx context.Context) error {
		_, err := b.Rebuild(ctx, time.Time{}, time.Time{}, "person_signals")
		return err
	}}
	r.load(r.events(1000))
	d, err := definitions.Parse("livello.yaml", []byte(`
signals:
  carts: {match: {kind: cart_add, channel: web}}
  mails: {match: {kind: [email_open, email_sent]}}
key_pages: {any: {name: "page*view"}}
key_paths: [any > any]
micro_segments: [{name: all}]
`))
	if err != nil {
		t.Fatal(err)
	}
	stop := r.keepSending(100)
	done, err := store.Apply(t.Context(), d, "test", "")
	sent := stop()
	if err != nil || !done.Recompute {
		t.Fatalf("apply: %+v, %v", done, err)
	}
	r.drain()
	r.clean(1000 + sent)
	for column, condition := range map[string]string{
		"sum(signals['carts'])":                             "kind = 'cart_add' AND channel = 'web'",
		"sum(signals['mails'])":                             "kind IN ('email_open', 'email_sent')",
		"sum(length(key_pages))":                            "kind = 'page_view'",
		"sum(mapContains(signals, 'whitepaper_downloads'))": "false",
	} {
		got := r.number("SELECT toUInt64(" + column + ") FROM person_signals")
		if want := r.number("SELECT toUInt64(count()) FROM events WHERE machine = '' AND " + condition); got != want {
			t.Errorf("%s is %d, want %d", column, got, want)
		}
	}
	r.exec("INSERT INTO person_signals (distinct_id, day, signals) VALUES ('a1', '2026-01-03', map('carts', 1))")
	report := r.verify()
	if len(report.Differences) != 2 || report.Differences[0].Table != "person_signals" || report.Differences[1].Measure != "signal carts" {
		t.Errorf("after a change behind its back: %+v", report.Differences)
	}
}
