package tiers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// engaged is what meets three of the five criteria at an instant, and is no more than Tier 2 medium.
func engaged(at time.Time, anon, user string) []happened {
	return []happened{
		{at: at, kind: "content_download", anon: anon, user: user, props: map[string]string{"content_id": "whitepaper-1"}},
		{at: at.Add(time.Second), kind: "email_open", anon: anon, user: user},
		{at: at.Add(2 * time.Second), kind: "email_open", anon: anon, user: user},
		{at: at.Add(3 * time.Second), kind: "email_click", anon: anon, user: user},
		{at: at.Add(4 * time.Second), kind: "chat_message", anon: anon, user: user},
	}
}

const (
	standing = "SELECT concat(person_id, ' ', toString(tier), micro_segment) FROM person_tiers ORDER BY person_id"
	changes  = "SELECT concat(person_id, ' ', toString(from_tier), from_segment, '>', toString(tier), micro_segment, ' ', formatDateTime(at, '%d %T')) FROM tier_history ORDER BY person_id, at"
	written  = "SELECT toString(count()) FROM tier_observations"
)

func TestEvaluator(t *testing.T) {
	r := newRig(t)
	r.sub("news are evaluated once", newsOnce)
	r.sub("a merge takes the id's own state away", merge)
	r.sub("who is due is evaluated", dueOnce)
	r.sub("other definitions make everybody due", otherDefinitions)
	r.sub("batches of a few", smallBatches)
	r.sub("a list that takes long", longLists)
	r.sub("a restart goes on", restart)
	r.sub("killed between any two statements", killedAnywhere)
	r.sub("the clock steps", clockSteps)
	r.sub("a queue that counts from the beginning again", queueAgain)
	r.sub("an insert that goes on", slowInsert)
	r.sub("erased", erased)
	r.sub("paused", paused)
	r.sub("months touched", monthsTouched)
	r.sub("run", runs)
}

func newsOnce(r *rig) {
	hour := r.clock.Add(-time.Hour)
	r.insert(engaged(hour, "a1", "")...)
	r.insert(happened{at: hour, kind: "page_view", anon: "a2", path: "/"}, happened{at: hour, kind: "page_view", anon: "bot", machine: "bot_user_agent"})
	if done := r.tick(); done.People != 2 || done.Changes != 1 {
		r.t.Errorf("the first tick evaluates %+v", done)
	}
	r.want(standing, "a1 2medium", "a2 0")
	r.want(changes, "a1 0>2medium 20 12:00:00")
	if done := r.tick(); done.People != 0 {
		r.t.Errorf("a tick without news evaluates %+v", done)
	}
	r.insert(happened{at: hour, kind: "page_view", anon: "a2", path: "/pricing"})
	r.clock = r.clock.Add(time.Minute)
	if done := r.tick(); done.People != 1 || done.Changes != 0 {
		r.t.Errorf("one more page view of one person evaluates %+v", done)
	}
	r.want(written, "1")
	r.want("SELECT concat(person_id, ' ', toString(since)) FROM person_tiers ORDER BY person_id", "a1 2026-03-20 12:00:00.000", "a2 2026-03-20 11:00:00.000")
}

func merge(r *rig) {
	hour := r.clock.Add(-time.Hour)
	r.insert(engaged(hour, "a1", "")...)
	r.insert(happened{at: hour, kind: "page_view", user: "ada", path: "/"})
	r.tick()
	r.want(standing, "a1 2medium", "ada 1")
	r.clock = r.clock.Add(time.Minute)
	r.insert(happened{at: r.clock.Add(-time.Second), kind: "identify", anon: "a1", user: "ada"})
	r.tick()
	r.want(standing, "ada 2medium")
	r.want("SELECT arrayStringConcat(distinct_ids, ' ') FROM person_states FINAL", "a1 ada")
	r.want(changes, "a1 0>2medium 20 12:00:00", "a1 2medium>0 20 12:01:00", "ada 0>1 20 12:00:00", "ada 1>2medium 20 12:01:00")
	r.tick()
	r.due()
	r.want(written, "4")
}

