package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// stopped is a folder in memory with the files of a spool that was stopped, of segments with these frames.
func stopped(t *testing.T, segments ...[]int) (files map[string][]byte, all [][]uuid.UUID) {
	t.Helper()
	r := start(t, memoryDir(t), Options{Linger: time.Hour})
	for _, frames := range segments {
		for _, n := range frames {
			some := ids(n)
			all = append(all, some)
			r.mustAppend(t, some...)
		}
		if err := r.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return read(t, r.dir), all
}

func read(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	entries, err := os.ReadDir(filepath.Join(dir, "spool"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, "spool", e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// startOn starts a spool on copies of the files.
func startOn(t *testing.T, files map[string][]byte) *rig {
	t.Helper()
	dir := memoryDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "spool"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, "spool", name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return start(t, dir, Options{Linger: time.Millisecond})
}

func (r *rig) end(t *testing.T) {
	t.Helper()
	if err := errors.Join(r.Close(), r.index.Close(), os.RemoveAll(r.dir)); err != nil {
		t.Fatal(err)
	}
}

// with is the files with one of them changed, or renamed when to is another name.
func with(files map[string][]byte, name, to string, change func([]byte) []byte) map[string][]byte {
	changed := map[string][]byte{}
	for n, content := range files {
		if n == name {
			n, content = to, change(bytes.Clone(content))
		}
		changed[n] = content
	}
	return changed
}

func without1(files map[string][]byte, name string) map[string][]byte {
	changed := map[string][]byte{}
	for n, content := range files {
		if n != name {
			changed[n] = content
		}
	}
	return changed
}

// accounted wants every event loaded once, or counted as damaged, now and after the next start.
func (r *rig) accounted(t *testing.T, what string, all []uuid.UUID, loaded int) {
	t.Helper()
	st := r.Status()
	got := r.load(t)
	for id, n := range got {
		if n != 1 || !slices.Contains(all, id) {
			t.Errorf("%s: %s came %d times", what, id, n)
		}
	}
	if len(got) != loaded || st.DamagedRows != len(all)-loaded || st.Torn != 0 || (st.Damaged > 0) != (loaded < len(all)) {
		t.Errorf("%s: %d of %d events were loaded, want %d; the status is %+v", what, len(got), len(all), loaded, st)
	}
	next := startOn(t, read(t, r.dir))
	if again := next.Status(); again.DamagedRows != st.DamagedRows || again.Damaged != st.Damaged || again.WaitingRows != 0 || again.Refused != 0 {
		t.Errorf("%s: after another start the status is %+v, it was %+v", what, again, st)
	}
	next.end(t)
}

// A stopped spool is cut anywhere: what lacks is counted, to the event.
func TestACutEndIsDamage(t *testing.T) {
	files, frames := stopped(t, []int{2, 1, 3}, []int{1})
	all := slices.Concat(frames...)
	content := files[segmentName(1)]
	ends, rows := []int{segmentHeader}, []int{0}
	for _, f := range look(content).frames {
		ends, rows = append(ends, f.at+len(f.frame)), append(rows, rows[len(rows)-1]+f.rows)
	}
	cuts := append([]int{0, 1, segmentHeader - 1, len(content) - 1, len(content) - 40}, ends...)
	for cut := 5; cut < len(content); cut += 211 {
		cuts = append(cuts, cut)
	}
	for _, end := range ends {
		cuts = append(cuts, end+1, end+8, end+frameHeader, end+frameHeader+1)
	}
	for _, cut := range cuts {
		if cut >= len(content) {
			continue
		}
		loaded := 0
		for i, end := range ends {
			if cut >= end {
				loaded = rows[i]
			}
		}
		loaded++ // in the next segment
		r := startOn(t, with(files, segmentName(1), segmentName(1), func(c []byte) []byte { return c[:cut] }))
		what := fmt.Sprintf("cut at %d of %d", cut, len(content))
		if cut < segmentHeader || slices.Contains(ends, cut) || cut < ends[0]+8 {
			r.accounted(t, what, all, loaded) // the file that says how many were answered for is all there is
		} else if st := r.Status(); st.DamagedRows != len(all)-loaded || st.WaitingRows != loaded || st.Torn != 0 || st.Damaged == 0 {
			t.Errorf("%s: the status is %+v, want %d damaged events", what, st, len(all)-loaded)
		}
		r.end(t)
	}
}

// Only the newest segment can have been torn by a crash, while it was being written, behind what was answered for.
func TestWhatACrashCannotTear(t *testing.T) {
	files, frames := stopped(t, []int{2, 2}, []int{3, 2}, []int{4, 1})
	all := slices.Concat(frames...)
	cut := func(c []byte) []byte { return c[:len(c)-40] }
	for _, test := range []struct {
		name        string
		files       map[string][]byte
		lost        int
		torn        bool
		sentOrKnown bool
	}{
		{name: "the oldest", files: with(files, segmentName(1), segmentName(1), cut), lost: 2},
		{name: "the newest, which was sealed", files: with(files, segmentName(3), segmentName(3), cut), lost: 1},
		{name: "of a version that did not write down how far it had answered, the oldest", files: without1(with(files, segmentName(1), segmentName(1), cut), answeredFile), lost: 2},
		{name: "of that version, the newest", files: without1(with(files, segmentName(3), segmentName(3), cut), answeredFile), lost: 1, torn: true},
		{name: "of that version, the newest, which was sent", files: without1(with(files, segmentName(3), "0000000000000003"+sendingSuffix, cut), answeredFile), lost: 1},
		{name: "an empty one that was sent", files: without1(with(files, segmentName(2), "0000000000000002"+sendingSuffix, func([]byte) []byte { return nil }), answeredFile), lost: -1},
		{name: "what was written down is damaged", files: with(with(files, segmentName(2), segmentName(2), cut), answeredFile, answeredFile, func(c []byte) []byte { c[2*answeredSize+20] ^= 3; return c }), lost: 2},
	} {
		r := startOn(t, test.files)
		st := r.Status()
		switch {
		case test.torn:
			if st.Torn != 1 || st.Damaged != 0 || st.WaitingRows != len(all)-test.lost {
				t.Errorf("%s: %+v", test.name, st)
			}
		case test.lost < 0: // nobody knows how many
			if st.Damaged != 1 || st.DamagedUnknown != 1 || st.WaitingRows != len(all)-5 {
				t.Errorf("%s: %+v", test.name, st)
			}
		default:
			if st.Torn != 0 || st.Damaged != 1 || st.DamagedRows != test.lost || st.WaitingRows != len(all)-test.lost {
				t.Errorf("%s: %+v", test.name, st)
			}
		}
		r.end(t)
	}
}

// A write that a crash interrupts is no damage, in whatever generation, also when some of it is whole.
func TestATornWriteIsNoDamage(t *testing.T) {
	r := start(t, memoryDir(t), Options{Linger: time.Hour})
	var all []uuid.UUID
	torn := 0
	for generation := range 4 {
		some := ids(3)
		all = append(all, some...)
		r.mustAppend(t, some...)
		files := read(t, r.dir)
		newest := segmentName(r.number)
		noise := bytes.Repeat([]byte{byte(generation)}, 300*generation)
		if generation == 3 { // the beginning of a frame
			noise = files[newest][segmentHeader : segmentHeader+700]
		}
		files[newest] = append(files[newest], noise...)
		if len(noise) > 0 {
			torn++
		}
		next := startOn(t, files)
		if st := next.Status(); st.Torn != torn || st.Damaged != 0 || st.WaitingRows != len(all) {
			t.Fatalf("generation %d: %+v, want %d torn files", generation, st, torn)
		}
		if accepted, _ := next.mustAppend(t, all...); accepted != 0 {
			t.Errorf("generation %d: %d events are new once more", generation, accepted)
		}
		r.end(t)
		r = next
	}
	// What one of them sealed, a later crash cannot have torn.
	files := read(t, r.dir)
	names := []string{}
	for name := range files {
		if strings.HasSuffix(name, waitingSuffix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	files[names[0]] = files[names[0]][:len(files[names[0]])-1]
	next := startOn(t, files)
	if st := next.Status(); st.Torn != torn || st.Damaged != 1 || st.DamagedRows != 3 || st.WaitingRows != len(all)-3 {
		t.Errorf("%+v, want 3 damaged events", st)
	}
	same(t, next.load(t), slices.DeleteFunc(all, func(id uuid.UUID) bool { return slices.Contains(all[:3], id) }))
}

// A file's header is damaged: every event in it stays, and none is sent under an id that ClickHouse does not know when it knows another.
func TestDamagedHeaders(t *testing.T) {
	known, frames := stopped(t, []int{2, 3}, []int{1, 1})
	all := slices.Concat(frames...)
	id := look(known[segmentName(1)]).id
	for at := range segmentHeader - 1 {
		files := without1(known, answeredFile)
		if at%3 == 0 {
			files = known
		}
		zero := func(c []byte) []byte {
			c[at] ^= 0x5a
			c[at+1] ^= 0xa5
			return c
		}
		for _, suffix := range []string{waitingSuffix, sendingSuffix, doubtfulSuffix, refusedSuffix, loadedSuffix} {
			what := fmt.Sprintf("bytes %d and %d, %s", at, at+1, suffix)
			if suffix != waitingSuffix && at%7 > 1 {
				continue
			}
			r := startOn(t, with(files, segmentName(1), "0000000000000001"+suffix, zero))
			st := r.Status()
			// The sum is behind the magic and the id, so it tells that the id is well.
			lost := at+1 >= len(segmentMagic) && at%3 > 0
			if accepted, _ := r.mustAppend(t, all...); accepted != 0 {
				t.Errorf("%s: %d events are new once more", what, accepted)
			}
			switch suffix {
			case waitingSuffix:
				if st.WaitingRows != len(all) || st.Refused+st.Damaged+st.Torn > 0 {
					t.Errorf("%s: %+v", what, st)
				}
				if seg, err := r.Next(t.Context()); err != nil || !lost && seg.ID != id || seg.sent {
					t.Errorf("%s: %+v, %v", what, seg, err)
				}
				same(t, r.load(t), all)
			case loadedSuffix:
				if st.WaitingRows != 2 || st.Refused+st.Damaged+st.Torn > 0 {
					t.Errorf("%s: %+v", what, st)
				}
			default:
				if lost || suffix == refusedSuffix {
					if st.Refused != 1 || st.RefusedRows != 5 || st.Damaged+st.Torn+st.Doubtful > 0 || st.WaitingRows != 2 {
						t.Errorf("%s: %+v", what, st)
					}
					entries, err := r.List()
					if err != nil || entries[0].State != Refused || entries[0].Rows != 5 || lost != strings.Contains(entries[0].Refusal.Error, "under a new id") {
						t.Errorf("%s: %+v, %v", what, entries, err)
					}
					if n, err := r.PutBack(); n != 1 || err != nil {
						t.Errorf("%s: %d put back, %v", what, n, err)
					}
				}
				if suffix == doubtfulSuffix && !lost {
					if d := r.Doubtful(); len(d) != 1 || d[0].ID != id || d[0].Rows != 5 {
						t.Errorf("%s: %+v", what, d)
					}
					break
				}
				seg, err := r.Next(t.Context())
				if err != nil || (seg.ID == id) == lost || !seg.sent {
					t.Errorf("%s: %+v, %v", what, seg, err)
				}
				same(t, r.load(t), all)
			}
			r.end(t)
		}
	}
}

// A length that is damaged hides nothing behind it, and damage that reaches from the header into a frame costs that frame.
func TestWhatIsBehindDamage(t *testing.T) {
	files, frames := stopped(t, []int{2, 1, 3, 1, 2}, []int{1})
	all := slices.Concat(frames...)
	found := look(files[segmentName(1)])
	for name, damage := range map[string]struct {
		from, to, lost int
	}{
		"a frame's length":             {found.frames[1].at, found.frames[1].at + 4, 1},
		"a frame's header":             {found.frames[1].at, found.frames[1].at + frameHeader, 1},
		"the header and the 1st frame": {0, found.frames[0].at + 500, 2},
		"two frames, across":           {found.frames[2].at + 900, found.frames[3].at + 500, 4},
		"the header alone":             {0, segmentHeader, 0},
	} {
		r := startOn(t, with(files, segmentName(1), segmentName(1), func(c []byte) []byte {
			for i := damage.from; i < damage.to; i++ {
				c[i] = ^c[i]
			}
			return c
		}))
		if st := r.Status(); st.Torn != 0 || st.WaitingRows != len(all)-damage.lost || st.DamagedRows != damage.lost || (st.Damaged > 0) != (damage.lost > 0) {
			t.Errorf("%s: %+v", name, st)
		}
		if got := r.load(t); len(got) != len(all)-damage.lost {
			t.Errorf("%s: %d events loaded, want %d", name, len(got), len(all)-damage.lost)
		}
		r.end(t)
	}
}

// Recovery is cut off between any two of its steps, and begun again.
func TestRecoveryCutOffAnywhere(t *testing.T) {
	files, frames := stopped(t, []int{2, 1, 2, 1}, []int{1, 2, 1, 3})
	all := slices.Concat(frames...)
	for _, name := range []string{segmentName(1), segmentName(2)} {
		whole := look(files[name])
		damaged := with(files, name, name, func(c []byte) []byte { // the 2nd frame, and the end of the last
			at := whole.frames[1].at + 700
			copy(c[at:], "damage")
			return c[:len(c)-40]
		})
		lost := whole.frames[1].rows + whole.frames[3].rows
		done := startOn(t, damaged)
		after := read(t, done.dir)
		done.end(t)
		var steps []map[string][]byte
		now := without1(damaged, "")
		pieces := []string{}
		for n := range after {
			if strings.Contains(n, damagedInfix) {
				pieces = append(pieces, n)
			}
		}
		slices.Sort(pieces)
		if len(pieces) != 2 {
			t.Fatalf("pieces: %v", pieces)
		}
		for _, n := range pieces {
			now[n] = after[n]
			steps = append(steps, without1(now, ""))
		}
		now[answeredFile] = settled(t, files[answeredFile], name)
		steps = append(steps, without1(now, ""))
		now[name] = after[name]
		steps = append(steps, without1(now, ""))
		now[answeredFile] = after[answeredFile]
		steps = append(steps, without1(now, ""))
		for i, step := range append(steps, damaged) {
			r := startOn(t, step)
			r.accounted(t, fmt.Sprintf("%s, step %d", name, i), all, len(all)-lost)
			r.end(t)
		}
	}

	// A segment that was being sent and lost its id: the reason, the name, the new header.
	broken := with(without1(files, answeredFile), segmentName(1), "0000000000000001"+sendingSuffix, func(c []byte) []byte { return append(make([]byte, segmentHeader), c[segmentHeader:]...) })
	note := []byte(`{"error":"` + lostID + `"}`)
	noted := with(broken, "", "", nil)
	noted["0000000000000001"+refusalSuffix] = note
	renamed := with(noted, "0000000000000001"+sendingSuffix, "0000000000000001"+refusedSuffix, bytes.Clone)
	for i, step := range []map[string][]byte{broken, noted, renamed} {
		r := startOn(t, step)
		if st := r.Status(); st.Refused != 1 || st.RefusedRows != 6 || st.WaitingRows != 7 || st.Damaged+st.Torn > 0 {
			t.Errorf("step %d: %+v", i, st)
		}
		if _, err := r.PutBack(1); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
		same(t, r.load(t), all)
		r.end(t)
	}
}

// settled is what is written down before a segment is replaced by a shorter one.
func settled(t *testing.T, before []byte, name string) []byte {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, answeredFile)
	if err := os.WriteFile(path, before, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := openAnswers(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	number, _ := parseName(name, waitingSuffix)
	a.settle(number)
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil || bytes.Equal(before, after) {
		t.Fatalf("nothing was settled: %v", err)
	}
	return after
}

// What takes events out of a segment on purpose does not pass for damage at the next start.
func TestShorterOnPurpose(t *testing.T) {
	r := start(t, memoryDir(t), Options{Linger: time.Millisecond})
	all := r.said(t, "ada", "bob", "carla")
	seg, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Without(seg, map[uuid.UUID]bool{all[2]: true}); n != 1 || err != nil {
		t.Fatalf("%d taken out: %v", n, err)
	}
	next := startOn(t, read(t, r.dir))
	if st := next.Status(); st.Damaged+st.Torn > 0 || st.WaitingRows != 2 {
		t.Errorf("after Without: %+v", st)
	}
	r.end(t)
	next.refuse(t)
	if done, err := next.Erase(ada); err != nil || done.Removed != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := next.PutBack(); err != nil {
		t.Fatal(err)
	}
	last := startOn(t, read(t, next.dir))
	next.end(t)
	if st := last.Status(); st.Damaged+st.Torn > 0 || st.WaitingRows != 1 {
		t.Errorf("after an erasure: %+v", st)
	}
	same(t, last.load(t), all[1:2])
	last.end(t)
}

// A segment whose file is gone is missed, unless it was loaded and deleted.
func TestASegmentThatIsGoneIsMissed(t *testing.T) {
	files, frames := stopped(t, []int{2, 3}, []int{4}, []int{1})
	for _, name := range []string{segmentName(1), segmentName(3)} {
		lost := look(files[name]).frames
		r := startOn(t, without1(files, name))
		all := slices.Concat(frames...)
		n := 0
		for _, f := range lost {
			n += f.rows
		}
		r.accounted(t, name, all, len(all)-n)
		r.end(t)
	}
	r := startOn(t, files)
	r.load(t)
	loaded := read(t, r.dir)
	if err := r.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	reaped := read(t, r.dir)
	if len(reaped) != 1 || len(loaded) != 4 {
		t.Fatalf("%d files, and %d after the reaper", len(loaded), len(reaped))
	}
	cutOff := map[string][]byte{answeredFile: reaped[answeredFile], "0000000000000002" + loadedSuffix: loaded["0000000000000002"+loadedSuffix]}
	for _, left := range []map[string][]byte{loaded, reaped, cutOff} {
		next := startOn(t, left)
		if st := next.Status(); st.Damaged+st.Torn+st.WaitingRows > 0 {
			t.Errorf("of %d files: %+v", len(left), st)
		}
		next.end(t)
	}
	r.end(t)
	// A refused one that a person drops is not missed either.
	r = startOn(t, files)
	r.refuse(t)
	if err := r.Drop(1); err != nil {
		t.Fatal(err)
	}
	next := startOn(t, read(t, r.dir))
	if st := next.Status(); st.Damaged > 0 {
		t.Errorf("after the drop: %+v", st)
	}
	next.end(t)
	r.end(t)
}

// Numbers go on when everything was loaded: what was written down of an old segment is not believed of a new one.
func TestNumbersGoOn(t *testing.T) {
	r := start(t, memoryDir(t), Options{Linger: time.Millisecond})
	r.mustAppend(t, ids(2)...)
	r.load(t)
	if err := errors.Join(r.Reap(t.Context()), r.Close()); err != nil {
		t.Fatal(err)
	}
	next := startOn(t, read(t, r.dir))
	some := ids(1)
	next.mustAppend(t, some...)
	seg, err := next.Next(t.Context())
	if err != nil || seg.Number != 2 {
		t.Errorf("%+v, %v", seg, err)
	}
	same(t, next.load(t), some)
}

// Pieces are listed by a name that opens and drops them; what is whole in one can be read. One that an older version took for torn counts
// as damaged.
func TestPieces(t *testing.T) {
	files, frames := stopped(t, []int{2, 3})
	content := files[segmentName(1)]
	broken := append(make([]byte, segmentHeader), content[segmentHeader:]...)
	half := binary.LittleEndian.AppendUint32(nil, 100)
	r := startOn(t, map[string][]byte{"0000000000000001.torn-0": broken, "0000000000000004.torn-28": half})
	dir := filepath.Join(r.dir, "spool")
	st := r.Status()
	if st.Damaged != 1 || st.DamagedRows != 5 || st.DamagedBytes != int64(len(broken)) || st.Torn != 1 || st.TornBytes != 4 || st.Bytes != 0 {
		t.Errorf("the status is %+v", st)
	}
	entries, err := r.List()
	if err != nil || len(entries) != 2 || entries[0].Name() != "1.damaged-0" || entries[1].Name() != "4.torn-28" {
		t.Fatalf("the list is %+v, %v", entries, err)
	}
	for _, name := range []string{"1.damaged-0", "0000000000000001.damaged-0"} {
		file, err := OpenPiece(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if n, err := file.WriteNDJSON(&out, 0); n != 5 || err != nil || !strings.Contains(out.String(), frames[1][2].String()) || file.Unread != int64(segmentHeader) {
			t.Errorf("%s: %d events, %v, %d bytes are not whole", name, n, err, file.Unread)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
	file, err := OpenPiece(dir, "4.torn-28")
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Blocks(func([]byte, int) error { return nil }); !errors.Is(err, errTorn) {
		t.Errorf("nothing whole: %v", err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"1", "1.refused", "../1.torn-0", "1.torn-0/../x", "", "x.torn-0", "9.torn-1"} {
		if _, err := OpenPiece(dir, name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q opens: %v", name, err)
		}
		if err := r.DropPiece(name); !errors.Is(err, ErrNotRefused) {
			t.Errorf("%q is dropped: %v", name, err)
		}
	}
	if err := errors.Join(r.DropPiece("1.damaged-0"), r.DropPiece("4.torn-28")); err != nil {
		t.Fatal(err)
	}
	if st := r.Status(); st.Damaged+st.DamagedRows+st.Torn > 0 {
		t.Errorf("after the drop the status is %+v", st)
	}
	r.end(t)
}
