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
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/identity"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/trust"
	"github.com/livello/livello/warehouse"
)

// story is what ada did before and after she had a name, on a phone that bob used later, and what carla did. Ada is a1, a2
// (another device), ada@old (before she was renamed) and ada.
const story = `
{"ts":"2026-01-05 09:00:00","anonymous_id":"dev-a1","kind":"page_view","channel":"web","path":"/"}
{"ts":"2026-01-06 10:00:00","anonymous_id":"dev-a1","user_id":"ada@old","kind":"identify","type":"identify","channel":"web","properties":{"email":"ada@old"}}
{"ts":"2026-01-07 10:00:00","user_id":"ada@old","kind":"purchase","channel":"web","value":10,"currency":"EUR","account_id":"acme"}
{"ts":"2026-01-08 10:00:00","user_id":"ada@new","previous_id":"ada@old","kind":"alias","type":"alias","channel":"web"}
{"ts":"2026-02-01 10:00:00","anonymous_id":"dev-a2","user_id":"ada@new","kind":"chat_message","channel":"chat","text":"hi"}
{"ts":"2026-02-01 10:00:00","anonymous_id":"dev-a2","user_id":"ada@new","kind":"chat_message","channel":"chat","text":"hi"}
{"ts":"2026-02-02 10:00:00","anonymous_id":"dev-a2","user_id":"bob","kind":"purchase","channel":"app","value":5,"currency":"EUR"}
{"ts":"2026-02-03 10:00:00","user_id":"bob","kind":"page_view","channel":"app","properties":{"friend":"carla"}}
{"ts":"2026-01-05 11:00:00","anonymous_id":"dev-c","user_id":"carla","kind":"identify","type":"identify","channel":"web","properties":{"email":"carla@example.com"}}
{"ts":"2026-01-05 11:00:00","user_id":"carla","kind":"page_view","channel":"web","path":"/"}
`

type rig struct {
	t *testing.T
	*warehouse.Warehouse
	dir    string
	refuse bool
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, Warehouse: engine.Migrated(t), dir: t.TempDir()}
	// No merges, so that the two copies of an event stay two; mutations go on.
	r.exec("ALTER TABLE events MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1")
	return r
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