func dueOnce(r *rig) {
	r.insert(engaged(r.clock.Add(-time.Hour), "a1", "")...)
	r.insert(happened{at: r.clock.Add(-80 * 24 * time.Hour), kind: "purchase", user: "old"})
	r.tick()
	if done := r.due(); done.People != 0 {
		r.t.Errorf("nobody is due, %+v is evaluated", done)
	}
	r.want("SELECT concat(person_id, ' ', toString(toDate(due_at))) FROM person_tiers ORDER BY person_id", "a1 2026-03-21", "old 2026-03-30")
	// After one day and after seven, only the one whose window moves on was looked at.
	for _, days := range []time.Duration{1, 6} {
		r.clock = r.clock.Add(days * 24 * time.Hour)
		if done := r.due(); done.People != 1 {
			r.t.Errorf("%s: %+v was due", r.clock, done)
		}
	}
	r.want(standing, "a1 0", "old 1")
	r.want(changes, "a1 0>2medium 20 12:00:00", "a1 2medium>0 27 12:00:00", "old 0>1 20 12:00:00")
	r.clock = time.Date(2026, 3, 30, 0, 0, 5, 0, time.UTC)
	r.due()
	r.want("SELECT arrayStringConcat(lifecycle, ' ') FROM person_tiers WHERE person_id = 'old'", "first_time_buyer lapsed")
	if done := r.due(); done.People != 0 {
		r.t.Errorf("again %+v is evaluated", done)
	}
}

func otherDefinitions(r *rig) {
	hour := r.clock.Add(-time.Hour)
	r.insert(happened{at: hour, kind: "content_download", anon: "a1"}, happened{at: hour, kind: "chat_message", anon: "a1"}, happened{at: hour, kind: "page_view", anon: "a2"})
	r.tick()
	r.want(standing, "a1 0", "a2 0")
	r.exec("INSERT INTO definitions SELECT * REPLACE (version + 1 AS version, 2 AS tier2_needs) FROM definitions")
	r.clock = r.clock.Add(time.Minute)
	if done := r.due(); done.People != 2 || done.Changes != 1 {
		r.t.Errorf("new definitions evaluate %+v", done)
	}
	r.want("SELECT concat(person_id, ' ', toString(tier), ' ', toString(definitions)) FROM tier_history", "a1 2 2")
	if done := r.due(); done.People != 0 {
		r.t.Errorf("again %+v is evaluated", done)
	}
}

func smallBatches(r *rig) {
	r.Batch = 3
	var events []happened
	for _, id := range strings.Fields("a b c d e") {
		events = append(events, engaged(r.clock.Add(-time.Hour), id, "")...)
	}
	r.insert(events...)
	if done := r.tick(); done.People != 5 || done.Changes != 5 {
		r.t.Errorf("five people in batches: %+v", done)
	}
	r.clock = r.clock.Add(7 * 24 * time.Hour)
	calls := 0
	done, err := r.Due(r.t.Context(), func(context.Context) error { calls++; return nil })
	if err != nil || done.People != 5 || done.Changes != 5 || calls != 1 {
		r.t.Errorf("due in batches: %+v, %v, %d pauses", done, err, calls)
	}
	r.want("SELECT concat(toString(count()), ' ', toString(sum(tier))) FROM person_tiers", "5 0")
}

