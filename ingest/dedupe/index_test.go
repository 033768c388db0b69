package dedupe

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// take claims ids and confirms; it answers which were new.
func take(t interface {
	Helper()
	Fatal(...any)
}, x *Index, ids ...uuid.UUID) []bool {
	t.Helper()
	keep := make([]bool, len(ids))
	c := x.Claim()
	if _, err := c.Take(ids, keep); err != nil {
		t.Fatal(err)
	}
	c.Confirm()
	return keep
}

func mustOpen(t *testing.T, dir string, o Options) *Index {
	t.Helper()
	if o.Window == 0 {
		o.Window = time.Hour
	}
	x, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Whatever the order of claims, releases, flushes, reopens and hours passing, an id is new exactly when it was not confirmed
// within the window. Between the window and a quarter more both answers are right.
func TestAgainstASet(t *testing.T) {
	var ids []uuid.UUID
	for range 40 {
		ids = append(ids, uuid.New())
	}
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(1_800_000_000, 0)
		o := Options{Window: 8 * time.Hour, Now: func() time.Time { return now }}
		x, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = x.Close() }()
		confirmed := map[uuid.UUID]time.Time{}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"claim", "claim", "release", "flush", "reopen", "wait"}).Draw(t, "step") {
			case "claim":
				drawn := rapid.SliceOfN(rapid.SampledFrom(ids), 1, 8).Draw(t, "ids")
				in := map[uuid.UUID]bool{}
				for i, keep := range take(t, x, drawn...) {
					at, known := confirmed[drawn[i]]
					age := now.Sub(at)
					mustBeOld := in[drawn[i]] || known && age <= o.Window
					mustBeNew := !in[drawn[i]] && (!known || age > o.Window+2*o.Window/slotsPerWindow)
					if keep && mustBeOld || !keep && mustBeNew {
						t.Fatalf("id %s: new is %v; confirmed %v, %s ago", drawn[i], keep, known, age)
					}
					in[drawn[i]] = true
					if keep {
						confirmed[drawn[i]] = now
					}
				}
			case "release":
				drawn := rapid.SliceOfN(rapid.SampledFrom(ids), 1, 8).Draw(t, "ids")
				c := x.Claim()
				if _, err := c.Take(drawn, make([]bool, len(drawn))); err != nil {
					t.Fatal(err)
				}
				c.Release()
			case "flush":
				if err := x.Flush(context.Background()); err != nil {
					t.Fatal(err)
				}
			case "reopen":
				if err := x.Close(); err != nil {
					t.Fatal(err)
				}
				if x, err = Open(dir, o); err != nil {
					t.Fatal(err)
				}
			case "wait":
				// A flush comes with the time, before and after the wait, as the spool's reaper makes one every few seconds. Without
				// the second one an id is remembered for as long as nothing is flushed, which is not what the window promises.
				if err := x.Flush(context.Background()); err != nil {
					t.Fatal(err)
				}
				now = now.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes")) * time.Minute)
				if err := x.Flush(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// What was flushed is there after a crash (the store is opened again without being closed); what was not is the spool's to add.
func TestFlushedIdsSurviveACrash(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	x := mustOpen(t, dir, Options{})
	defer x.Close()
	id := uuid.New()
	take(t, x, id)
	if err := x.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	y := mustOpen(t, copied, Options{})
	defer y.Close()
	if take(t, y, id)[0] {
		t.Fatal("an id flushed before the crash is taken for new")
	}
}

func TestConcurrentClaimsOfOneIdKeepItOnce(t *testing.T) {
	x := mustOpen(t, t.TempDir(), Options{})
	defer x.Close()
	var ids []uuid.UUID
	for range 500 {
		ids = append(ids, uuid.New())
	}
	var kept sync.Map
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i, keep := range take(t, x, ids...) {
				if keep {
					if other, loaded := kept.LoadOrStore(i, worker); loaded {
						t.Errorf("id %d kept by %v and %v", i, other, worker)
					}
				}
			}
			if err := x.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestOpenRefusesAWindowOfNothing(t *testing.T) {
	if _, err := Open(t.TempDir(), Options{}); err == nil {
		t.Fatal("an index without a window opened")
	}
}

// BenchmarkClaim is the cost of a new id when the index holds many. Set DEDUPE_IDS to change how many; memory is printed.
func BenchmarkClaim(b *testing.B) {
	held := 5_000_000
	if v := os.Getenv("DEDUPE_IDS"); v != "" {
		if _, err := fmt.Sscan(v, &held); err != nil {
			b.Fatal(err)
		}
	}
	x, err := Open(b.TempDir(), Options{Window: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	const batch = 1000
	random := rand.New(rand.NewPCG(1, 2))
	ids, keep := make([]uuid.UUID, batch), make([]bool, batch)
	claim := func() {
		for i := range ids {
			binary.LittleEndian.PutUint64(ids[i][:], random.Uint64())
			binary.LittleEndian.PutUint64(ids[i][8:], random.Uint64())
		}
		c := x.Claim()
		if _, err := c.Take(ids, keep); err != nil {
			b.Fatal(err)
		}
		c.Confirm()
	}
	for range held / batch {
		claim()
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.ReportAllocs()
	for b.Loop() {
		claim()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/id")
	b.ReportMetric(float64(m.HeapInuse)/1e6, "heap-MB")
}
