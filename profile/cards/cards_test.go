package cards

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/profile"
)

// Whatever people do, whoever they turn out to be, and however often the process is killed: the copy says what the database says.
func TestSameAsDatabase(t *testing.T) {
	r := newRig(t)
	var ids []string
	for i := range 12 {
		ids = append(ids, fmt.Sprintf("%s-%d", []string{"anon", "anon", "user"}[i%3], i))
	}
	dice := dice(t)
	r.tiers.Batch = 8 // so that most evaluations are two runs
	anonymous := func() string { return ids[dice.IntN(4)*3+dice.IntN(2)] }
	user := func() string { return ids[dice.IntN(4)*3+2] }
	var told []string
	for round := 0; round < 6 && !t.Failed(); round++ {
		for range 1 + dice.IntN(6) {
			switch dice.IntN(4) {
			case 0:
				r.did("page_view", anonymous(), "")
			case 1:
				r.did("purchase", "", user())
			case 2:
				r.did("identify", anonymous(), user())
			default:
				r.did("content_download", anonymous(), "")
			}
		}
		r.evaluate()
		then := dice.IntN(7)
		switch then {
		case 0: // errors are of ids that are not there, or are together already
			_, _ = r.resolver.Merge(t.Context(), user(), anonymous(), "test", "test")
			r.evaluate()
		case 1:
			_, _ = r.resolver.Split(t.Context(), anonymous(), "test", "test")
			r.evaluate()
		case 2:
			r.ahead += time.Duration(1+dice.IntN(100)) * time.Hour
			if _, err := r.tiers.Due(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		case 3:
			r.kill()
			r.start()
		case 4:
			r.stop()
			r.start()
		case 5:
			r.exec("OPTIMIZE TABLE person_states FINAL")
		}
		told = append(told, fmt.Sprint(then))
		r.catchUp()
		r.same(append(ids, "nobody")...)
	}
	if t.Failed() {
		t.Logf("after rounds %s", strings.Join(told, " "))
	}
}

// What was evaluated and not taken over before the process ended is taken over by the next, by reading what is new alone.
func TestCutOff(t *testing.T) {
	r := newRig(t)
	for _, user := range []string{"ada", "bob", "carla"} {
		r.did("page_view", "", user)
	}
	r.evaluate()
	r.catchUp()
	r.stop()
	r.start()
	r.did("purchase", "", "bob")
	r.evaluate()
	cut := errors.New("cut off")
	r.cards.step = func(string) error { return cut }
	if err := r.cards.CatchUp(t.Context()); !errors.Is(err, cut) {
		t.Fatal(err)
	}
	if _, err := r.cards.Get("bob"); err != profile.ErrNoCopy {
		t.Errorf("a copy that is behind answers: %v", err)
	}
	r.kill()
	r.start()
	before := r.cards.kept
	if !before.Full || before.Version == 0 {
		t.Fatalf("place %+v", before)
	}
	r.catchUp()
	if r.cards.kept.Version <= before.Version {
		t.Errorf("place %+v after %+v", r.cards.kept, before)
	}
	r.same("ada", "bob", "carla", "nobody")
	if p, err := r.cards.Get("bob"); err != nil || p.Value.Revenue["EUR"].String() != "12.5" {
		t.Errorf("bob: %+v, %v", p, err)
	}
	// The index of versions leaves out what is older.
	plan := r.plan(strings.NewReplacer("{after:UInt64}", fmt.Sprint(before.Version), "{until:UInt64}", "1000000").Replace(statesAfterSQL))
	if !strings.Contains(plan, "by_version") || !strings.Contains(plan, "Parts: 1/") {
		t.Errorf("what was evaluated last is not read alone:\n%s", plan)
	}

	// An evaluation that goes on while a store is filled is not missed.
	r.exec("TRUNCATE TABLE tier_observations")
	r.cards.again("test")
	if err := r.cards.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.cards.step = func(string) error {
		r.cards.step = nil
		r.did("purchase", "", "ada")
		r.evaluate()
		return nil
	}
	r.catchUp()
	r.same("ada", "bob", "carla")
}

func (r *rig) plan(query string) string {
	r.t.Helper()
	rows, err := r.Query(r.t.Context(), "EXPLAIN indexes = 1 "+query)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			r.t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	return plan.String()
}

// A folder that is of no use is made again: damaged, of another format, of another warehouse, or newer than the warehouse is.
func TestMadeAgain(t *testing.T) {
	r := newRig(t)
	for i := range 4 {
		r.did("page_view", "", fmt.Sprintf("user-%d", i))
	}
	r.evaluate()
	r.catchUp()
	old := r.cards.kept.Version
	people := []string{"user-0", "user-1", "user-2", "user-3", "nobody"}
	for name, harm := range map[string]func(){
		"no label": func() { r.must(os.Remove(filepath.Join(r.dir, labelName))) },
		"another format": func() {
			r.must(os.WriteFile(filepath.Join(r.dir, labelName), []byte(`{"format":99,"salt":"AAAA"}`), 0o600))
		},
		"no JSON": func() { r.must(os.WriteFile(filepath.Join(r.dir, labelName), []byte("}"), 0o600)) },
		"half a manifest": func() {
			for _, path := range r.files("MANIFEST-*") {
				info, err := os.Stat(path)
				r.must(err)
				r.must(os.Truncate(path, info.Size()/2))
			}
		},
		"files gone": func() {
			for _, path := range r.files("*.sst") {
				r.must(os.Remove(path))
			}
		},
		"files damaged": func() {
			for _, path := range r.files("*.sst") {
				text, err := os.ReadFile(path)
				r.must(err)
				for i := range text[:len(text)/2] {
					text[i] ^= 0x55
				}
				r.must(os.WriteFile(path, text, 0o600))
			}
		},
		"another warehouse":  func() { r.place(func(p *place) { p.Table = "another" }) },
		"an older warehouse": func() { r.place(func(p *place) { p.Version += 1000 }) },
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			salt := string(r.cards.salt)
			r.stop()
			harm()
			r.start()
			for range 3 { // what is damaged inside is found by reading it
				r.catchUp()
				for _, id := range people {
					_, _ = r.cards.Get(id)
				}
			}
			if string(r.cards.salt) == salt && name != "half a manifest" {
				t.Error("it was not made again")
			}
			r.same(people...)
			if r.cards.kept.Version != old || !r.cards.kept.Full {
				t.Errorf("place %+v, want one of evaluation %d", r.cards.kept, old)
			}
		})
	}
	r.t = t
}

