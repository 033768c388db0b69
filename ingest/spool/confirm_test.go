package spool

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

// A segment is believed when its first attempt was confirmed. Whether an attempt was the first one is known over a crash, too, and so is
// what has to be checked.
func TestDoubtsOutliveTheProcess(t *testing.T) {
	o := Options{Linger: time.Millisecond}
	r := start(t, t.TempDir(), o)
	var segments []*Segment
	var all []uuid.UUID
	for range 4 {
		some := ids(3)
		all = append(all, some...)
		r.mustAppend(t, some...)
		if err := r.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	send := func(r *rig, n int, repeated bool) *Segment {
		t.Helper()
		r.mu.Lock()
		seg := r.sealed[n]
		r.mu.Unlock()
		if err := r.Sending(seg); err != nil {
			t.Fatal(err)
		}
		if seg.Repeated() != repeated {
			t.Errorf("segment %d is sent again: %t", seg.Number, seg.Repeated())
		}
		return seg
	}
	doubt := func(r *rig, seg *Segment) {
		t.Helper()
		if err := r.Doubt(seg); err != nil {
			t.Fatal(err)
		}
	}
	segments = append(segments, send(r, 0, false), send(r, 1, false), send(r, 2, false))
	send(r, 0, true)
	doubt(r, segments[0])
	if err := r.Loaded(segments[1]); err != nil { // at its first attempt
		t.Fatal(err)
	}
	if st := r.Status(); st.Doubtful != 1 || st.WaitingRows != 6 {
		t.Errorf("the status is %+v", st)
	}
	entries, err := r.List()
	if err != nil || len(entries) != 4 || entries[0].State != Doubtful || entries[1].State != Loaded || entries[2].State != Sending || entries[3].State != Waiting || entries[0].Rows != 3 {
		t.Errorf("the list says %+v: %v", entries, err)
	}

	again := r.crash(t, o)
	if accepted, duplicates := again.mustAppend(t, all...); accepted != 0 || duplicates != len(all) {
		t.Errorf("%d events are new after the crash", accepted)
	}
	if st := again.Status(); st.Doubtful != 1 || st.Segments != 2 {
		t.Errorf("after a crash the status is %+v", st)
	}
	doubt(again, send(again, 0, true)) // it was under way
	send(again, 0, false)              // nobody had sent this one
	doubtful := again.Doubtful()
	if len(doubtful) != 2 || !doubtful[0].Repeated() || doubtful[0].Number != 1 || doubtful[1].Number != 3 {
		t.Fatalf("doubtful are %+v", doubtful)
	}
	for _, seg := range doubtful {
		if err := seg.Verify(); err != nil {
			t.Error(err)
		}
		if err := again.Loaded(seg); err != nil {
			t.Fatal(err)
		}
	}
	if err := again.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := again.Status(); st.Doubtful != 0 || st.Segments != 1 {
		t.Errorf("after the check the status is %+v", st)
	}
	if entries, err := again.List(); err != nil || len(entries) != 1 || entries[0].Number != 4 {
		t.Errorf("after the check the list says %+v: %v", entries, err)
	}
}

// Of what ClickHouse refused, a part may be there.
func TestWhatIsPutBackWasSent(t *testing.T) {
	r := start(t, t.TempDir(), Options{Linger: time.Millisecond})
	r.mustAppend(t, ids(2)...)
	r.refuse(t)
	if _, err := r.PutBack(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*rig{r, r.crash(t, Options{})} {
		seg, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Sending(seg); err != nil || !seg.Repeated() {
			t.Errorf("it counts as sent again: %t, %v", seg.Repeated(), err)
		}
	}
}
