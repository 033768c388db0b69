package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"pgregory.net/rapid"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// dying is a database that stops answering after some statements that change something, as when the process is killed between two of them.
type dying struct {
	DB
	left int // -1: never
}

var errKilled = errors.New("the process ended here")

func (d *dying) spend() error {
	if d.left == 0 {
		return errKilled
	}
	d.left--
	return nil
}

func (d *dying) Exec(ctx context.Context, query string, args ...any) error {
	if err := d.spend(); err != nil {
		return err
	}
	return d.DB.Exec(ctx, query, args...)
}

func (d *dying) InsertFormat(ctx context.Context, format, query string, data io.Reader) error {
	if err := d.spend(); err != nil {
		return err
	}
	return d.DB.InsertFormat(ctx, format, query, data)
}

func (d *dying) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	if d.left == 0 {
		return nil, errKilled
	}
	return d.DB.Query(ctx, query, args...)
}

// testTickEndsWhereRebuildDoes sends random sightings and decisions in random parts, in any order, with kills, and compares what is decided step by
// step with what a rebuild decides and with the naive answer. Few ids in each of some worlds, so that they meet; ids that any string can be.
func testTickEndsWhereRebuildDoes(t *testing.T, w *warehouse.Warehouse) {
	engine.Checks(t, 3)
	rapid.Check(t, func(rt *rapid.T) {
		empty(rt, w)
		n := naive{maxUsers: rapid.IntRange(2, 3).Draw(rt, "most users"), maxIDs: rapid.IntRange(3, 8).Draw(rt, "most ids"), roles: []string{"info"}}
		guards := &Guards{MaxUsers: n.maxUsers, MaxIDs: n.maxIDs, Roles: n.roles}
		batch := rapid.SampledFrom([]int{20, 100, 10_000}).Draw(rt, "batch")
		resolver := func(left int) *Resolver {
			return New(Options{DB: &dying{w, left}, Batch: batch, Guards: guards})
		}
		r := resolver(-1)
		for range rapid.IntRange(2, 4).Draw(rt, "parts") {
			before := n.verdict()
			part := rapid.SliceOfN(rapid.Custom(drawSighting), 1, 100).Draw(rt, "part")
			n.all = append(n.all, part...)
			insertSightings(rt, w, part)
			exec(rt, w, "TRUNCATE TABLE touched_ids")
			switch rapid.IntRange(0, 3).Draw(rt, "then") {
			case 0:
				killSome(rt, func(left int) error { _, err := resolver(left).Tick(t.Context()); return err })
				r = resolver(-1)
			case 1:
				n.decide(rt, r, rapid.Custom(drawDecision).Draw(rt, "decision"))
			}
			if _, err := r.Tick(t.Context()); err != nil {
				rt.Fatal(err)
			}
			after := n.verdict()
			sameVerdict(rt, "step by step", readVerdict(rt, w), after)
			allTold(rt, w, before, after)
		}
		want := n.verdict()
		if changed, err := resolver(-1).Rebuild(t.Context()); err != nil || changed != 0 {
			rt.Fatalf("a rebuild finds %d ids elsewhere, %v", changed, err)
		}
		sameVerdict(rt, "rebuild", readVerdict(rt, w), want)
		// From nothing, killed on the way.
		for _, table := range []string{"person_map", "person_pairs", "identity_conflicts", "identity_progress", "touched_ids"} {
			exec(rt, w, "TRUNCATE TABLE "+table)
		}
		killSome(rt, func(left int) error { _, err := resolver(left).Tick(t.Context()); return err })
		if _, err := resolver(-1).Tick(t.Context()); err != nil {
			rt.Fatal(err)
		}
		sameVerdict(rt, "rebuild from nothing", readVerdict(rt, w), want)
		allTold(rt, w, verdict{}, want)
	})
}

// killSome has something end after some statements, up to twice; it may also come through.
func killSome(rt *rapid.T, do func(left int) error) {
	for range rapid.IntRange(1, 2).Draw(rt, "kills") {
		if err := do(rapid.IntRange(0, 25).Draw(rt, "statements until it is killed")); err != nil && !errors.Is(err, errKilled) {
			rt.Fatal(err)
		}
	}
}

var strange = []string{"", "'; DROP TABLE events --", "tab\tand\nline", "\xff\xfe", "ñandú 🦙", `\N`, "{a:String}"}

func drawSighting(rt *rapid.T) sighting {
	world := rapid.IntRange(0, 9).Draw(rt, "world")
	name := func(of string, most int) string {
		i := rapid.IntRange(0, most).Draw(rt, of)
		if of == "u" && i == 0 && rapid.Bool().Draw(rt, "role") {
			return fmt.Sprint("info@x", world)
		}
		return fmt.Sprint(of, world, "-", i, strange[(world+i)%len(strange)])
	}
	s := sighting{user: name("u", 4), at: int64(rapid.IntRange(0, 30).Draw(rt, "at")) * 1000}
	if s.id = name("d", 9); rapid.IntRange(0, 4).Draw(rt, "alias") == 0 {
		for s.id = name("u", 4); s.id == s.user; {
			s.id = name("u", 4)
		}
	}
	return s
}

func drawDecision(rt *rapid.T) sighting {
	s := drawSighting(rt)
	s.merge = rapid.Bool().Draw(rt, "merge")
	s.split = !s.merge
	return s
}