// longLists: a list outlives the table's hour, and one that was forgotten all the same is an error, after which nobody is left out.
func longLists(r *rig) {
	r.Batch, r.renewAfter = 2, time.Nanosecond
	var events []happened
	for _, id := range strings.Fields("a b c d e") {
		events = append(events, engaged(r.clock.Add(-time.Hour), id, "")...)
	}
	r.insert(events...)
	if done := r.tick(); done.People != 5 {
		r.t.Errorf("five people of a list that is written again before each run: %+v", done)
	}
	r.clock = r.clock.Add(7 * 24 * time.Hour)
	r.renewAfter = 0
	done, err := r.Due(r.t.Context(), func(context.Context) error {
		r.exec("TRUNCATE TABLE evaluation_scope")
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "0 rows left of 3") || done.People != 2 {
		r.t.Errorf("a list that was forgotten after two people: %+v, %v", done, err)
	}
	if done := r.due(); done.People != 3 {
		r.t.Errorf("those who were forgotten: %+v", done)
	}
	r.want("SELECT concat(toString(count()), ' ', toString(sum(tier))) FROM person_tiers", "5 0")

	// People whose two ids are far apart are listed for two parts of a list of sixty, and evaluated once.
	events = nil
	for i := range 30 {
		events = append(events, engaged(r.clock.Add(-time.Hour), fmt.Sprintf("f%02d", i), fmt.Sprintf("z%02d", i))...)
	}
	r.insert(events...)
	if done := r.tick(); done.People != 30 {
		r.t.Errorf("thirty people of two ids each: %+v", done)
	}
	if done := r.tick(); done.People != 0 {
		r.t.Errorf("and once more: %+v", done)
	}
}

func restart(r *rig) {
	r.insert(engaged(r.clock.Add(-time.Hour), "a1", "")...)
	r.tick()
	r.Evaluator = r.evaluator()
	if done := r.tick(); done.People != 0 {
		r.t.Errorf("after a restart without news %+v is evaluated", done)
	}
	r.Evaluator = r.evaluator()
	r.insert(engaged(r.clock.Add(-time.Hour), "a2", "")...)
	if done := r.tick(); done.People != 1 {
		r.t.Errorf("after a restart with news of one %+v is evaluated", done)
	}
	r.want(standing, "a1 2medium", "a2 2medium")
	r.want(written, "2")
}

var errKilled = errors.New("killed")

// A process is killed after so many statements, and another one goes on: nobody is left out, and nobody's change is written twice.
func killedAnywhere(r *rig) {
	killed := func(at int, do func() error) bool {
		r.t.Helper()
		r.Evaluator = r.evaluator()
		left := at
		r.step = func(string) error {
			if left--; left < 0 {
				return errKilled
			}
			return nil
		}
		err := do()
		if err != nil && !errors.Is(err, errKilled) {
			r.t.Fatalf("killed after %d statements: %v", at, err)
		}
		r.clock = r.clock.Add(time.Second)
		return err != nil
	}
	tick := func() error { _, err := r.Tick(r.t.Context()); return err }
	due := func() error { _, err := r.Due(r.t.Context(), nil); return err }
	var people []string
	r.tick()
	for at := 0; ; at++ {
		id := fmt.Sprintf("a%02d", at)
		people = append(people, id)
		r.insert(engaged(r.clock.Add(-time.Hour), id, "")...)
		if !killed(at, tick) {
			break
		}
	}
	if len(people) < 7 {
		r.t.Errorf("a tick is only %d statements", len(people)-1)
	}
	want := func(what string, changes ...string) {
		r.t.Helper()
		r.Evaluator = r.evaluator()
		r.tick() // a process that starts last makes up for what the killed ones have left
		r.want("SELECT toString(sum(tier)) FROM person_tiers", what)
		r.want("SELECT DISTINCT arrayStringConcat(groupArray(concat(toString(from_tier), from_segment, '>', toString(tier), micro_segment)), ' ') FROM (SELECT * FROM tier_history ORDER BY at) GROUP BY person_id",
			strings.Join(changes, " "))
		r.want(written, fmt.Sprint(len(changes)*len(people)))
		r.want("SELECT toString(count()) FROM person_tiers AS now INNER JOIN (SELECT person_id, max(at) AS last FROM tier_history GROUP BY person_id) AS h ON h.person_id = now.person_id WHERE now.since = h.last",
			fmt.Sprint(len(people)))
	}
	want(fmt.Sprint(2*len(people)), "0>2medium")
	r.clock = r.clock.Add(7 * 24 * time.Hour)
	for at := 0; killed(at, due); at++ {
	}
	want("0", "0>2medium", "2medium>0")
}

func clockSteps(r *rig) {
	r.insert(engaged(r.clock.Add(-30*time.Hour), "a1", "")...)
	r.tick()
	// An hour back: the machine was wrong before. News and their absence are seen, times of a person still grow.
	r.clock = r.clock.Add(-time.Hour)
	r.insert(happened{at: r.clock.Add(-time.Minute), kind: "purchase", anon: "a2"})
	r.tick()
	if done := r.due(); done.People != 1 {
		r.t.Errorf("evaluated in the future and due is %+v, want one person", done)
	}
	r.want("SELECT toString(evaluated_at) FROM person_tiers WHERE person_id = 'a1'", "2026-03-20 11:00:00.000")
	r.exec("ALTER TABLE person_day DELETE WHERE distinct_id = 'a1' SETTINGS mutations_sync = 2")
	r.insert(happened{at: r.clock.Add(-time.Minute), kind: "page_view", anon: "a1"})
	r.tick()
	r.tick()
	r.want(changes, "a1 0>2medium 20 12:00:00", "a1 2medium>0 20 12:00:00")
	r.want(written, "2")
	r.want(standing, "a1 0", "a2 0")
	// A day ahead and back.
	r.clock = r.clock.Add(24 * time.Hour)
	r.due()
	r.clock = r.clock.Add(-24 * time.Hour)
	if done := r.due(); done.People != 2 {
		r.t.Errorf("evaluated a day ahead and due is %+v, want both", done)
	}
	r.want("SELECT DISTINCT toString(evaluated_at) FROM person_tiers", "2026-03-20 11:00:00.000")
	r.want(written, "2")
}

func queueAgain(r *rig) {
	r.insert(happened{at: r.clock, kind: "page_view", anon: "a1"})
	r.tick()
	r.exec("INSERT INTO tier_progress (name, version, block, at) SELECT name, version + 1, 1000000, at FROM tier_progress FINAL")
	r.Evaluator = r.evaluator()
	r.insert(happened{at: r.clock, kind: "page_view", anon: "a2"})
	if done := r.tick(); done.People != 1 {
		r.t.Errorf("with block numbers that began again %+v is evaluated", done)
	}
	r.want(standing, "a1 0", "a2 0")
	if done := r.tick(); done.People != 0 {
		r.t.Errorf("again %+v is evaluated", done)
	}
}

// While an insert into events goes on, what is seen of it may not be all: it is evaluated, and once more when the insert is over.
func slowInsert(r *rig) {
	r.insert(happened{at: r.clock, kind: "page_view", anon: "a1"})
	r.tick()
	reader, writer := io.Pipe()
	ended := make(chan error)
	go func() {
		ended <- r.InsertFormat(context.Background(), "TabSeparated", "INSERT INTO events (event_id, kind, distinct_id, ts)", reader)
	}()
	if _, err := io.WriteString(writer, "00000000-0000-0000-0000-000000000001\tpage_view\ta2\t2026-03-20 11:00:00\n"); err != nil {
		r.t.Fatal(err)
	}
	for until := time.Now().Add(20 * time.Second); ; {
		ids, err := r.loading(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		if len(ids) == 1 {
			break
		}
		if time.Now().After(until) {
			r.t.Fatalf("%d inserts are seen to go on, want 1", len(ids))
		}
	}
	r.insert(happened{at: r.clock, kind: "page_view", anon: "a3"})
	r.patience = 50 * time.Millisecond
	for range 2 {
		if done := r.tick(); done.People != 1 {
			r.t.Errorf("while an insert goes on %+v is evaluated", done)
		}
	}
	r.want(standing, "a1 0", "a3 0")
	// The tick that waits sees the end.
	r.patience = time.Minute
	ticked := make(chan error)
	r.step = func(string) error { return nil }
	go func() {
		_, err := r.Tick(context.Background())
		ticked <- err
	}()
	if err := errors.Join(writer.Close(), <-ended, <-ticked); err != nil {
		r.t.Fatal(err)
	}
	r.tick()
	if done := r.tick(); done.People != 0 {
		r.t.Errorf("after it %+v is evaluated again", done)
	}
	r.want(standing, "a1 0", "a2 0", "a3 0")
}

func erased(r *rig) {
	r.insert(engaged(r.clock.Add(-time.Hour), "a1", "")...)
	r.insert(engaged(r.clock.Add(-time.Hour), "a2", "")...)
	r.tick()
	for _, table := range r.rows("SELECT table FROM system.columns WHERE database = currentDatabase() AND name = 'distinct_id' AND table IN ('person_day', 'person_signals', 'person_month')") {
		r.exec("ALTER TABLE " + table + " DELETE WHERE distinct_id = 'a1' SETTINGS mutations_sync = 2")
	}
	r.exec("INSERT INTO touched_ids (distinct_id) VALUES ('a1')")
	r.clock = r.clock.Add(time.Minute)
	r.tick()
	r.want(standing, "a2 2medium")
	r.want(changes, "a1 0>2medium 20 12:00:00", "a1 2medium>0 20 12:01:00", "a2 0>2medium 20 12:00:00")
}

// Run does both, and stops.
func runs(r *rig) {
	r.insert(engaged(r.clock.Add(-time.Hour), "a1", "")...)
	ctx, cancel := context.WithCancel(r.t.Context())
	ended := make(chan struct{})
	go func() { r.Evaluator.Run(ctx); close(ended) }()
	for until := time.Now().Add(20 * time.Second); len(r.rows(standing)) == 0; {
		if time.Now().After(until) {
			r.t.Fatal("nobody is evaluated")
		}
	}
	cancel()
	<-ended
	r.want(standing, "a1 2medium")
}

// A pause waits for the tick that goes on; what is removed meanwhile does not come back from those that had to wait.
func paused(r *rig) {
	r.insert(engaged(r.clock.Add(-time.Hour), "a1", "")...)
	r.insert(engaged(r.clock.Add(-time.Hour), "a2", "")...)
	reached, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan error, 3)
	r.step = func(name string) error {
		if name == "states" {
			reached <- struct{}{}
			<-goOn
		}
		return nil
	}
	run := func(do func() error) { go func() { ended <- do() }() }
	tick := func() error { _, err := r.Tick(context.Background()); return err }
	run(tick)
	<-reached
	gaveUp, cancel := context.WithCancel(r.t.Context())
	cancel()
	if _, err := r.Pause(gaveUp); err == nil {
		r.t.Fatal("paused in the middle of a tick")
	}
	close(goOn)
	resume, err := r.Pause(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	r.want(standing, "a1 2medium", "a2 2medium")
	r.step = nil
	r.clock = r.clock.Add(7 * 24 * time.Hour) // both are due, and have news
	r.insert(happened{at: r.clock, kind: "page_view", anon: "a1"}, happened{at: r.clock, kind: "page_view", anon: "a2"})
	run(tick)
	run(func() error { _, err := r.Due(context.Background(), nil); return err })
	for until := time.Now().Add(20 * time.Second); r.rows("SELECT toString(uniqExact(batch)) FROM evaluation_scope")[0] != "3"; { // the list and the batch of the first tick, and the list of who is due
		if time.Now().After(until) {
			r.t.Fatal("nobody who is due is listed")
		}
	}
	for _, table := range r.rows("SELECT DISTINCT table FROM system.columns WHERE database = currentDatabase() AND name IN ('distinct_id', 'person_id') AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')") {
		column := r.rows("SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '" + table + "' AND name IN ('distinct_id', 'person_id') ORDER BY name")[0]
		r.exec("ALTER TABLE " + table + " DELETE WHERE " + column + " = 'a1' SETTINGS mutations_sync = 2")
	}
	resume()
	for range 3 {
		if err := <-ended; err != nil {
			r.t.Fatal(err)
		}
	}
	r.want(standing, "a2 0")
	r.want("SELECT DISTINCT person_id FROM tier_observations", "a2")
	r.want("SELECT toString(count()) FROM person_states WHERE person_id = 'a1'", "0")
}

// Rollups that were made again behind the queue's back: those who have or had something in these months are evaluated, and nobody else.
func monthsTouched(r *rig) {
	r.insert(engaged(r.clock.Add(-time.Hour), "a1", "")...)
	r.insert(happened{at: r.clock.Add(-time.Hour), kind: "page_view", anon: "gone"}, happened{at: r.clock.AddDate(0, -1, 0), kind: "page_view", anon: "before"})
	r.tick()
	r.exec("ALTER TABLE person_day DELETE WHERE distinct_id = 'gone' SETTINGS mutations_sync = 2")
	r.exec("ALTER TABLE person_month DELETE WHERE distinct_id = 'gone' SETTINGS mutations_sync = 2")
	if err := r.TouchMonths(r.t.Context(), r.clock, r.clock); err != nil {
		r.t.Fatal(err)
	}
	if done := r.tick(); done.People != 2 {
		r.t.Errorf("evaluated again: %+v, want two people", done)
	}
	r.want(standing, "a1 2medium", "before 0")
	if err := r.TouchMonths(r.t.Context(), r.clock.AddDate(0, -1, 0), r.clock.AddDate(0, -1, 0)); err != nil {
		r.t.Fatal(err)
	}
	if done := r.tick(); done.People != 1 {
		r.t.Errorf("evaluated again of February: %+v, want one person", done)
	}
}
