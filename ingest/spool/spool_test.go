package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/livello/livello/ingest/dedupe"
	"github.com/livello/livello/ingest/event"
)

// rig is a spool and its index in one folder, as the service has them.
type rig struct {
	*Spool
	index *dedupe.Index
	dir   string
}

func start(t *testing.T, dir string, o Options) *rig {
	t.Helper()
	index, err := dedupe.Open(filepath.Join(dir, "dedupe"), dedupe.Options{Window: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	o.Dir, o.Index, o.MinFree = filepath.Join(dir, "spool"), index, -1
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{s, index, dir}
	t.Cleanup(func() { // a test may have closed them itself
		if err := errors.Join(s.Close(), index.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// memoryDir is a folder where a sync costs nothing, for tests that make thousands: what they look at is the file's content.
func memoryDir(t *testing.T) string {
	t.Helper()
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "spool-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// crash copies the folder as it lies on disk and opens the copy: what a kill leaves.
func (r *rig) crash(t *testing.T, o Options) *rig {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(r.dir)); err != nil {
		t.Fatal(err)
	}
	return start(t, copied, o)
}

func block(ids ...uuid.UUID) *event.Columns {
	c := event.New()
	for i, id := range ids {
		c.Append(&event.Row{EventID: id, UserID: "ann", Name: fmt.Sprint("n", i), Properties: []event.Property{{Key: "k", Value: strings.Repeat("v", i%50)}}})
	}
	return c
}

func ids(n int) []uuid.UUID {
	out := make([]uuid.UUID, n)
	for i := range out {
		out[i] = uuid.New()
	}
	return out
}

func (r *rig) mustAppend(t *testing.T, ids ...uuid.UUID) (accepted, duplicates int) {
	t.Helper()
	accepted, duplicates, err := r.Append(t.Context(), block(ids...))
	if err != nil {
		t.Fatal(err)
	}
	return accepted, duplicates
}

// load takes every segment as the loader does and answers how often each id came, by what an INSERT would have sent.
func (r *rig) load(t *testing.T) map[uuid.UUID]int {
	t.Helper()
	got := map[uuid.UUID]int{}
	for r.Status().WaitingRows > 0 {
		seg, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for id, n := range payload(t, seg) {
			got[id] += n
		}
		if err := r.Loaded(seg); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

func payload(t *testing.T, seg *Segment) map[uuid.UUID]int {
	t.Helper()
	if err := seg.Verify(); err != nil {
		t.Fatal(err)
	}
	got := map[uuid.UUID]int{}
	err := seg.Blocks(func(b []byte, rows int) error {
		ids, err := event.BlockEventIDs(nil, b)
		for _, id := range ids {
			got[id]++
		}
		if len(ids) != rows {
			t.Errorf("a frame says %d rows and holds %d", rows, len(ids))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// same checks that every id came exactly once, and nothing else.
func same(t *testing.T, got map[uuid.UUID]int, want []uuid.UUID) {
	t.Helper()
	for _, id := range want {
		if got[id] != 1 {
			t.Errorf("%s came %d times", id, got[id])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d ids came, want %d", len(got), len(want))
	}
}

func TestManyCallersOneCopyOfEach(t *testing.T) {
	r := start(t, t.TempDir(), Options{SegmentRows: 700, Linger: time.Millisecond})
	all := ids(3000)
	var accepted, duplicates [8]int
	var wg sync.WaitGroup
	for worker := range accepted {
		wg.Go(func() { // everyone sends everything, in blocks of different sizes that also repeat within themselves
			for from := 0; from < len(all); {
				to := min(from+1+worker*37, len(all))
				a, d, err := r.Append(t.Context(), block(append(all[from:to:to], all[from])...))
				if err != nil {
					t.Error(err)
					return
				}
				accepted[worker] += a
				duplicates[worker] += d
				from = to
			}
		})
	}
	got := map[uuid.UUID]int{}
	sent := make(chan struct{})
	go func() { wg.Wait(); close(sent) }()
	for done := false; !done; {
		select {
		case <-sent:
			done = true
		default:
		}
		for id, n := range r.load(t) {
			got[id] += n
		}
	}
	same(t, got, all)
	total := 0
	for _, a := range accepted {
		total += a
	}
	if total != len(all) {
		t.Errorf("%d were accepted in all, want %d", total, len(all))
	}
}

// Cut the segment at every byte: what was whole is there once, the rest is set aside and can be sent again.
func TestCutAtEveryByte(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	frames := [][]uuid.UUID{ids(1), ids(3), ids(2)}
	ends := []int64{int64(segmentHeader)}
	for _, f := range frames {
		r.mustAppend(t, f...)
		ends = append(ends, r.Status().Bytes)
	}
	content, err := os.ReadFile(filepath.Join(r.dir, "spool", segmentName(1)))
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(content)) != ends[3] {
		t.Fatalf("the file has %d bytes, the spool says %d", len(content), ends[3])
	}
	for cut := range content {
		dir := memoryDir(t)
		if err := os.MkdirAll(filepath.Join(dir, "spool"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "spool", segmentName(1)), content[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s := start(t, dir, Options{Linger: time.Millisecond})
		whole := int64(0)
		for _, end := range ends {
			if int64(cut) >= end {
				whole = end
			}
		}
		aside, err := filepath.Glob(filepath.Join(dir, "spool", "*.torn-*"))
		if err != nil {
			t.Fatal(err)
		}
		if torn := int64(cut) > whole; torn != (len(aside) == 1) {
			t.Fatalf("cut at %d: %d bytes are torn and %d files set aside", cut, int64(cut)-whole, len(aside))
		}
		// The sender, who got no answer, repeats everything. (Every few cuts: recovery is what differs between them.)
		if cut%9 != 0 {
			frameRows := 0
			for i, f := range frames {
				if int64(cut) >= ends[i+1] {
					frameRows += len(f)
				}
			}
			if got := s.Status().WaitingRows; got != frameRows {
				t.Fatalf("cut at %d: %d rows recovered, want %d", cut, got, frameRows)
			}
			if err := errors.Join(s.Close(), s.index.Close(), os.RemoveAll(dir)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		for _, f := range frames {
			s.mustAppend(t, f...)
		}
		same(t, s.load(t), append(append(append([]uuid.UUID{}, frames[0]...), frames[1]...), frames[2]...))
		if err := errors.Join(s.Close(), s.index.Close(), os.RemoveAll(dir)); err != nil {
			t.Fatal(err)
		}
	}
}

// Flip one bit anywhere: what was written is handed on, all of it.
func TestFlippedBits(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	first, second := ids(2), ids(2)
	r.mustAppend(t, first...)
	r.mustAppend(t, second...)
	content, err := os.ReadFile(filepath.Join(r.dir, "spool", segmentName(1)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(content, []byte(segmentMagic)) || len(content) < 500 {
		t.Fatalf("a segment of %d bytes begins with %q", len(content), content[:8])
	}
	for at := 0; at < len(content); at += 3 {
		dir := memoryDir(t)
		damaged := bytes.Clone(content)
		damaged[at] ^= 1 << (at % 8)
		if err := os.MkdirAll(filepath.Join(dir, "spool"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "spool", segmentName(1)), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s := start(t, dir, Options{Linger: time.Millisecond})
		same(t, s.load(t), append(append([]uuid.UUID{}, first...), second...))
		if aside, _ := filepath.Glob(filepath.Join(dir, "spool", "*.*-*")); len(aside) != 0 {
			t.Fatalf("bit flipped at %d: %v is set aside", at, aside)
		}
		healed, err := filepath.Glob(filepath.Join(dir, "spool", "0*"))
		if err != nil || len(healed) != 1 {
			t.Fatalf("the spool holds %v: %v", healed, err)
		}
		if now, err := os.ReadFile(healed[0]); err != nil || !bytes.Equal(now, content) {
			t.Fatalf("bit flipped at %d: the file is not what it was: %v", at, err)
		}
		if err := errors.Join(s.Close(), s.index.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// More than a flipped bit: nothing is handed on that was not written; what is whole around the damage is, and the damaged events are
// named with their number, now and after the next start.
func TestDamageBeyondABit(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	frames := [][]uuid.UUID{ids(2), ids(3), ids(4)}
	var ends []int64
	for _, f := range frames {
		r.mustAppend(t, f...)
		ends = append(ends, r.Status().Bytes)
	}
	content, err := os.ReadFile(filepath.Join(r.dir, "spool", segmentName(1)))
	if err != nil {
		t.Fatal(err)
	}
	for at := int(ends[0]) + frameHeader; at+3 < len(content); at += 17 {
		dir := memoryDir(t)
		damaged := bytes.Clone(content)
		damaged[at] ^= 0x41
		damaged[at+2] ^= 0x10 // three bits
		if err := os.MkdirAll(filepath.Join(dir, "spool"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "spool", segmentName(1)), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		// Nothing says how far this file was answered for, so its last frame may be a torn write.
		middle := int64(at+2) < ends[1]
		want, named := frames[0], 0
		if middle {
			want, named = append(append([]uuid.UUID{}, want...), frames[2]...), 3
		} else if int64(at) >= ends[1] {
			want = append(append([]uuid.UUID{}, want...), frames[1]...)
		} else {
			continue
		}
		s := start(t, dir, Options{Linger: time.Millisecond})
		if got := s.Status().DamagedRows; got != named {
			t.Fatalf("damaged at %d: %d events are named, want %d", at, got, named)
		}
		same(t, s.load(t), want)
		again := s.crash(t, Options{})
		if got := again.Status().DamagedRows; got != named {
			t.Errorf("after another start %d damaged events are named, want %d", got, named)
		}
		entries, err := List(filepath.Join(dir, "spool"))
		if err != nil || middle != (entries[0].State == Damaged && entries[0].Rows == 3) {
			t.Errorf("damaged at %d, the list says %+v: %v", at, entries, err)
		}
		if err := errors.Join(s.Close(), s.index.Close(), again.Close(), again.index.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// A segment that the version before wrote is read as it was.
func TestOlderSegments(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	some := ids(5)
	r.mustAppend(t, some...)
	path := filepath.Join(r.dir, "spool", segmentName(1))
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	older := sealedHeader(olderMagic, uuid.New())
	older = append(older, content[segmentHeader:segmentHeader+olderHeader]...)
	older = append(older, content[segmentHeader+frameHeader:]...)
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	again := r.crash(t, Options{Linger: time.Millisecond})
	if entries, err := again.List(); err != nil || len(entries) != 1 || entries[0].Rows != 5 {
		t.Errorf("the list says %+v: %v", entries, err)
	}
	same(t, again.load(t), some)
}

// A crash at each step of a segment's life: nothing lost, nothing handed on twice under another token.
func TestCrashAtEachStep(t *testing.T) {
	r := start(t, t.TempDir(), Options{Linger: time.Millisecond})
	known := ids(5)
	r.mustAppend(t, known...)

	active := r.crash(t, Options{Linger: time.Millisecond})
	if accepted, duplicates := active.mustAppend(t, known...); accepted != 0 || duplicates != 5 {
		t.Errorf("after a crash with an active segment, a repetition counts %d new and %d known", accepted, duplicates)
	}
	same(t, active.load(t), known)

	seg, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sealed := r.crash(t, Options{Linger: time.Millisecond})
	again, err := sealed.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != seg.ID {
		t.Errorf("after a crash the segment's token is %s, before it was %s", again.ID, seg.ID)
	}
	var before, after bytes.Buffer
	if _, err := seg.WriteTo(&before); err != nil {
		t.Fatal(err)
	}
	if _, err := again.WriteTo(&after); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before.Bytes(), after.Bytes()) {
		t.Error("after a crash the segment's bytes differ")
	}

	if err := r.Loaded(seg); err != nil {
		t.Fatal(err)
	}
	confirmed := r.crash(t, Options{Linger: time.Millisecond})
	if n := confirmed.Status().WaitingRows; n != 0 {
		t.Errorf("after a crash a confirmed segment waits again with %d rows", n)
	}
	if accepted, _ := confirmed.mustAppend(t, known...); accepted != 0 {
		t.Errorf("after a crash %d confirmed events are taken for new", accepted)
	}

	if err := r.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(r.dir, "spool", "0*")); len(left) != 0 {
		t.Errorf("after the reaper there are %v", left)
	}
	reaped := r.crash(t, Options{Linger: time.Millisecond})
	if accepted, _ := reaped.mustAppend(t, known...); accepted != 0 {
		t.Errorf("after the reaper %d confirmed events are taken for new", accepted)
	}
	fresh := ids(1)
	reaped.mustAppend(t, fresh...)
	next, err := reaped.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if next.ID == seg.ID {
		t.Error("a new segment has the token of one that was loaded before: ClickHouse would skip it")
	}
}

// A write that fails keeps nothing and forgets the ids, so that the sender's repetition counts.
func TestAFailedWriteKeepsNothing(t *testing.T) {
	r := start(t, t.TempDir(), Options{Linger: time.Millisecond})
	kept, failed := ids(2), ids(3)
	r.mustAppend(t, kept...)
	if err := r.active.file.Close(); err != nil { // the disk goes away
		t.Fatal(err)
	}
	_, _, err := r.Append(t.Context(), block(failed...))
	var unavailable *UnavailableError
	if !errors.As(err, &unavailable) || unavailable.RetryAfter() <= 0 {
		t.Fatalf("the answer is %v, want an UnavailableError with a time to come back", err)
	}
	if _, _, err := r.Append(t.Context(), block(ids(1)...)); err == nil {
		t.Fatal("a segment that could not be mended was written to")
	}
	if r.Status().LastWriteFailed == nil {
		t.Error("the status does not say that the last write failed")
	}
	s := r.crash(t, Options{Linger: time.Millisecond})
	if accepted, _ := s.mustAppend(t, failed...); accepted != 3 {
		t.Errorf("%d of 3 events whose write failed are taken for new when they come again", accepted)
	}
	same(t, s.load(t), append(kept, failed...))
}

func TestAFullSpoolRefuses(t *testing.T) {
	r := start(t, t.TempDir(), Options{MaxBytes: 1000, Linger: time.Millisecond})
	r.mustAppend(t, ids(5)...)
	_, _, err := r.Append(t.Context(), block(ids(5)...))
	var unavailable *UnavailableError
	if !errors.As(err, &unavailable) || !strings.Contains(err.Error(), "spool.max_bytes") {
		t.Fatalf("a full spool answers %v", err)
	}
	r.load(t)
	if err := r.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.mustAppend(t, ids(5)...)
}

func TestClosing(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	all := ids(50)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var answered []uuid.UUID
	for _, id := range all {
		wg.Go(func() {
			if _, _, err := r.Append(t.Context(), block(id)); err == nil {
				mu.Lock()
				answered = append(answered, id)
				mu.Unlock()
			} else if !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		})
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if _, _, err := r.Append(t.Context(), block(ids(1)...)); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed spool answers %v", err)
	}
	got := r.crash(t, Options{}).load(t)
	for _, id := range answered {
		if got[id] != 1 {
			t.Errorf("%s was answered for and is there %d times", id, got[id])
		}
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("Next answers %v", err)
	}
}

func TestASecondSpoolKeepsItsOwnTokens(t *testing.T) {
	a, b := start(t, t.TempDir(), Options{Linger: time.Millisecond}), start(t, t.TempDir(), Options{Linger: time.Millisecond})
	a.mustAppend(t, ids(1)...)
	b.mustAppend(t, ids(1)...)
	one, err := a.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if one.ID == two.ID {
		t.Fatalf("two spools gave the token %s", one.ID)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, rows := range []int{1, 1000} {
		b.Run(fmt.Sprint(rows, "-events"), func(b *testing.B) {
			dir := b.TempDir()
			index, err := dedupe.Open(filepath.Join(dir, "dedupe"), dedupe.Options{Window: time.Hour})
			if err != nil {
				b.Fatal(err)
			}
			defer index.Close()
			s, err := Open(Options{Dir: filepath.Join(dir, "spool"), Index: index})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			go func() { // as fast a loader as there can be
				for {
					seg, err := s.Next(b.Context())
					if err != nil {
						return
					}
					_ = s.Loaded(seg)
				}
			}()
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				c := event.New()
				for pb.Next() {
					c.Reset()
					for range rows {
						c.Append(&event.Row{EventID: uuid.New(), UserID: "ann", Name: "Page Viewed", URL: "https://shop.example/pricing"})
					}
					if _, _, err := s.Append(context.Background(), c); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/event")
		})
	}
}

// What a receipt says of a segment is what its events are, whatever their days and order.
func TestReceiptsAreWhatASegmentHolds(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	days := []time.Time{time.Date(1970, 1, 1, 23, 59, 59, 0, time.UTC), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	want := make([]Receipt, len(days))
	received := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for batch := range 3 {
		c := event.New()
		for i := range 50 {
			day, id := i*7%len(days), uuid.New()
			at := received.Add(time.Duration(batch*50+i) * time.Millisecond)
			c.Append(&event.Row{EventID: id, UserID: "ann", Time: days[day].UnixMilli(), ReceivedAt: at.UnixMilli()})
			w := &want[day]
			if w.Rows++; w.Rows == 1 {
				w.Day, w.First = days[day].Truncate(24*time.Hour), at
			}
			w.Last = at
			head, err := event.ReadHead(event1(id))
			if err != nil {
				t.Fatal(err)
			}
			w.IDSum += head.EventHash(0)
		}
		if _, _, err := r.Append(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	seg, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := seg.Receipts()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-events +receipts)\n%s", diff)
	}
	// A segment that is not as it was written gives none.
	if err := os.Truncate(seg.path, seg.Bytes-1); err != nil {
		t.Fatal(err)
	}
	if _, err := seg.Receipts(); err == nil {
		t.Error("a segment that lost a byte has receipts")
	}
}

func event1(id uuid.UUID) []byte {
	c := event.New()
	c.Append(&event.Row{EventID: id})
	return c.EncodeBlock(nil)
}

func BenchmarkReceipts(b *testing.B) {
	dir := b.TempDir()
	index, err := dedupe.Open(filepath.Join(dir, "dedupe"), dedupe.Options{Window: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	s, err := Open(Options{Dir: filepath.Join(dir, "spool"), Index: index, MinFree: -1, SegmentRows: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer index.Close()
	defer s.Close()
	const rows = 200_000
	for n := 0; n < rows; n += 2000 {
		c := event.New()
		for i := range 2000 {
			c.Append(&event.Row{EventID: uuid.New(), UserID: fmt.Sprint("user-", i), Name: "Page Viewed", Time: int64(n+i) * 40_000, URL: "https://shop.example.com/products/" + strings.Repeat("x", 60)})
		}
		if _, _, err := s.Append(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Seal(b.Context()); err != nil {
		b.Fatal(err)
	}
	seg, err := s.Next(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if err := seg.Verify(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/event")
	})
	b.Run("receipts", func(b *testing.B) {
		for b.Loop() {
			if _, err := seg.Receipts(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/event")
	})
}
