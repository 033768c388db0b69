package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// refuse sets the oldest segment aside.
func (r *rig) refuse(t *testing.T) *Segment {
	t.Helper()
	seg, err := r.Next(t.Context())
	if err == nil {
		err = r.SetAside(seg, Refusal{Error: "no such column", Code: 16, Attempts: 5, At: time.Now()})
	}
	if err != nil {
		t.Fatal(err)
	}
	return seg
}

func TestARefusedSegmentStays(t *testing.T) {
	o := Options{Linger: time.Millisecond}
	r := start(t, t.TempDir(), o)
	bad, good := ids(4), ids(3)
	r.mustAppend(t, bad...)
	seg := r.refuse(t)
	// The index has written nothing yet: a start reads the ids out of the segment.
	unwritten := r.crash(t, o)
	if accepted, duplicates := unwritten.mustAppend(t, bad...); accepted != 0 || duplicates != 4 {
		t.Errorf("events of a refused segment that come again after a crash: %d new, %d known", accepted, duplicates)
	}
	r.mustAppend(t, good...)
	same(t, r.load(t), good)
	if err := r.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	st := r.Status()
	if st.Refused != 1 || st.RefusedRows != 4 || st.RefusedBytes != seg.Bytes || st.Bytes != seg.Bytes || st.WaitingRows != 0 {
		t.Errorf("the status is %+v", st)
	}

	// A start finds it as it was.
	again := r.crash(t, o)
	if st := again.Status(); st.Refused != 1 || st.RefusedRows != 4 || st.Bytes != seg.Bytes {
		t.Errorf("after a start the status is %+v", st)
	}
	if accepted, duplicates := again.mustAppend(t, bad...); accepted != 0 || duplicates != 4 {
		t.Errorf("events of a refused segment that come again: %d new, %d known", accepted, duplicates)
	}
	if _, err := again.PutBack(99); !errors.Is(err, ErrNotRefused) {
		t.Errorf("putting back what is not there: %v", err)
	}
	later := ids(1)
	again.mustAppend(t, later...)
	if n, err := again.PutBack(seg.Number); n != 1 || err != nil {
		t.Fatalf("put %d back: %v", n, err)
	}
	// At its place: before what came after it, with its own token.
	next, err := again.Next(t.Context())
	if err != nil || next.Number != seg.Number || next.ID != seg.ID {
		t.Errorf("the next segment is %+v: %v", next, err)
	}
	same(t, again.load(t), append(bad, later...))
	if left, _ := filepath.Glob(filepath.Join(again.dir, "spool", "*.refused*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A crash between the steps of setting aside and putting back loses nothing and doubles nothing.
func TestACrashWhileSettingAside(t *testing.T) {
	o := Options{Linger: time.Millisecond}
	r := start(t, t.TempDir(), o)
	bad := ids(4)
	r.mustAppend(t, bad...)
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(r.dir, "spool", "0000000000000001.refused.json")
	if err := os.WriteFile(note, []byte(`{"error":"x"}`), 0o600); err != nil { // the first step
		t.Fatal(err)
	}
	half := r.crash(t, o)
	if st := half.Status(); st.Refused != 0 || st.WaitingRows != 4 {
		t.Errorf("after a crash in between: %+v", st)
	}
	half.refuse(t) // which writes over the note
	if err := os.Remove(filepath.Join(half.dir, "spool", "0000000000000001.refused.json")); err != nil {
		t.Fatal(err)
	}
	blind := half.crash(t, o)
	entries, err := blind.List()
	if err != nil || len(entries) != 1 || entries[0].State != Refused || !strings.Contains(entries[0].Refusal.Error, "cannot be read") {
		t.Errorf("without its note: %+v %v", entries, err)
	}
	if n, err := blind.PutBack(); n != 1 || err != nil {
		t.Fatalf("put %d back: %v", n, err)
	}
	same(t, blind.load(t), bad)
}

func TestListAndReadBesideTheSpool(t *testing.T) {
	r := start(t, t.TempDir(), Options{Linger: time.Hour})
	dir := filepath.Join(r.dir, "spool")
	first, second := ids(3), ids(2)
	r.mustAppend(t, first...)
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.refuse(t)
	r.mustAppend(t, second...)
	states := func(entries []Entry, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, e := range entries {
			said = append(said, string(e.State)+strings.Repeat("*", e.Rows))
		}
		return strings.Join(said, " ")
	}
	if got := states(r.List()); got != "refused*** active**" {
		t.Errorf("the open spool lists %q", got)
	}
	if got := states(List(dir)); got != "refused*** waiting**" {
		t.Errorf("the folder lists %q", got)
	}
	if entries, err := List(filepath.Join(dir, "nowhere")); len(entries) != 0 || err != nil {
		t.Errorf("a folder that is not there: %v %v", entries, err)
	}

	file, err := OpenFile(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out bytes.Buffer
	if n, err := file.WriteNDJSON(&out, 2); n != 2 || err != nil {
		t.Fatalf("%d rows: %v", n, err)
	}
	var row struct {
		EventID    string            `json:"event_id"`
		UserID     string            `json:"user_id"`
		Timestamp  string            `json:"ts"`
		Properties map[string]string `json:"properties"`
		Value      any
	}
	if err := json.NewDecoder(&out).Decode(&row); err != nil {
		t.Fatal(err)
	}
	if row.EventID != first[0].String() || row.UserID != "ann" || row.Timestamp != "1970-01-01 00:00:00.000" || row.Value != nil {
		t.Errorf("the first row is %+v", row)
	}
	if _, err := OpenFile(dir, 7); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a segment that is not there: %v", err)
	}
	if err := r.Drop(2); !errors.Is(err, ErrNotRefused) {
		t.Errorf("dropping a segment that waits: %v", err)
	}
	if err := r.Drop(1); err != nil {
		t.Fatal(err)
	}
	if got := states(r.List()); got != "active**" || r.Status().Refused != 0 {
		t.Errorf("after the drop: %q %+v", got, r.Status())
	}
}

// A limit is over when there is room, without a write.
func TestRoomComesBack(t *testing.T) {
	r := start(t, t.TempDir(), Options{MaxBytes: 1000, Linger: time.Millisecond})
	if err := r.Room(); err != nil {
		t.Fatal(err)
	}
	r.mustAppend(t, ids(5)...)
	if _, _, err := r.Append(t.Context(), block(ids(1)...)); err == nil {
		t.Fatal("a full spool accepted")
	}
	r.refuse(t)
	if err := r.Room(); err == nil || !strings.Contains(err.Error(), "set aside") {
		t.Errorf("full of a refused segment: %v", err)
	}
	if err := r.Drop(1); err != nil {
		t.Fatal(err)
	}
	if err := r.Room(); err != nil {
		t.Errorf("empty again: %v", err)
	}
}
