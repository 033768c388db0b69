package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/internal/durable"
)

// said appends one event for each user, all in a frame of their own.
func (r *rig) said(t *testing.T, users ...string) (ids []uuid.UUID) {
	t.Helper()
	c := event.New()
	for _, user := range users {
		row := event.Row{EventID: uuid.New(), Type: "track", Kind: "custom", UserID: user, AnonymousID: "dev-of-" + user, PreviousID: "ada-before"}
		ids = append(ids, row.EventID)
		c.Append(&row)
	}
	if accepted, _, err := r.Append(t.Context(), c); err != nil || accepted != len(users) {
		t.Fatalf("accepted %d: %v", accepted, err)
	}
	return ids
}

// nowhere wants none of the texts in any file of the spool.
func nowhere(t *testing.T, dir string, texts ...string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			if bytes.Contains(content, []byte(text)) {
				t.Errorf("%s holds %q", path, text)
			}
		}
	}
}

var ada = []string{"ada", "dev-of-ada", "ada-before"}

// A person goes from refused segments; the others' events stay, in order and under the same token, and one of nobody else goes.
func TestErasePersonFromRefusedSegments(t *testing.T) {
	o := Options{}
	r := start(t, t.TempDir(), o)
	mixed := r.said(t, "ada", "bob", "ada")
	mixed = append(mixed, r.said(t, "carla")...)
	mixed = append(mixed, r.said(t, "ada")...)
	first := r.refuse(t)
	r.said(t, "ada", "ada")
	second := r.refuse(t)
	others := r.said(t, "dora")
	third := r.refuse(t)
	reason, err := json.Marshal(Refusal{Error: "cannot read 'ada'", Code: 27})
	if err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(second.path+".json", reason); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(third.path+".json", reason); err != nil {
		t.Fatal(err)
	}
	r = r.crash(t, o) // and the reasons are those of the files
	dir := filepath.Join(r.dir, "spool")
	before := r.Status()
	done, err := r.Erase([]string{"ada", "ada-before", "dev-of-ada"})
	if err != nil || done.Removed != 5 || done.Blanked != 3 || len(done.Unread) != 0 {
		t.Fatalf("erased %+v: %v", done, err)
	}
	nowhere(t, dir, ada...)
	st := r.Status()
	if st.Refused != 2 || st.RefusedRows != 3 || st.Bytes != st.RefusedBytes || st.Bytes >= before.Bytes {
		t.Errorf("the status was %+v and is %+v", before, st)
	}
	if again, err := r.Erase([]string{"ada", "ada-before", "dev-of-ada"}); err != nil || again.Removed+again.Blanked+len(again.Unread) != 0 {
		t.Errorf("erased again: %+v, %v", again, err)
	}
	if n, err := r.PutBack(); n != 2 || err != nil {
		t.Fatalf("put back %d: %v", n, err)
	}
	next, err := r.Next(t.Context())
	if err != nil || next.ID != first.ID || next.Rows != 2 {
		t.Errorf("the next segment is %+v: %v", next, err)
	}
	same(t, r.load(t), slices.Concat(mixed[1:2], mixed[3:4], others))
}

