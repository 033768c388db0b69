package faults

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/spool"
)

// What was answered for and waits on the disk is damaged while the service is down: one bit in every segment is corrected, and of more
// than that exactly the events are missing that were hit.
func TestDamagedOnDisk(t *testing.T) {
	for name, damage := range map[string]func(*world, string) []uuid.UUID{
		"a bit flipped in every waiting segment": (*world).flipBit,
		"waiting segments overwritten or cut":    (*world).destroy,
	} {
		t.Run(name, func(t *testing.T) {
			clickhouse := migrated(t, folder(t))
			neighbour := start(t, clickhouse)
			t.Cleanup(func() { neighbour.kill() })
			line := newWay(t, clickhouse)
			w := newWorld(t, folder(t), "--dsn", line.url, "--spool-segment-rows", "1000")
			w.events = clickhouse
			n := times(1, 10)
			hit, damaged := 0, map[uuid.UUID]bool{}
			for range n {
				line.set(refusing)
				// The INSERT before has ended: what is damaged while a part of it is in ClickHouse is another matter.
				struck := line.struck.Load()
				for deadline := time.Now().Add(20 * time.Second); line.struck.Load() < struck+2 && time.Now().Before(deadline); {
					time.Sleep(5 * time.Millisecond)
				}
				w.pause(time.Second)
				w.service.kill()
				files, err := filepath.Glob(filepath.Join(w.data, "spool", "*.se[gn]*"))
				if err != nil {
					t.Fatal(err)
				}
				for _, file := range files {
					for _, id := range damage(w, file) {
						damaged[id] = true
					}
					hit++
				}
				line.set(none)
				w.restart()
			}
			if hit == 0 {
				t.Error("nothing waited, so nothing was damaged")
			}
			w.damaged = damaged
			w.finishNextDoor(name, hit, &neighbour)
		})
	}
}

// flipBit flips one bit anywhere in the file. Nothing may be missing for it.
func (w *world) flipBit(path string) []uuid.UUID {
	w.t.Helper()
	content := w.read(path)
	if len(content) > 0 {
		content[w.random.IntN(len(content))] ^= 1 << w.random.IntN(8)
	}
	w.write(path, content)
	return nil
}

// destroy overwrites up to 100 bytes somewhere in the frames, or cuts the file, and answers the events of the frames that it hit.
func (w *world) destroy(path string) (hit []uuid.UUID) {
	w.t.Helper()
	if filepath.Ext(path) == ".sending" {
		return nil // some of it may be in ClickHouse without a receipt, and then verify says so: not what this tries
	}
	const header = 28 // of the file; frames follow
	content := w.read(path)
	if len(content) < header+200 {
		return nil
	}
	from, to := header+w.random.IntN(len(content)-header-100), len(content)
	cut := w.random.IntN(2) == 0
	overwritten := to
	if !cut {
		to = from + 2 + w.random.IntN(98)
		overwritten = to
	}
	number, segment := uint64(0), filepath.Base(path)
	for _, digit := range segment[:16] {
		number = 10*number + uint64(digit-'0')
	}
	file, err := spool.OpenFile(filepath.Dir(path), number)
	if err != nil {
		w.t.Fatal(err)
	}
	at := header
	err = file.Blocks(func(block []byte, _ int) error {
		const frame = 16 // header of a frame
		ids, err := event.BlockEventIDs(nil, block)
		begin, end := at, at+frame+len(block)
		if begin < to && from < end {
			hit = append(hit, ids...)
			if begin+frame > from { // its length is not to be believed, so what is behind it cannot be found
				to = len(content)
			}
		}
		at = end
		return err
	})
	closing := file.Close()
	if err != nil && strings.Contains(err.Error(), "is not whole") {
		return nil // the kill cut off a write that nobody has an answer for: TestTornWrites is about that
	}
	if err = errors.Join(err, closing); err != nil {
		w.t.Fatal(err)
	}
	if cut {
		content = content[:from]
	} else {
		for i := from; i < overwritten; i++ {
			content[i] = ^content[i]
		}
	}
	w.write(path, content)
	return hit
}

func (w *world) read(path string) []byte {
	w.t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	return content
}

func (w *world) write(path string, content []byte) {
	w.t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
}