// decide has the resolver decide something by hand; what it refuses to do is no decision.
func (n *naive) decide(rt *rapid.T, r *Resolver, d sighting) {
	before := n.verdict()
	who := func(id string) string {
		if p := before.person[id]; p != "" {
			return p
		}
		return id
	}
	var done Change
	var err error
	if d.merge {
		done, err = r.Merge(context.Background(), d.user, d.id, "a test", "rapid")
		d.id, d.user = who(d.id), who(d.user)
	} else {
		done, err = r.Split(context.Background(), d.id, "a test", "rapid")
	}
	if err != nil {
		return
	}
	d.at = r.decidedAt(rt, done)
	n.decided = append(n.decided, d)
	after := n.verdict()
	for _, m := range done.Moved {
		if got := after.person[m.ID]; got != m.To && m.To != m.ID || got == "" && m.To != m.ID {
			rt.Fatalf("%+v: said to belong to %q, and belongs to %q", m, m.To, got)
		}
	}
}

func (r *Resolver) decidedAt(rt *rapid.T, c Change) int64 {
	at, err := ask.Number(context.Background(), r.db, "SELECT toUInt64(toUnixTimestamp64Milli(at)) FROM identity_decisions WHERE decision = {d:UUID}", named("d", c.Decision.String()))
	if err != nil || at == 0 {
		rt.Fatal("the decision is not written down: ", err)
	}
	return int64(at)
}

func exec(rt fataler, w *warehouse.Warehouse, statement string) {
	if err := w.Exec(context.Background(), statement); err != nil {
		rt.Fatalf("%s: %v", statement, err)
	}
}

type fataler interface {
	Fatalf(format string, args ...any)
}

func empty(rt fataler, w *warehouse.Warehouse) {
	for _, table := range []string{"identity_edges", "touched_edges", "touched_ids", "person_map", "person_pairs", "identity_conflicts", "identity_decisions", "identity_progress", "recomputations", "events"} {
		exec(rt, w, "TRUNCATE TABLE "+table)
	}
}

// insertSightings writes evidence as the view on events does.
func insertSightings(rt fataler, w *warehouse.Warehouse, part []sighting) {
	var b rowBinary
	for _, s := range part {
		b.text(s.id)
		b.text(s.user)
		b.text("identify")
		b.uint16(0)
		b.int64(s.at)
		b.int64(s.at)
		b.uint64(1)
	}
	if err := w.InsertFormat(context.Background(), "RowBinary", "INSERT INTO identity_edges (distinct_id, user_id, kind, month, first_at, last_at, evidence) SETTINGS insert_deduplicate = 0", &b.Buffer); err != nil {
		rt.Fatalf("insert: %v", err)
	}
}

func readVerdict(rt fataler, w *warehouse.Warehouse) verdict {
	v := verdict{map[string]string{}, map[string]int64{}, map[pair]string{}}
	rows, err := w.Query(context.Background(), "SELECT distinct_id, person_id, toUnixTimestamp64Milli(since) FROM person_ids")
	if err != nil {
		rt.Fatalf("read what was decided: %v", err)
	}
	for rows.Next() {
		var id, person string
		var since int64
		if err := rows.Scan(&id, &person, &since); err != nil {
			rt.Fatalf("read what was decided: %v", err)
		}
		v.person[id], v.since[id] = person, since
	}
	if err := rows.Err(); err != nil {
		rt.Fatalf("read what was decided: %v", err)
	}
	if rows, err = w.Query(context.Background(), "SELECT distinct_id, user_id, toString(reason) FROM identity_conflicts FINAL"); err != nil {
		rt.Fatalf("read what was decided: %v", err)
	}
	for rows.Next() {
		var p pair
		var reason string
		if err := rows.Scan(&p.id, &p.user, &reason); err != nil {
			rt.Fatalf("read what was decided: %v", err)
		}
		v.conflicts[p] = reason
	}
	if err := rows.Err(); err != nil {
		rt.Fatalf("read what was decided: %v", err)
	}
	return v
}

func sameVerdict(rt fataler, how string, got, want verdict) {
	if !reflect.DeepEqual(got, want) {
		rt.Fatalf("%s:\n got %q\nwant %q", how, fmt.Sprint(got), fmt.Sprint(want))
	}
}

// allTold checks that everybody who lost or got an id is in the queue, with all ids they had and have.
func allTold(rt fataler, w *warehouse.Warehouse, before, after verdict) {
	told := map[string]bool{}
	for _, id := range texts(rt, w, "SELECT DISTINCT distinct_id FROM touched_ids") {
		told[id] = true
	}
	who := func(v verdict, id string) string {
		if p := v.person[id]; p != "" {
			return p
		}
		return id
	}
	ids, moved := map[string]bool{}, map[string]bool{}
	for _, v := range []verdict{before, after} {
		for id, person := range v.person {
			ids[id], ids[person] = true, true
		}
	}
	for id := range ids {
		if from, to := who(before, id), who(after, id); from != to {
			moved[from], moved[to] = true, true
		}
	}
	for id := range ids {
		if (moved[who(before, id)] || moved[who(after, id)]) && !told[id] {
			rt.Fatalf("%q has news (it was %q's and is %q's) and is not in touched_ids", id, who(before, id), who(after, id))
		}
	}
}

func texts(rt fataler, w *warehouse.Warehouse, query string) (all []string) {
	rows, err := w.Query(context.Background(), query)
	if err != nil {
		rt.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			rt.Fatalf("%s: %v", query, err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		rt.Fatalf("%s: %v", query, err)
	}
	return all
}
