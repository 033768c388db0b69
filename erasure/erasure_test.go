package erasure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/identity"
	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/tiers"
	"github.com/livello/livello/trust"
	"github.com/livello/livello/warehouse"
)

// story is what ada did before and after she had a name, on a phone that bob used later, and what carla did. Ada is dev-a1, dev-a2
// (another device), dev-h (by a decision of people), ada@old (before she was renamed) and ada@new.
const story = `
{"ts":"2026-01-05 09:00:00","anonymous_id":"dev-a1","kind":"page_view","channel":"web","path":"/","utm_source":"letter"}
{"ts":"2026-01-06 10:00:00","anonymous_id":"dev-a1","user_id":"ada@old","kind":"identify","type":"identify","channel":"web","properties":{"email":"ada@old"}}
{"ts":"2026-01-07 10:00:00","user_id":"ada@old","kind":"purchase","channel":"web","value":10,"currency":"EUR","account_id":"acme"}
{"ts":"2026-01-08 10:00:00","user_id":"ada@new","previous_id":"ada@old","kind":"alias","type":"alias","channel":"web"}
{"ts":"2026-02-01 10:00:00","anonymous_id":"dev-a2","user_id":"ada@new","kind":"chat_message","channel":"chat","text":"hi"}
{"ts":"2026-02-01 10:00:00","anonymous_id":"dev-a2","user_id":"ada@new","kind":"chat_message","channel":"chat","text":"hi"}
{"ts":"2026-02-02 10:00:00","anonymous_id":"dev-a2","user_id":"bob","kind":"purchase","channel":"app","value":5,"currency":"EUR"}
{"ts":"2026-02-03 10:00:00","user_id":"bob","kind":"page_view","channel":"app","properties":{"friend":"carla"}}
{"ts":"2026-01-05 11:00:00","anonymous_id":"dev-c","user_id":"carla","kind":"identify","type":"identify","channel":"web","properties":{"email":"carla@example.com"}}
{"ts":"2026-01-05 11:00:00","user_id":"carla","kind":"page_view","channel":"web","path":"/"}
{"ts":"2026-02-01 11:00:00","user_id":"ada@new","kind":"review","channel":"web","score":5}
{"ts":"2026-02-01 12:00:00","anonymous_id":"dev-h","kind":"page_view","channel":"web","path":"/"}
`

// ofAda are her ids.
var ofAda = []string{"dev-a1", "dev-a2", "dev-h", "ada@old", "ada@new"}

type rig struct {
	t *testing.T
	*warehouse.Warehouse
	dir      string
	refuse   bool
	resolver *identity.Resolver
	tiers    *tiers.Evaluator
	clock    time.Time
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, Warehouse: engine.Migrated(t), dir: t.TempDir(), clock: time.Date(2026, 2, 20, 12, 0, 0, 0, time.UTC)}
	// No merges, so that the two copies of an event stay two; mutations go on.
	r.exec("ALTER TABLE events MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1")
	r.resolver = identity.New(identity.Options{DB: r})
	r.tiers = &tiers.Evaluator{DB: r, Now: func() time.Time { return r.clock }, Identity: func(ctx context.Context) error {
		_, err := r.resolver.Tick(ctx)
		return err
	}}
	return r
}

// sub is the same for a subtest.
func (r *rig) sub(name string, test func(r *rig)) {
	r.t.Run(name, func(t *testing.T) {
		one := *r
		one.t, one.dir = t, t.TempDir()
		test(&one)
	})
}

func (r *rig) exec(statement string) {
	r.t.Helper()
	if err := r.Exec(r.t.Context(), statement); err != nil {
		r.t.Fatalf("%s: %v", statement, err)
	}
}

