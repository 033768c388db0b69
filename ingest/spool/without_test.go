package spool

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
)

// Events are taken out of a segment that nobody was sent; the file holds the others under the segment's id, at once and after a crash.
func TestWithout(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	var ids []uuid.UUID
	for range 4 { // a frame each
		few := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
		if _, _, err := r.Append(t.Context(), block(few...)); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, few...)
	}
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	seg, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id, first := seg.ID, seg.First
	gone := map[uuid.UUID]bool{ids[0]: true, ids[3]: true, ids[4]: true, ids[5]: true, ids[8]: true, uuid.New(): true}
	want := slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { return gone[id] })
	held := func(seg *Segment) (held []uuid.UUID) {
		t.Helper()
		if err := seg.Blocks(func(block []byte, rows int) (err error) {
			held, err = event.BlockEventIDs(held, block)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return held
	}
	removed, err := r.Without(seg, gone)
	if err != nil || removed != 5 {
		t.Fatalf("%d removed: %v; want 5", removed, err)
	}
	if got := held(seg); !slices.Equal(got, want) || seg.Rows != len(want) {
		t.Errorf("%d rows, %v are left, want %v", seg.Rows, got, want)
	}
	if st := r.Status(); st.WaitingRows != len(want) || st.Bytes != seg.Bytes {
		t.Errorf("status %+v; want %d rows and %d bytes", st, len(want), seg.Bytes)
	}
	if err := seg.Verify(); err != nil {
		t.Error(err)
	}
	if removed, err := r.Without(seg, gone); err != nil || removed != 0 {
		t.Errorf("%d removed again: %v", removed, err)
	}
	after, err := r.crash(t, Options{}).Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := held(after); !slices.Equal(got, want) || after.ID != id || after.First.Sub(first).Abs().Seconds() > 1 {
		t.Errorf("after a crash segment %s of %s holds %v", after.ID, after.First, got)
	}
	if accepted, duplicates, err := r.Append(t.Context(), block(ids...)); err != nil || accepted != 0 || duplicates != len(ids) {
		t.Errorf("%d accepted, %d duplicates: %v; what was taken out was accepted all the same", accepted, duplicates, err)
	}

	if err := r.Sending(seg); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Without(seg, map[uuid.UUID]bool{want[0]: true}); err == nil || !slices.Equal(held(seg), want) {
		t.Errorf("a segment was changed of which an attempt has begun: %v", err)
	}
}