// tell inserts the story with %s behind each id, receipts as the loader writes them, and two rejected records.
func (r *rig) tell(suffix string) {
	r.t.Helper()
	for i, line := range strings.Split(strings.TrimSpace(story), "\n") {
		for _, id := range []string{"dev-a1", "dev-a2", "dev-c", "ada@old", "ada@new", `"bob"`, `"carla"`} {
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
		text, err := json.Marshal(row)
		if err != nil {
			r.t.Fatal(err)
		}
		if err := r.InsertFormat(r.t.Context(), "JSONEachRow", "INSERT INTO events SETTINGS async_insert = 0", bytes.NewReader(text)); err != nil {
			r.t.Fatalf("line %d: %v", i, err)
		}
	}
	r.exec("INSERT INTO receipts (segment_id, day, rows, id_sum) SELECT generateUUIDv4(), toDate(ts), count(), sum(cityHash64(event_id)) FROM events WHERE endsWith(distinct_id, '" + suffix + "') GROUP BY toDate(ts)")
	r.exec("INSERT INTO quarantine (id, at, source, code, ids, payload) VALUES (generateUUIDv4(), now64(3), 's', 'type', ['ada@new" + suffix + "'], '{}'), (generateUUIDv4(), now64(3), 's', 'syntax', [], '{\"userId\":\"dev-a1" + suffix + "\"'), (generateUUIDv4(), now64(3), 's', 'type', ['bob" + suffix + "'], '{}')")
	rebuilder := &trust.Rebuilder{DB: r} // the second copy was counted twice, which is not what is tested here
	if _, err := rebuilder.Rebuild(r.t.Context(), time.Time{}, time.Time{}, "person_day", "channel_hour"); err != nil {
		r.t.Fatal(err)
	}
}

// db is the database, which stops answering after some statements that change something.
type db struct {
	DB
	left int // -1: never
}

var errCrash = errors.New("the process ended here")

func (d *db) spend() error {
	if d.left == 0 {
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
	rebuilder := &trust.Rebuilder{DB: r}
	e, err := New(Options{DB: &db{r, changes}, Dir: r.dir, Refuse: r.refuse,
		Settle: func(ctx context.Context) error { return identity.Resolve(ctx, r) },
		Rebuild: func(ctx context.Context, month time.Time) error {
			_, err := rebuilder.Rebuild(ctx, month, month, "channel_hour")
			return err
		}})
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

// found says where in the database a text stands: every column that can hold text, and what the engine keeps of its own doing.
func (r *rig) found(text string) (where []string) {
	r.t.Helper()
	columns, err := texts(r.t.Context(), r, `SELECT concat(c.table, '.', c.name)
FROM system.columns AS c INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
WHERE c.database = currentDatabase() AND t.engine LIKE '%MergeTree' AND (c.type LIKE '%String%')`)
	if err != nil || len(columns) < 40 {
		r.t.Fatal(err, columns)
	}
	for _, column := range columns {
		table, name, _ := strings.Cut(column, ".")
		if r.number("SELECT count() FROM "+table+" WHERE position(toString("+name+"), '"+text+"') > 0") > 0 {
			where = append(where, column)
		}
	}
	if r.number("SELECT count() FROM system.mutations WHERE database = currentDatabase() AND position(command, '"+text+"') > 0") > 0 {
		where = append(where, "system.mutations")
	}
	return where
}

func (r *rig) wantGone(ids ...string) {
	r.t.Helper()
	for _, id := range ids {
		if where := r.found(id); len(where) > 0 {
			r.t.Errorf("%s is found in %v", id, where)
		}
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

func TestErase(t *testing.T) {
	r := newRig(t)
	r.tell("")
	if len(r.found("dev-a1")) == 0 || len(r.found("ada@old")) < 5 {
		t.Fatalf("the story is not where it should be: %v", r.found("ada@old"))
	}
	e := r.eraser(-1)
	c, err := e.Erase(t.Context(), "dev-a1", "a test")
	if err != nil {
		t.Fatal(err)
	}
	r.wantGone("dev-a1", "dev-a2", "ada@old", "ada@new")
	r.wantClean()
	for name, want := range map[string]uint64{"events": 6, "quarantine": 2, "person_day": 3, "person_traits": 1, "account_members": 1} {
		if c.Removed[name] != want {
			t.Errorf("%d rows removed from %s, want %d", c.Removed[name], name, want)
		}
	}
	if c.IDs != 4 || c.Changed["events"] != 1 || c.Changed["channel_hour_months"] != 2 || c.By != "a test" || c.DoneAt.IsZero() || len(c.PersonHash) != 64 {
		t.Errorf("certificate %+v", c)
	}
	// The others are as they were, but for the device that bob shared.
	for query, want := range map[string]uint64{
		"SELECT count() FROM events": 4, "SELECT count() FROM events WHERE distinct_id = 'bob'": 2, "SELECT count() FROM quarantine": 1,
		"SELECT toUInt64(sum(value)) FROM channel_hour": 5, "SELECT sum(events) FROM person_day": 3, "SELECT count() FROM people": 2,
		"SELECT count() FROM person_traits FINAL WHERE value = 'carla@example.com'": 1, "SELECT count() FROM erased_ids": 0,
		"SELECT sum(rows) FROM erased_days": 5,
		"SELECT count() FROM erasures FINAL WHERE state = 'done' AND removed['events'] = 6 AND requested_by = 'a test' AND length(id_hashes) = 4": 1,
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
}

// The process ends after so many changes; the next one goes on. Every time another ada.
func TestEraseThatIsCutOff(t *testing.T) {
	r := newRig(t)
	for changes := 0; ; changes += 9 { // all of them take minutes
		suffix := fmt.Sprintf("-%d-", changes)
		r.tell(suffix)
		e := r.eraser(changes)
		_, err := e.Erase(t.Context(), "ada@new"+suffix, "a test")
		if err == nil {
			if changes < 20 {
				t.Errorf("an erasure is only %d changes", changes)
			}
			break
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		e = r.eraser(-1)
		begun := r.number("SELECT count() FROM erasures FINAL WHERE state = 'begun'")
		if held := e.Guard().Erased("", "dev-a1"+suffix) == 1; begun == 1 && !held {
			t.Fatalf("after %d changes: %d begun, events of the person are kept out: %v", changes, begun, held)
		}
		if err := e.Resume(t.Context()); err != nil {
			t.Fatalf("after %d changes: %v", changes, err)
		}
		if begun == 0 { // not even noted: it has to be asked for again
			if _, err := e.Erase(t.Context(), "ada@new"+suffix, "a test"); err != nil {
				t.Fatal(err)
			}
		}
		r.wantGone("dev-a1"+suffix, "ada@old"+suffix, "ada@new"+suffix, "dev-a2"+suffix)
		if n := r.number("SELECT removed['events'] FROM erasures FINAL WHERE state = 'done' ORDER BY begun_at DESC LIMIT 1"); n != 6 {
			t.Errorf("after %d changes: the certificate says %d events", changes, n)
		}
		if e.Guard().Erased("ada@new"+suffix) != -1 {
			t.Errorf("after %d changes: the person is still kept out", changes)
		}
		if t.Failed() {
			break
		}
	}
	r.wantClean()
	if n := r.number("SELECT count() FROM erasures FINAL WHERE state != 'done'"); n != 0 {
		t.Errorf("%d erasures are not done", n)
	}
}

func TestLaterEvents(t *testing.T) {
	r := newRig(t)
	r.tell("")
	r.refuse = true
	e := r.eraser(-1)
	if _, err := e.Erase(t.Context(), "ada@old", "a test"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for id, want := range map[string]int{"ada@new": 0, "dev-a1": 0, "dev-a2": 0, "bob": -1, "": -1} {
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
	if e.Guard().Erased("ada@new") != -1 {
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
		if err := g.add([]hash{g.salt.of("ada")}); err != nil {
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
	if err := g.add([]hash{g.salt.of("ada")}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		g.Erased("somebody", "3f0c9e0a-6c5b-4a43-9b5e-000000000001", "")
	}
}
