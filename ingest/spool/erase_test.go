package spool

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
		"0000000000000010.torn-28":    append([]byte("xxxx"), frames[2]...), // nonsense
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
	if got := strings.Join(unread, ", "); got != "0000000000000009.damaged-28, 0000000000000009.torn-300 holds it, 0000000000000010.torn-28" {
		t.Errorf("unread: %s", got)
	}
	if now := r.Status().DamagedRows; now != damaged-2 {
		t.Errorf("%d damaged events, there were %d", now, damaged)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.damaged-*"))
	if err != nil || len(left) != 2 {
		t.Errorf("left are %v, %v", left, err)
	}
	rest, err := os.ReadFile(filepath.Join(dir, "0000000000000007.damaged-28"))
	if err != nil || !bytes.Contains(rest, []byte("dev-of-bob")) || bytes.Contains(rest, []byte("dev-of-ada")) {
		t.Errorf("bob's event beside hers: %q, %v", rest, err)
	}
}
