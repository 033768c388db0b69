package cards

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/profile"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// manyStates writes a state of as many people, each with an id besides their own, as evaluation of this version.
const manyStates = `INSERT INTO person_states (person_id, version, evaluated_at, definitions, features, criteria_met, tier, micro_segment, lifecycle, score, reasons,
    action_required, since, due_at, first_seen, last_seen, last_purchase_at, revenue_365d, revenue_total, distinct_ids)
SELECT
    concat('user-', toString(number)), %d, now64(3), 1,
    arrayMap(i -> multiIf(i %% 4 = 0, cityHash64(number, i) / 1e18, i %% 4 = 1, cityHash64(number, i) %% 9, i = 10, nan, 0.), range(37)),
    ['content', 'email'], 1, '', ['loyal_fan'], 24.125,
    [('site_visits', 4.125, 'Visits the site again and again'), ('content', 20., 'Downloads content')],
    'Keep in touch with useful content; no call yet', now64(3) - number, now64(3) + 1e5, now64(3) - 1e6 - number, now64(3) - number, now64(3) - number,
    map('EUR', toDecimal128(number, 4)), map('EUR', toDecimal128(number, 4)), [concat('anon-', toString(cityHash64(number))), concat('user-', toString(number))]
FROM numbers(%d)
WHERE cityHash64(number, %d) %% %d = 0
SETTINGS max_insert_block_size = 20000`

// many has 100,000 people in the warehouse, or as many as LIVELLO_SCALE says, and a store of them.
func many(b *testing.B) (*Store, int, *warehouse.Warehouse) {
	n := 100_000
	if text := os.Getenv("LIVELLO_SCALE"); text != "" {
		n, _ = strconv.Atoi(text)
	}
	w := engine.Migrated(b)
	if err := w.Exec(b.Context(), fmt.Sprintf(manyStates, 1, n, 1, 1)); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	s := filled(b, w)
	if err := s.db.Flush(); err != nil {
		b.Fatal(err)
	}
	m := s.db.Metrics()
	b.Logf("filled in %s; %d bytes a person on the disk", time.Since(began).Round(time.Millisecond), int(m.DiskSpaceUsage())/n)
	return s, n, w
}

// filled is a new store of what is in the warehouse.
func filled(b *testing.B, w *warehouse.Warehouse) *Store {
	s := Open(Options{Dir: filepath.Join(b.TempDir(), "profiles"), DB: w})
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := s.CatchUp(b.Context()); err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkGet(b *testing.B) {
	s, n, _ := many(b)
	reader := profile.NewReader(s.o.DB, s)
	for name, id := range map[string]func(int) string{
		"own id":     func(i int) string { return "user-" + strconv.Itoa(i*7919%n) },
		"unknown id": func(i int) string { return "nobody-" + strconv.Itoa(i) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				if _, err := s.Get(id(i)); err != nil && err != profile.ErrUnknown {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("decode", func(b *testing.B) {
		k := s.key(ofPerson, "user-4711")
		card, done, err := s.db.Get(k[:])
		if err != nil {
			b.Fatal(err)
		}
		defer done.Close()
		b.ReportMetric(float64(len(card)), "bytes")
		b.ReportAllocs()
		for range b.N {
			if _, err := decode(card); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("as JSON", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			p, err := reader.Get(b.Context(), "user-"+strconv.Itoa(i*7919%n), false)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := json.Marshal(p); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// What a state costs that is followed, of an evaluation of a tenth of the people.
func BenchmarkFollow(b *testing.B) {
	s, n, w := many(b)
	version, rows := uint64(1), 0.
	for b.Loop() {
		b.StopTimer()
		version++
		if err := w.Exec(b.Context(), fmt.Sprintf(manyStates, version, n, version, 10)); err != nil {
			b.Fatal(err)
		}
		s.Evaluated(version)
		b.StartTimer()
		if err := s.CatchUp(b.Context()); err != nil {
			b.Fatal(err)
		}
		rows += float64(n) / 10
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/rows, "us/state")
}

// takes has a store take events over, in blocks of a thousand, of so many ids.
type takes struct {
	*Store
	columns *event.Columns
	block   []byte
	ids     int
	events  int
}

func newTakes(b *testing.B, ids int) *takes {
	return &takes{Store: filled(b, engine.Migrated(b)), columns: event.New(), ids: ids}
}

func (t *takes) fill() {
	t.columns.Reset()
	for i := range 1000 {
		t.events++
		t.columns.Append(&event.Row{EventID: uuid.New(), Type: "page", Kind: "page_view", Name: "viewed", Channel: "web", Time: 1_760_000_000_000 + 10*int64(t.events), Source: "shop",
			AnonymousID: "anon-" + strconv.Itoa(rand.IntN(t.ids)), Path: "/products/" + strconv.Itoa(rand.IntN(10_000)), ContentID: "item-" + strconv.Itoa(i%100), SessionID: "session"})
	}
	t.block = t.columns.EncodeBlock(t.block[:0])
}

func (t *takes) take() {
	now := time.Now()
	t.Take(now, now, func(each func([]byte, int) error) error { return each(t.block, t.columns.Rows()) })
}

// What an event costs that is taken over, with the merging of what is on the disk.
func BenchmarkTake(b *testing.B) {
	t := newTakes(b, 2_400_000)
	for b.Loop() {
		b.StopTimer()
		t.fill()
		b.StartTimer()
		t.take()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(t.events), "ns/event")
}

// What it costs to say what somebody did last who has one id and some forty events.
func BenchmarkRecent(b *testing.B) {
	t := newTakes(b, 25_000)
	for range 1000 {
		t.fill()
		t.take()
	}
	if err := t.db.Flush(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if d, ok := t.Recent([]string{"anon-" + strconv.Itoa(i*7919%t.ids)}, time.UnixMilli(1_760_000_000_000)); !ok || len(d.Events) == 0 {
			b.Fatalf("%+v, %v", d, ok)
		}
	}
}