func (r *rig) number(query string) (n uint64) {
	r.t.Helper()
	if err := r.QueryRow(r.t.Context(), query).Scan(&n); err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// tell has the story happen once for each suffix, which stands behind each id: events, receipts as the loader writes them, rejected records,
// decisions by hand, and what the resolver and the evaluator make of it.
func (r *rig) tell(suffixes ...string) {
	r.t.Helper()
	var first, again bytes.Buffer // two copies in one insert would become one
	for _, suffix := range suffixes {
		for i, line := range strings.Split(strings.TrimSpace(story), "\n") {
			for _, id := range append([]string{"dev-c", `"bob"`, `"carla"`}, ofAda...) {
				if quoted, ok := strings.CutPrefix(id, `"`); ok {
					line = strings.ReplaceAll(line, id, `"`+strings.TrimSuffix(quoted, `"`)+suffix+`"`)
				} else {
					line = strings.ReplaceAll(line, id, id+suffix)
				}
			}
			row := map[string]any{"type": "track"}
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				r.t.Fatal(err)
			}
			n := min(i, 4) + max(i-5, 0) // 4 and 5 are one event
			row["event_id"] = uuid.NewSHA1(uuid.Nil, fmt.Append(nil, suffix, n))
			row["received_at"] = fmt.Sprintf("2026-03-01 00:00:%02d", i)
			if row["distinct_id"] = row["user_id"]; row["distinct_id"] == nil {
				row["distinct_id"] = row["anonymous_id"]
			}
			into := &first
			if i == 5 {
				into = &again
			}
			if err := json.NewEncoder(into).Encode(row); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	for _, rows := range []*bytes.Buffer{&first, &again} {
		if err := r.InsertFormat(r.t.Context(), "JSONEachRow", "INSERT INTO events SETTINGS async_insert = 0, deduplicate_blocks_in_dependent_materialized_views = 0", rows); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, suffix := range suffixes {
		r.exec("INSERT INTO receipts (segment_id, day, rows, id_sum) SELECT generateUUIDv4(), toDate(ts), count(), sum(cityHash64(event_id)) FROM events WHERE endsWith(distinct_id, '" + suffix + "') GROUP BY toDate(ts)")
		r.exec("INSERT INTO quarantine (id, at, source, code, ids, payload) VALUES (generateUUIDv4(), now64(3), 's', 'type', ['ada@new" + suffix + "'], '{}'), (generateUUIDv4(), now64(3), 's', 'syntax', [], '{\"userId\":\"dev-a1" + suffix + "\"'), (generateUUIDv4(), now64(3), 's', 'type', ['bob" + suffix + "'], '{}')")
		// Carla's device was taken for ada's for a while.
		r.exec("INSERT INTO identity_decisions (at, decision, action, distinct_id, user_id, named) VALUES ('2026-02-02 00:00:00', generateUUIDv4(), 'merge', 'dev-h" + suffix + "', 'ada@new" + suffix + "', []), ('2026-02-03 00:00:00', generateUUIDv4(), 'merge', 'dev-c" + suffix + "', 'ada@new" + suffix + "', []), ('2026-02-04 00:00:00', generateUUIDv4(), 'split', 'dev-c" + suffix + "', '', [])")
	}
	rebuilder := &trust.Rebuilder{DB: r} // the second copy was counted twice, which is not what is tested here
	if _, err := rebuilder.Rebuild(r.t.Context(), time.Time{}, time.Time{}); err != nil {
		r.t.Fatal(err)
	}
	if err := r.resolver.Anew(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.tiers.Tick(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	// What a replay and a resolver that were cut off leave.
	r.exec("INSERT INTO tier_replay SELECT * FROM person_states")
	r.exec("INSERT INTO identity_scope (batch, round, distinct_id) SELECT toUUID('00000000-0000-0000-0000-000000000001'), 0, distinct_id FROM person_map")
}

// db is the database, which stops answering after some statements that change something.
type db struct {
	DB
	left int  // -1: never
	once bool // it answers again afterwards
}

var errCrash = errors.New("the process ended here")

func (d *db) spend() error {
	if d.left == 0 {
		if d.once {
			d.left = -1
		}
		return errCrash
	}
	d.left--
	return nil
}

func (d *db) Exec(ctx context.Context, query string, args ...any) error {
	if err := d.spend(); err != nil {
		return err
	}
	return d.DB.Exec(ctx, query, args...)
}

func (d *db) InsertFormat(ctx context.Context, format, query string, data io.Reader) error {
	if err := d.spend(); err != nil {
		return err
	}
	return d.DB.InsertFormat(ctx, format, query, data)
}

// eraser is one of a new process, which gets so many changes done (-1: all).
func (r *rig) eraser(changes int) *Eraser {
	r.t.Helper()
	return r.eraserWith(r.options(changes))
}

func (r *rig) eraserWith(o Options) *Eraser {
	r.t.Helper()
	e, err := New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

func (r *rig) options(changes int) Options {
	rebuilder := &trust.Rebuilder{DB: r}
	return Options{DB: &db{DB: r, left: changes}, Dir: r.dir, Refuse: r.refuse,
		Settle: func(ctx context.Context) error {
			_, err := r.resolver.Tick(ctx)
			return err
		},
		Rebuild: func(ctx context.Context, month time.Time, tables []string) error {
			_, err := rebuilder.Rebuild(ctx, month, month, tables...)
			return err
		},
		Rebuilt: rebuilder.Tidy,
		Pause: func(ctx context.Context) (func(), error) {
			evaluate, err := r.tiers.Pause(ctx)
			if err != nil {
				return nil, err
			}
			resolve, err := r.resolver.Pause(ctx)
			return func() { resolve(); evaluate() }, err
		}}
}

// found says where in the database one of the texts stands: every column that can hold text, and what the engine keeps of its own doing.
func (r *rig) found(ids ...string) (where []string) {
	r.t.Helper()
	columns, err := ask.Texts(r.t.Context(), r, `SELECT concat(c.table, '.', c.name)
FROM system.columns AS c INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
WHERE c.database = currentDatabase() AND t.engine LIKE '%MergeTree' AND c.type LIKE '%String%'`)
	if err != nil || len(columns) < 100 {
		r.t.Fatal(err, columns)
	}
	of := map[string][]string{}
	for _, column := range columns {
		table, name, _ := strings.Cut(column, ".")
		of[table] = append(of[table], "if(countIf(multiSearchAny(toString("+name+"), wanted)) > 0, '"+column+"', '')")
	}
	var each []string
	for table, columns := range of {
		each = append(each, "SELECT ["+strings.Join(columns, ", ")+"] AS found FROM "+table)
	}
	each = append(each, "SELECT [if(countIf(multiSearchAny(command, wanted)) > 0, 'system.mutations', '')] FROM system.mutations WHERE database = currentDatabase()")
	where, err = ask.Texts(r.t.Context(), r, "WITH ['"+strings.Join(ids, "', '")+"'] AS wanted SELECT arrayJoin(found) AS place FROM ("+strings.Join(each, " UNION ALL ")+") WHERE place != '' ORDER BY place")
	if err != nil {
		r.t.Fatal(err)
	}
	return where
}

// wantGone wants nothing to be left of the adas of some suffixes.
func (r *rig) wantGone(suffixes ...string) {
	r.t.Helper()
	var ids []string
	for _, suffix := range suffixes {
		for _, id := range ofAda {
			ids = append(ids, id+suffix)
		}
	}
	if where := r.found(ids...); len(where) > 0 {
		r.t.Errorf("%v is found in %v", ids, where)
	}
}

func (r *rig) wantClean() {
	r.t.Helper()
	report, err := (&trust.Verifier{DB: r}).Verify(r.t.Context(), time.Time{}, time.Time{})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, d := range report.Differences {
		r.t.Errorf("verify: %+v", d)
	}
}

// One database for all, and one telling of the story: making these takes longer than most of the tests.
func TestErasures(t *testing.T) {
	r := newRig(t)
	r.sub("one", testErase)
	r.sub("every table is thought of", testEveryTable)
	r.tell(append([]string{"-later", "-beside", "-goes-on", "-joined", "-at-once", "-left", "-taken"}, cutOffSuffixes()...)...)
	r.sub("later events", testLaterEvents)
	r.sub("beside those who decide", testBeside)
	r.sub("cut off", testCutOff)
	r.sub("goes on by itself", testGoesOn)
	r.sub("joined meanwhile", testJoinedMeanwhile)
	r.sub("two services at once", testTwoAtOnce)
	r.sub("left by another service", testLeftByAnother)
	r.sub("ids that others take for stray", testStrayIDs)
	r.sub("beside a rebuild", testBesideRebuild)
	r.sub("a table that goes", testTableGoes)
	r.sub("a refused segment", testRefusedSegment)
}

func testErase(r *rig) {
	t := r.t
	r.tell("")
	if len(r.found("dev-a1")) == 0 || len(r.found("ada@old")) < 5 {
		t.Fatalf("the story is not where it should be: %v", r.found("ada@old"))
	}
	e := r.eraser(-1)
	c, err := e.Erase(t.Context(), "dev-a1", "a test")
	if err != nil {
		t.Fatal(err)
	}
	r.wantGone("")
	r.wantClean()
	for name, want := range map[string]uint64{"events": 8, "quarantine": 2, "person_day": 4, "person_traits": 1, "account_members": 1, "person_states": 1, "identity_decisions": 2} {
		if c.Removed[name] != want {
			t.Errorf("%d rows removed from %s, want %d", c.Removed[name], name, want)
		}
	}
	for name, n := range c.Removed {
		if n == 0 {
			t.Errorf("the story leaves nothing in %s, so that nothing is tested there", name)
		}
	}
	if c.IDs != 5 || c.By != "a test" || c.DoneAt.IsZero() || len(c.PersonHash) != 64 {
		t.Errorf("certificate %+v", c)
	}
	for name, want := range map[string]uint64{"events": 1, "channel_hour_months": 2, "origins_months": 2, "survey_day_months": 2} {
		if c.Changed[name] != want {
			t.Errorf("%s: %d changed, want %d", name, c.Changed[name], want)
		}
	}
	if _, err := r.tiers.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantGone("")
	// The others are as they were, but for the device that bob shared.
	for query, want := range map[string]uint64{
		"SELECT count() FROM events": 4, "SELECT count() FROM events WHERE distinct_id = 'bob'": 2, "SELECT count() FROM quarantine": 1,
		"SELECT toUInt64(sum(value)) FROM channel_hour": 5, "SELECT sum(events) FROM person_day": 3, "SELECT count() FROM people": 2,
		"SELECT count() FROM person_traits FINAL WHERE value = 'carla@example.com'": 1, "SELECT count() FROM erased_ids": 0,
		"SELECT sum(rows) FROM erased_days": 7, "SELECT sum(responses) FROM survey_day": 0, "SELECT count() FROM origins": 0,
		"SELECT count() FROM person_states FINAL": 2, "SELECT count() FROM tier_history WHERE person_id = 'carla'": 1,
		// Nothing is left of the merge of carla's device with ada, nor of its end; the device is carla's, as it was all the time.
		"SELECT count() FROM identity_decisions": 0, "SELECT count() FROM person_ids WHERE distinct_id = 'dev-c' AND person_id = 'carla'": 1,
		"SELECT count() FROM erasures FINAL WHERE state = 'done' AND removed['events'] = 8 AND requested_by = 'a test' AND length(id_hashes) = 5": 1,
	} {
		if got := r.number(query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	// Somebody unknown, and one whose id is no plain text.
	if c, err = e.Erase(t.Context(), "nobody'); DROP TABLE events; --\n\\", "a test"); err != nil || c.Removed["events"] != 0 || c.IDs != 1 {
		t.Errorf("%+v %v", c, err)
	}
	if r.number("SELECT count() FROM erasures FINAL WHERE state = 'done'") != 2 {
		t.Error("no certificate of somebody unknown")
	}
	// The same evidence that comes again joins again: nobody remembers that it was followed once.
	r.exec("INSERT INTO events (event_id, type, kind, ts, channel, distinct_id, anonymous_id, user_id) VALUES (generateUUIDv4(), 'identify', 'identify', '2026-02-19 10:00:00', 'web', 'ada@new', 'dev-a1', 'ada@new')")
	r.exec("INSERT INTO receipts (segment_id, day, rows, id_sum) SELECT generateUUIDv4(), toDate(ts), 1, cityHash64(event_id) FROM events WHERE distinct_id = 'ada@new'")
	if _, err := r.tiers.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.number("SELECT count() FROM person_ids WHERE distinct_id = 'dev-a1' AND person_id = 'ada@new'") != 1 {
		t.Error("who came again is not followed")
	}
	if _, err := e.Erase(t.Context(), "ada@new", "a test"); err != nil {
		t.Fatal(err)
	}
	r.wantGone("")
}

// Every table is either cleaned by id, or recomputed, or exempt for a reason; and no column that looks as if it named people is overlooked.
func testEveryTable(r *rig) {
	t := r.t
	tables, err := r.eraser(-1).tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cleaned := map[string]string{}
	for _, one := range tables {
		cleaned[one.name] = one.where
	}
	cleaned["events"] += " anonymous_id previous_id user_id" // blanked in events of others; distinct_id is user_id where there is one
	all, err := ask.Texts(t.Context(), r, "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine NOT IN ('View', 'MaterializedView') ORDER BY name")
	if err != nil || len(all) < 30 {
		t.Fatal(err, all)
	}
	there := map[string]bool{}
	for _, name := range all {
		there[name] = true
		places := 0
		if cleaned[name] != "" {
			places++
		}
		if slices.Contains(counting, name) {
			places++
		}
		if exempt[name] != "" {
			places++
		}
		if places != 1 {
			t.Errorf("table %s is in %d places of tables.go: name the column that holds ids as one of idColumns, or put it into counting, or into exempt with the reason", name, places)
		}
	}
	for name := range exempt {
		if !there[name] {
			t.Errorf("there is no table %s that could be exempt", name)
		}
	}
	// Ids of something else than people, of tables that are cleaned.
	other := map[string]string{
		"event_id": "an event", "message_id": "an event", "account_id": "an account", "session_id": "a session", "content_id": "a content", "order_id": "an order",
		"id": "a rejected record", "request": "a request", "message": "an event", "decided_by": "who decided, not about whom", "batch": "a batch",
		"email_opens": "a number", "email_clicks": "a number", "earlier": "people that an id belonged to: other ids of the same person", "user_agent": "a program",
	}
	columns, err := ask.Texts(t.Context(), r, `SELECT concat(table, '.', name) FROM system.columns
WHERE database = currentDatabase() AND match(name, '(^|_)(ids?|person|people|users?|who|whom|named|by|email|earlier|members?|visitors?|contacts?)(_|$)') AND match(type, 'String|UUID|UInt64')`)
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range columns {
		table, name, _ := strings.Cut(column, ".")
		if where, is := cleaned[table]; is && !strings.Contains(where, name) && other[name] == "" {
			t.Errorf("%s looks as if it named people: it is neither in idColumns nor known to be something else", column)
		}
	}
}

// While somebody is erased the evaluator and the resolver go on, and bring nothing back.
func testBeside(r *rig) {
	t := r.t
	ctx, cancel := context.WithCancel(t.Context())
	rounds := 0
	ended := make(chan struct{})
	begun := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			// As if everybody had news, all the time; whoever was there when the round began is in its list.
			err := r.tiers.TouchEverybody(ctx)
			if err == nil {
				_, err = r.tiers.Tick(ctx)
			}
			if err == nil {
				r.clock = r.clock.Add(24 * time.Hour)
				_, err = r.tiers.Due(ctx, nil)
			}
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			if rounds++; rounds == 1 {
				close(begun)
			}
		}
	}()
	<-begun
	// Twice at the same time, by two of her ids: the second finds nothing any more.
	e := r.eraser(-1)
	var both sync.WaitGroup
	certificates, errs := make([]Certificate, 2), make([]error, 2)
	for i, id := range []string{"dev-h-beside", "ada@new-beside"} {
		both.Go(func() { certificates[i], errs[i] = e.Erase(t.Context(), id, "a test") })
	}
	both.Wait()
	cancel()
	<-ended
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]uint64{"events": 8, "person_day": 4, "person_states": 0, "tier_observations": 0} { // 0: however many rounds there were
		first, second := certificates[0].Removed[table], certificates[1].Removed[table]
		if n := first + second; n == 0 || want > 0 && n != want || min(first, second) != 0 {
			t.Errorf("%d and %d rows removed from %s, want %d by one of them", first, second, table, want)
		}
	}
	if _, err := r.tiers.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantGone("-beside")
	r.wantClean()
	t.Logf("%d rounds beside the erasure", rounds)
}

// An erasure is cut off after so many changes that nobody expects more, and begun anew after every few of them.
const (
	lastChange   = 60
	everyChanges = 18
	chain        = "-chain-"
)

// cutOffSuffixes are those of the adas whom testCutOff erases.
func cutOffSuffixes() []string {
	suffixes := []string{chain}
	for changes := 0; changes < lastChange; changes += everyChanges {
		suffixes = append(suffixes, fmt.Sprintf("-%d-", changes))
	}
	return suffixes
}

// The process ends after each number of changes: of one ada, each process coming one change further than the one before, until it is done; and after
// every few changes of another ada each, whose erasure the next process ends.
func testCutOff(r *rig) {
	t := r.t
	suffixes := cutOffSuffixes()
	// cut begins an erasure, in a process that ends after so many changes, and says whether it came to its end.
	cut := func(suffix string, changes int) bool {
		t.Helper()
		_, err := r.eraser(changes).Erase(t.Context(), "ada@new"+suffix, "a test")
		if err != nil && !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		begun := r.number("SELECT count() FROM erasures FINAL WHERE state = 'begun'")
		if kept := r.eraser(-1).Guard().Erased("", "dev-a1"+suffix) == 1; begun == 1 && !kept {
			t.Fatalf("after %d changes events of the person are not kept out", changes)
		}
		return err == nil
	}
	// right looks at an erasure that is done, with however many interruptions.
	right := func(suffix string, changes int) {
		t.Helper()
		if n := r.number("SELECT removed['events'] FROM erasures FINAL WHERE state = 'done' ORDER BY begun_at DESC LIMIT 1"); n != 8 {
			t.Errorf("after %d changes: the certificate says %d events", changes, n)
		}
		if r.eraser(-1).Guard().Erased("ada@new"+suffix) != -1 {
			t.Errorf("after %d changes: the person is still kept out", changes)
		}
	}
	all := 0
	for done := false; !done; all++ {
		if all == lastChange {
			t.Fatalf("an erasure is %d changes and more", all)
		}
		if r.number("SELECT count() FROM erasures FINAL WHERE state = 'begun'") == 0 {
			done = cut(chain, all)
			continue
		}
		err := r.eraser(all).Resume(t.Context())
		if done = err == nil; !done && !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
	}
	right(chain, all)
	if all < 25 {
		t.Errorf("an erasure is only %d changes", all)
	}
	suffixes = suffixes[:1+(all+everyChanges-1)/everyChanges]
	for changes := 0; changes < all; changes += everyChanges {
		suffix := fmt.Sprintf("-%d-", changes)
		if cut(suffix, changes) {
			t.Errorf("an erasure is only %d changes", changes)
		}
		if err := r.eraser(-1).Resume(t.Context()); err != nil {
			t.Fatalf("after %d changes: %v", changes, err)
		}
		if changes < 2 { // not even noted: it has to be asked for again
			cut(suffix, -1)
		}
		right(suffix, changes)
	}
	r.wantGone(suffixes...)
	r.wantClean()
	if n := r.number("SELECT count() FROM erasures FINAL WHERE state != 'done'"); n != 0 {
		t.Errorf("%d erasures are not done", n)
	}
	t.Logf("an erasure is %d changes", all)
}

func testLaterEvents(r *rig) {
	t := r.t
	r.refuse = true
	e := r.eraser(-1)
	if _, err := e.Erase(t.Context(), "ada@old-later", "a test"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for id, want := range map[string]int{"ada@new-later": 0, "dev-a1-later": 0, "dev-a2-later": 0, "bob-later": -1, "": -1} {
			if got := e.Guard().Erased(id); got != want {
				t.Errorf("%q: %d, want %d", id, got, want)
			}
		}
		e = r.eraser(-1) // and after a start
	}
	r.refuse = false
	e = r.eraser(-1)
	if err := e.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.Guard().Erased("ada@new-later") != -1 {
		t.Error("the person is kept out though later events are accepted")
	}
	if n := testing.AllocsPerRun(100, func() { e.Guard().Erased("somebody", "device", "") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// While an erasure goes on nothing of the person is on its way: add waits for who is within.
func TestGuardWaitsForRequests(t *testing.T) {
	g := new(Guard)
	g.Enter()
	added := make(chan struct{})
	go func() {
		if err := g.add([]hash{g.salt.of("ada")}, erased); err != nil {
			t.Error(err)
		}
		close(added)
	}()
	for g.Erased("ada") != 0 { // who enters from here on is kept out
	}
	select {
	case <-added:
		t.Error("add did not wait")
	default:
	}
	g.Leave()
	<-added
	if got := []int{g.Erased("bob", "ada"), g.Erased("bob")}; !slices.Equal(got, []int{1, -1}) {
		t.Error(got)
	}
}

func BenchmarkGuard(b *testing.B) {
	g := new(Guard)
	if err := g.add([]hash{g.salt.of("ada")}, erased); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		g.Erased("somebody", "3f0c9e0a-6c5b-4a43-9b5e-000000000001", "")
	}
}
