package dedupe

import (
	"encoding/binary"
	"iter"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/uuid"
)

// numbered is ids in order, every other number of the first 2n.
func numbered(n int) iter.Seq2[uuid.UUID, error] {
	return func(yield func(uuid.UUID, error) bool) {
		for i := range n {
			if !yield(numberedID(2*i), nil) {
				return
			}
		}
	}
}

func numberedID(i int) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:8], uint64(i))
	binary.BigEndian.PutUint64(id[8:], uint64(i)*0x9e3779b97f4a7c15)
	return id
}

// A run of several pieces has its ids and no others, as it was made and as it is opened again, at the edges of pieces and blocks, too. Making it takes
// memory for a piece, not for all of them.
func TestRunOfManyPieces(t *testing.T) {
	const piece = pieceBlocks * blockIDs
	for _, n := range []int{0, 1, blockIDs, piece - 1, piece, piece + 1, 4*piece + blockIDs + 7} {
		path := filepath.Join(t.TempDir(), "run")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		made, err := writeRun(path, numbered(n))
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if bytes := int(after.TotalAlloc - before.TotalAlloc); bytes > 24<<20+2*n {
			t.Errorf("a run of %d ids takes %d MiB to make", n, bytes>>20)
		}
		opened, err := openRun(path)
		if err != nil {
			t.Fatal(err)
		}
		for what, r := range map[string]*run{"made": made, "opened": opened} {
			page, passed := new([blockIDs * idBytes]byte), 0
			for i := range 2 * n {
				if i > 2*blockIDs && i < 2*n-2*blockIDs && i%(2*piece) > 600 && i%211 != 0 {
					continue // all would take long
				}
				id := numberedID(i)
				has, err := r.has(&id, filterKey(&id), page)
				if err != nil || has != (i%2 == 0) {
					t.Fatalf("a run of %d ids, %s: number %d: %v, %v", n, what, i, has, err)
				}
				passed++
			}
			last := numberedID(2 * n)
			if has, err := r.has(&last, filterKey(&last), page); err != nil || has || r.ids != n {
				t.Errorf("a run of %d ids, %s, has %d, and one beyond the last: %v, %v", n, what, r.ids, has, err)
			}
			t.Logf("%d ids, %s: %d looked up", n, what, passed)
			if err := r.file.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
