package cards

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
)

// dice are thrown anew in each run, or again with LIVELLO_SEED.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("LIVELLO_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again with LIVELLO_SEED=%d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// However the records of an id are cut, shuffled, repeated and merged, the timeline is the same.
func TestMergedInAnyOrder(t *testing.T) {
	dice := dice(t)
	for range 40 {
		var records [][]byte
		for range 1 + dice.IntN(4*mostActs) {
			e := event.Brief{EventID: uuid.New(), Time: 1_700_000_000_000 + dice.Int64N(90*24*hourMs), Kind: []string{"page_view", "email_sent"}[dice.IntN(2)],
				Channel: []string{"web", "email", ""}[dice.IntN(3)], Path: []byte("/" + strconv.Itoa(dice.IntN(100)))}
			records = append(records, appendEvent(nil, &e))
			if dice.IntN(10) == 0 {
				records = append(records, records[dice.IntN(len(records))])
			}
		}
		merged := func() []byte {
			dice.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
			left := make([][]byte, len(records))
			copy(left, records)
			for len(left) > 1 { // some neighbours become one
				from := dice.IntN(len(left) - 1)
				to := from + 2 + dice.IntN(min(8, len(left)-from-1))
				to = min(to, len(left))
				m, err := merger.Merge(nil, left[from])
				if err != nil {
					t.Fatal(err)
				}
				for _, value := range left[from+1 : to] {
					if err := m.MergeNewer(value); err != nil {
						t.Fatal(err)
					}
				}
				one, done, err := m.Finish(true)
				if err != nil {
					t.Fatal(err)
				}
				left[from] = bytes.Clone(one)
				if err := done.Close(); err != nil {
					t.Fatal(err)
				}
				left = append(left[:from+1], left[to:]...)
			}
			return left[0]
		}
		if first, second := merged(), merged(); !bytes.Equal(first, second) {
			t.Fatalf("%d records give %d bytes, and in another order %d", len(records), len(first), len(second))
		}
	}
}

// What the store says somebody did last is what the database says: events of months in any order, repeated, of machines, and of several ids; whatever was lost.
func TestTimelines(t *testing.T) {
	r, dice := newRig(t), dice(t)
	ids := []string{"ada", "ada-phone", "bob", "carla", "many", "many-months"}
	random := func(id string, within time.Duration) event.Row {
		return event.Row{
			Type: "track", Kind: []string{"page_view", "email_sent", "purchase", "ad_impression", "identify", "chat_message"}[dice.IntN(6)], Name: "n", AnonymousID: id,
			Channel: []string{"web", "email", "ads"}[dice.IntN(3)], Path: fmt.Sprint("/", dice.IntN(1000)), ContentID: "c", Value: dice.Int64N(1e6), Currency: []string{"", "EUR"}[dice.IntN(2)],
			Machine: []string{"", "", "", "bot"}[dice.IntN(4)], Time: time.Now().Add(-time.Duration(dice.Int64N(int64(within)))).UnixMilli(),
		}
	}
	for round, then := range []func(){
		func() {},
		func() { r.cards.again("test") },
		func() { r.must(r.cards.db.Flush()) },
		func() { r.kill(); r.start() },
		func() { r.stop(); r.start() },
	} {
		for range 80 {
			r.happened(random(ids[dice.IntN(4)], 100*24*time.Hour))
		}
		r.lost = dice.IntN(2) == 0
		if round == 0 {
			r.lost = false
			r.happened(event.Row{Type: "identify", Kind: "identify", AnonymousID: "ada-phone", UserID: "ada", Time: time.Now().UnixMilli()})
			for range mostActs + 100 {
				many, months := random("many", 24*time.Hour), random("many-months", 24*time.Hour)
				many.Kind, months.Kind, many.Machine, months.Machine = "page_view", "page_view", "", ""
				months.Time -= 120 * 24 * hourMs
				r.happened(many)
				r.happened(months)
			}
			r.happened(event.Row{Type: "page", Kind: "page_view", Channel: "web", AnonymousID: "many-months", Time: time.Now().UnixMilli()})
		}
		r.evaluate()
		if r.lost {
			r.kill()
			r.start()
			r.lost = false
		}
		then()
		r.catchUp()
		r.same("ada", "ada-phone", "bob", "carla", "nobody")
		r.compare("many", "many-months")
		if _, ok := r.cards.Recent([]string{"many"}, time.Time{}); ok {
			t.Error("the store tells of somebody who did more than it knows")
		}
		if _, ok := r.cards.Recent([]string{"many-months"}, time.Now().Add(-120*24*time.Hour)); !ok {
			t.Error("the store does not tell of somebody who did much, long ago, and came back a moment ago")
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

// What comes in long after it was accepted is kept by itself: after a crash nobody would read so far back. What cannot be taken is read.
func TestTakenLate(t *testing.T) {
	r := newRig(t)
	r.did("page_view", "", "ada")
	r.evaluate()
	r.catchUp()
	r.did("page_view", "", "ada")
	r.insert()
	if age := time.Since(r.cards.telling.Until); age > 2*disorder {
		t.Fatalf("what would be read again after a crash is %s old", age)
	}
	r.late = time.Hour
	r.happened(event.Row{Type: "page", Kind: "page_view", Channel: "web", UserID: "ada", Path: "/late", Time: time.Now().UnixMilli()})
	r.insert()
	r.late = 0
	r.kill()
	r.start()
	r.catchUp()
	r.same("ada")

	r.lost = true
	r.did("purchase", "", "ada")
	r.insert()
	now := time.Now()
	r.cards.Take(now, now, func(each func([]byte, int) error) error { return each([]byte("a block of another version"), 1) })
	if _, ok := r.cards.Recent([]string{"ada"}, time.Time{}); ok {
		t.Error("the store tells what it does not know")
	}
	r.catchUp()
	r.same("ada")

	for _, id := range []string{"ada", "nobody"} {
		if d, ok := r.cards.Recent([]string{id}, time.Now().AddDate(0, 3, 0)); !ok || len(d.Events) > 0 {
			t.Errorf("%s in three months: %+v, %v", id, d, ok)
		}
	}
	if nobody, err := r.cards.timeline("nobody"); err != nil || len(nobody.events)+len(nobody.acts) > 0 {
		t.Errorf("nobody: %+v, %v", nobody, err)
	}
}
