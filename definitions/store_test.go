package definitions_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

var update = flag.Bool("update", false, "write testdata/*.golden instead of comparing")

func named(name string, value any) driver.NamedValue {
	return driver.NamedValue{Name: name, Value: value}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what there is now; when the change is meant: go test ./definitions -update, and read the diff\n%s", path, got)
	}
}

func one(t *testing.T, w *warehouse.Warehouse, query string, args ...any) string {
	t.Helper()
	var text string
	if err := w.QueryRow(t.Context(), query, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}

// TestTheDefaultRow shows the default as views read it, and the query that is written from it.
func TestTheDefaultRow(t *testing.T) {
	w := engine.Migrated(t)
	var row strings.Builder
	for _, column := range strings.Fields("version applied_by session_timeout half_lives feature_names signals key_paths criteria tier2_needs micro_segments lifecycle context_rules " +
		"tier_actions conversion_kinds conversion_days gold_people gold_rate base_currency free_mail role_names identity_max_users identity_max_ids acquisition metrics") {
		row.WriteString(column + ": " + one(t, w, "SELECT toString("+column+") FROM definition") + "\n")
	}
	golden(t, "testdata/default_row.golden.txt", row.String())
	golden(t, "testdata/person_signals_mv.golden.sql", strings.ReplaceAll(one(t, w, "SHOW CREATE TABLE person_signals_mv"), w.Database()+".", "")+"\n")
}

// store of a database nobody loads into; recompute is counted, and done by hand.
func store(t *testing.T, w *warehouse.Warehouse, recomputed *int) *definitions.Store {
	return &definitions.Store{DB: w, Recompute: func(ctx context.Context) error {
		*recomputed++
		if err := w.Exec(ctx, "TRUNCATE TABLE person_signals"); err != nil {
			return err
		}
		return w.Exec(ctx, "INSERT INTO person_signals "+one(t, w, "SELECT as_select FROM system.tables WHERE database = currentDatabase() AND name = 'person_signals_mv'"))
	}}
}

func parsed(t *testing.T, text string) *definitions.Definitions {
	t.Helper()
	d, err := definitions.Parse("livello.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const faxes = `
signals:
  faxes: {match: {kind: custom, name: fax}}
micro_segments: [{name: faxing, when: {faxes_7d: ">= 1"}}, {name: medium}]
`

func TestVersions(t *testing.T) {
	w, recomputed := engine.Migrated(t), 0
	s := store(t, w, &recomputed)
	if err := w.Exec(t.Context(), "INSERT INTO events (event_id, kind, name, ts, distinct_id) VALUES (generateUUIDv4(), 'custom', 'Fax', now64(3), 'u'), (generateUUIDv4(), 'content_download', 'Whitepaper downloaded', now64(3), 'u')"); err != nil {
		t.Fatal(err)
	}
	signals := func() string { return one(t, w, "SELECT toString(sumMap(signals)) FROM person_signals") }
	if got := signals(); got != "{'whitepaper_downloads':1}" {
		t.Errorf("signals: %s", got)
	}

	first, err := s.Apply(t.Context(), parsed(t, faxes), "ada", "faxes")
	if err != nil || first.Version.Version != 2 || !first.Recompute || recomputed != 1 || first.Unchanged {
		t.Fatalf("apply: %+v, %d times recomputed, %v", first, recomputed, err)
	}
	if got := signals(); got != "{'faxes':1}" {
		t.Errorf("signals under version 2: %s", got)
	}
	if again, err := s.Apply(t.Context(), parsed(t, faxes), "ada", ""); err != nil || !again.Unchanged || again.Version.Version != 2 {
		t.Errorf("apply again: %+v, %v", again, err)
	}
	// A threshold needs nothing to be computed again.
	third, err := s.Apply(t.Context(), parsed(t, faxes+"gold: {rate: 0.5}\n"), "bo", "")
	if err != nil || third.Version.Version != 3 || third.Recompute || recomputed != 1 {
		t.Errorf("apply of a rate: %+v, %d times recomputed, %v", third, recomputed, err)
	}
	if len(third.Changes) != 1 || third.Changes[0].String() != "~ gold.rate: 0.6 -> 0.5" {
		t.Errorf("changes: %v", third.Changes)
	}
	if got := one(t, w, "SELECT toString((version, gold_rate, feature_names[37], micro_segments[1].4[1])) FROM definition"); got != "(3,0.5,'faxes_7d',(37,1,inf))" {
		t.Errorf("definition: %s", got)
	}

	// What was, stays readable, and Ensure leaves what the user applied alone.
	if err := s.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	history, err := s.History(t.Context())
	if err != nil || len(history) != 3 || history[0].AppliedBy != "bo" || history[2].Source != definitions.DefaultYAML() || history[2].AppliedBy != definitions.Ours {
		t.Fatalf("history: %d versions, %v", len(history), err)
	}
	old, err := history[2].Definitions()
	if err != nil {
		t.Fatal(err)
	}
	d, err := definitions.Default()
	if err != nil {
		t.Fatal(err)
	}
	if changes := definitions.Diff(old, d); len(changes) > 0 || old.SignalsQuery() != d.SignalsQuery() {
		t.Errorf("version 1 reads otherwise than it was: %v", changes)
	}
	if _, err := s.Version(t.Context(), 4); !errors.Is(err, definitions.ErrNoVersion) {
		t.Errorf("version 4: %v", err)
	}
	// Back to the first: a new version that says the same.
	if back, err := s.Apply(t.Context(), parsed(t, history[2].Source), "bo", "back"); err != nil || back.Version.Version != 4 || recomputed != 2 || signals() != "{'whitepaper_downloads':1}" {
		t.Errorf("back: %+v, %v, %s", back.Version.Version, err, signals())
	}
}

// TestCutOff ends an apply at each statement that changes something. Afterwards Ensure and Settle, as at a start, make view and history
// what the version that counts says, whichever that is.
func TestCutOff(t *testing.T) {
	w, recomputed := engine.Migrated(t), 0
	if err := w.Exec(t.Context(), "INSERT INTO events (event_id, kind, name, ts, distinct_id) VALUES (generateUUIDv4(), 'custom', 'Fax', now64(3), 'u'), (generateUUIDv4(), 'custom', 'Telex', now64(3), 'u')"); err != nil {
		t.Fatal(err)
	}
	names := []string{"faxes", "telexes"}
	for n, ended := 0, false; !ended; n++ {
		text := strings.NewReplacer("faxes", names[n%2], "name: fax", "name: "+strings.TrimSuffix(names[n%2], "es")).Replace(faxes)
		cut := &cutDB{Warehouse: w, after: n}
		s := store(t, w, &recomputed)
		s.DB = cut
		_, err := s.Apply(t.Context(), parsed(t, text), "ada", "")
		ended = err == nil
		if !ended && !errors.Is(err, errCut) {
			t.Fatalf("cut off after %d: %v", n, err)
		}
		s.DB = w
		if err := errors.Join(s.Ensure(t.Context()), s.Settle(t.Context())); err != nil {
			t.Fatalf("after a cut at %d: %v", n, err)
		}
		if settled, err := s.Settled(t.Context()); err != nil || !settled {
			t.Errorf("after a cut at %d: settled %t, %v", n, settled, err)
		}
		current, err := s.Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := "{}"
		for _, name := range names {
			if strings.Contains(current.Source, "  "+name+":") {
				want = "{'" + name + "':1}"
			}
		}
		if got := one(t, w, "SELECT toString(sumMap(signals)) FROM person_signals"); got != want {
			t.Errorf("after a cut at %d under version %d: %s, want %s", n, current.Version, got, want)
		}
	}
}