// What the disk damaged and what a crash cut off is read as far as it can be; of the rest it is said where it is.
func TestErasePersonFromDamage(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	r.said(t, "ada", "bob")
	r.said(t, "ada")
	r.said(t, "bob")
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(r.dir, "spool")
	content, err := os.ReadFile(filepath.Join(dir, segmentName(1)))
	if err != nil {
		t.Fatal(err)
	}
	var frames [][]byte
	if _, _, err := readFrames(bytes.NewReader(content), int64(len(content)), nil, func(block []byte, rows int) error {
		frames = append(frames, appendFrame(nil, block, rows))
		return nil
	}); len(frames) != 3 {
		t.Fatalf("%d frames: %v", len(frames), err)
	}
	for name, text := range map[string][]byte{
		"0000000000000007.damaged-28": frames[0],                            // bob stays
		"0000000000000008.damaged-28": frames[1],                            // nobody stays
		"0000000000000009.damaged-28": frames[2][:len(frames[2])-1],         // of nobody that can be told
		"0000000000000009.torn-300":   frames[1][:len(frames[1])*9/10],      // hers, cut off
		"0000000000000010.damaged-28": append([]byte("xxxx"), frames[2]...), // nonsense before his
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r = r.crash(t, Options{})
	dir = filepath.Join(r.dir, "spool")
	damaged := r.Status().DamagedRows
	done, err := r.Erase(ada[:2])
	if err != nil || done.Removed != 2 {
		t.Fatalf("erased %+v: %v", done, err)
	}
	var unread []string
	for _, u := range done.Unread {
		name := filepath.Base(u.Path)
		if u.Holds {
			name += " holds it"
		}
		unread = append(unread, name)
	}
	if got := strings.Join(unread, ", "); got != "0000000000000009.damaged-28, 0000000000000009.torn-300 holds it, 0000000000000010.damaged-28" {
		t.Errorf("unread: %s", got)
	}
	if now := r.Status().DamagedRows; now != damaged-2 {
		t.Errorf("%d damaged events, there were %d", now, damaged)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.damaged-*"))
	if err != nil || len(left) != 3 {
		t.Errorf("left are %v, %v", left, err)
	}
	rest, err := os.ReadFile(filepath.Join(dir, "0000000000000007.damaged-28"))
	if err != nil || !bytes.Contains(rest, []byte("dev-of-bob")) || bytes.Contains(rest, []byte("dev-of-ada")) {
		t.Errorf("bob's event beside hers: %q, %v", rest, err)
	}
}

// A segment of an older version whose end is damaged: its whole frames are written anew, in the form of today, and the tail lies beside it as it was.
func TestErasePersonFromAnOlderSegment(t *testing.T) {
	for _, test := range []struct{ name, inTail string }{{"hers at the end", "ada"}, {"another's at the end", "bob"}} {
		t.Run(test.name, func(t *testing.T) {
			r := start(t, t.TempDir(), Options{})
			r.said(t, "ada", "bob")
			r.said(t, "carla")
			r.said(t, test.inTail)
			seg := r.refuse(t)
			content, err := os.ReadFile(seg.path)
			if err != nil {
				t.Fatal(err)
			}
			older := sealedHeader(olderMagic, seg.ID)
			var frame []byte
			if _, _, err := readFrames(bytes.NewReader(content), int64(len(content)), nil, func(block []byte, rows int) error {
				older = append(older, frame...)
				header := appendFrame(nil, block, rows)[:olderHeader]
				frame = append(bytes.Clone(header), block...)
				return nil
			}); err != io.EOF {
				t.Fatal(err)
			}
			whole, tail := len(older), frame[:len(frame)-5]
			accepted := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			if err := errors.Join(os.WriteFile(seg.path, append(older, tail...), 0o600), os.Chtimes(seg.path, accepted, accepted)); err != nil {
				t.Fatal(err)
			}
			r = r.crash(t, Options{})
			dir := filepath.Join(r.dir, "spool")
			path := filepath.Join(dir, filepath.Base(seg.path))
			if err := os.Chtimes(path, accepted, accepted); err != nil { // the copy is of now
				t.Fatal(err)
			}
			done, err := r.Erase(ada[:2]) // the third stands in everybody's events
			if err != nil || done.Removed != 1 || len(done.Unread) != 1 {
				t.Fatalf("erased %+v: %v", done, err)
			}
			u := done.Unread[0]
			if u.State != Damaged || u.Bytes != int64(len(tail)) || u.Holds != (test.inTail == "ada") {
				t.Errorf("unread: %+v, want %d damaged bytes that hold an id: %v", u, len(tail), test.inTail == "ada")
			}
			if kept, err := os.ReadFile(u.Path); err != nil || !bytes.Equal(kept, tail) || !strings.HasSuffix(u.Path, fmt.Sprint(damagedInfix, whole)+moreLost) {
				t.Errorf("the tail is %q in %s, and was %q: %v", kept, u.Path, tail, err)
			}
			file, err := OpenFile(dir, seg.Number)
			if err == nil {
				err = errors.Join(file.Blocks(func([]byte, int) error { return nil }), file.Close())
			}
			if err != nil || file.Rows != 2 || !file.Changed.Equal(accepted) {
				t.Errorf("what is left: %+v, %v", file, err)
			}
			if st := r.Status(); st.RefusedRows != 2 || st.RefusedBytes != file.Bytes || st.Bytes != file.Bytes {
				t.Errorf("the status is %+v, the file has %d bytes", st, file.Bytes)
			}
		})
	}
}

// A note without its segment, which a crash left while that was dropped, may quote an id.
func TestNotesWithoutSegmentsGo(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	dir := filepath.Join(r.dir, "spool")
	r.said(t, "bob")
	r.refuse(t)
	leave := func() {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "0000000000000009"+refusalSuffix), []byte(`{"error":"cannot read 'ada'"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	if _, err := r.Erase(ada); err != nil {
		t.Fatal(err)
	}
	nowhere(t, dir, ada...)
	leave()
	r = r.crash(t, Options{})
	nowhere(t, filepath.Join(r.dir, "spool"), ada...)
	if entries, err := r.List(); err != nil || len(entries) != 1 || entries[0].Refusal.Code != 16 {
		t.Errorf("the reason of a segment that is there: %+v, %v", entries, err)
	}
}

// The number of damaged events is the one that the next start finds, also when the damage is in a frame's own number.
func TestErasureCountsDamagedEventsAsAStartDoes(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	r.said(t, "ada", "bob", "ada")
	if err := r.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(r.dir, "spool", segmentName(1)))
	if err != nil {
		t.Fatal(err)
	}
	frame := bytes.Clone(content[segmentHeader:])
	frame[4] = 200 // of 3 rows
	if err := os.WriteFile(filepath.Join(r.dir, "spool", "0000000000000007.damaged-28"), frame, 0o600); err != nil {
		t.Fatal(err)
	}
	r = r.crash(t, Options{})
	if done, err := r.Erase(ada); err != nil || done.Removed != 2 {
		t.Fatalf("erased %+v: %v", done, err)
	}
	if now, next := r.Status().DamagedRows, r.crash(t, Options{}).Status().DamagedRows; now != 1 || next != 1 {
		t.Errorf("%d damaged events, and %d after a start: want bob's", now, next)
	}
}

// Whose events are in refused segments can be asked before they are erased: each with what tells it from another copy.
func TestRefusedEventsOfAPerson(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	all := r.said(t, "ada", "bob", "ada")
	all = append(all, r.said(t, "carla")...)
	r.refuse(t)
	all = append(all, r.said(t, "ada")...)
	r.refuse(t)
	r.said(t, "ada") // not refused
	of, err := r.RefusedOf([]string{"ada", "nobody"})
	if err != nil {
		t.Fatal(err)
	}
	var got []uuid.UUID
	for _, k := range of {
		got = append(got, k.ID)
	}
	if want := []uuid.UUID{all[0], all[2], all[4]}; !slices.Equal(got, want) {
		t.Errorf("hers are %v, want %v", got, want)
	}
	if of, err := r.RefusedOf([]string{"nobody"}); len(of) > 0 || err != nil {
		t.Errorf("of nobody: %v, %v", of, err)
	}
}