// place changes where a store that is closed believes to be.
func (r *rig) place(change func(*place)) {
	r.t.Helper()
	r.cards = Open(Options{Dir: r.dir, DB: r})
	w, err := r.cards.write(context.Background(), true)
	r.must(err)
	next := r.cards.kept
	change(&next)
	r.must(w.commit(next))
	w.end()
	r.stop()
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) files(pattern string) []string {
	r.t.Helper()
	found, err := filepath.Glob(filepath.Join(r.dir, pattern))
	if err != nil || len(found) == 0 {
		r.t.Fatalf("no %s: %v", pattern, err)
	}
	return found
}

// Who is forgotten is in no file of the store any more, and does not come back by what was read before. Nobody else is missing.
func TestForget(t *testing.T) {
	r := newRig(t)
	const secret, secretPath = "ada-secret", "/what/ada/read"
	for round := range 2 {
		for i := range 5 {
			r.did("page_view", "", fmt.Sprintf("user-%d", i))
		}
		r.did("page_view", secret+"-phone", "")
		r.did("page_view", secret+"-tablet", "")
		r.did("purchase", "", secret)
		r.happened(event.Row{Type: "page", Kind: "page_view", Channel: "web", AnonymousID: secret + "-phone", Path: secretPath, Time: r.now().UnixMilli()})
		if round > 0 {
			r.did("identify", secret+"-phone", secret)
		}
		r.evaluate()
		r.catchUp()
		if p, err := profile.NewReader(r, r.cards).Get(t.Context(), secret, true); err != nil || len(p.LastEvents) == 0 {
			t.Fatalf("%+v, %v", p, err)
		}
		r.must(r.cards.db.Flush()) // so that older cards are in files of their own
	}
	if p, err := r.cards.Get(secret + "-phone"); err != nil || p.PersonID != secret {
		t.Fatalf("%+v, %v", p, err)
	}
	if len(r.inFiles(secret)) == 0 || len(r.inFiles(secretPath)) == 0 {
		t.Fatal("no file holds what this test looks for: it is packed")
	}
	ids := []string{secret, secret + "-phone", secret + "-tablet"}
	r.did("purchase", "", secret) // nobody is evaluated after them
	r.evaluate()
	r.catchUp()
	for _, table := range []string{"person_states", "tier_observations"} {
		r.exec("ALTER TABLE " + table + " DELETE WHERE startsWith(person_id, '" + secret + "') SETTINGS mutations_sync = 2")
	}
	r.exec("ALTER TABLE events DELETE WHERE startsWith(distinct_id, '" + secret + "') SETTINGS mutations_sync = 2")
	removed, err := r.cards.Forget(t.Context(), ids)
	if err != nil || removed != 2 {
		t.Errorf("%d cards removed: %v", removed, err)
	}
	if where := append(r.inFiles(secret), r.inFiles(secretPath)...); len(where) > 0 {
		t.Errorf("still in %s", where)
	}
	r.catchUp()
	all := append(ids, "user-0", "user-1", "user-2", "user-3", "user-4")
	r.same(all...)
	if _, err := r.cards.Get(secret + "-phone"); err != profile.ErrUnknown {
		t.Errorf("who was forgotten: %v", err)
	}
	// Again, as after a crash between this and noting that it is done.
	if removed, err := r.cards.Forget(t.Context(), ids); err != nil || removed != 0 {
		t.Errorf("%d cards removed: %v", removed, err)
	}
	salt := string(r.cards.salt)
	r.stop()
	r.start()
	r.catchUp()
	r.same(all...)
	if string(r.cards.salt) != salt {
		t.Error("the next start made it again")
	}

	// A store that is of no use is deleted instead.
	r.stop()
	r.must(os.WriteFile(filepath.Join(r.dir, "remains"), []byte(secret), 0o600))
	r.start()
	r.cards.damaged.Store(true)
	if _, err := r.cards.Forget(t.Context(), ids); err != nil || len(r.inFiles(secret)) > 0 {
		t.Errorf("in %s: %v", r.inFiles(secret), err)
	}
	r.catchUp()
	r.same(all...)
}

// Run takes over what is evaluated without being asked.
func TestRun(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.cards.Run(ctx)
	}()
	r.did("page_view", "", "ada")
	r.evaluate()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if p, err := r.cards.Get("ada"); err == nil && p.PersonID == "ada" {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("nothing was taken over: %v", err)
		}
	}
	cancel()
	<-done
}
