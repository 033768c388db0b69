package faults

import (
	endian "encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The process is killed with kill -9 at random moments while clients send, and started again.
func TestKilledUnderLoad(t *testing.T) {
	w := newWorld(t, migrated(t, folder(t)))
	n := times(3, 100)
	for range n {
		w.pause(500 * time.Millisecond)
		w.service.kill()
		w.restart()
		w.look("kill -9")
	}
	w.finish("service killed with kill -9", n)
}

// As above, and the machine's disk got only part of the last write: what a power cut leaves behind the last sync.
func TestTornWrites(t *testing.T) {
	w := newWorld(t, migrated(t, folder(t)))
	n := times(2, 40)
	for range n {
		w.pause(500 * time.Millisecond)
		w.service.kill()
		w.tearNewest()
		w.restart()
		w.toldOf(0, 0) // nobody had an answer for it
		w.look("a torn write")
	}
	w.finish("killed, and a torn write at the spool's end", n)
}

// tearNewest appends to the segment that was being written what a write that was cut off leaves: the beginning of a frame, or noise.
func (w *world) tearNewest() {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.data, "spool", "0*"))
	if err != nil {
		w.t.Fatal(err)
	}
	if len(files) == 0 || filepath.Ext(files[len(files)-1]) != ".segment" {
		return // everything was sealed: no crash tears that
	}
	newest := files[len(files)-1]
	answered, err := os.ReadFile(filepath.Join(w.data, "spool", "answered"))
	if err != nil {
		w.t.Fatal(err)
	}
	if fmt.Sprintf("%016d.segment", endian.LittleEndian.Uint64(answered[8:])) == filepath.Base(newest) && answered[16] == 1 {
		return // the same
	}
	content, err := os.ReadFile(newest)
	if err != nil {
		w.t.Fatal(err)
	}
	const header = 28 // of the file; frames follow
	torn := make([]byte, 1+w.random.IntN(5000))
	if len(content) > header+len(torn) && w.random.IntN(2) == 0 {
		copy(torn, content[header:]) // a real frame's first bytes
	} else {
		for i := range torn {
			torn[i] = byte(w.random.Uint32())
		}
	}
	file, err := os.OpenFile(newest, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := file.Write(torn); err != nil {
		w.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// The process is stopped and continued, for longer than the clients wait: they send again what may have been kept.
func TestFrozen(t *testing.T) {
	w := newWorld(t, migrated(t, folder(t)))
	n := times(1, 20)
	for range n {
		w.pause(500 * time.Millisecond)
		gaveUp := w.client.timeouts.Load()
		if err := w.service.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(clientPatience + time.Duration(200+w.random.IntN(300))*time.Millisecond)
		if err := w.service.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if w.client.timeouts.Load() == gaveUp {
			t.Error("no client gave up waiting for an answer, so nothing was sent again")
		}
		w.look("a frozen service")
	}
	w.finish("service frozen longer than clients wait", n)
}

// Batches that were answered for come again, their records in another order: every event of them is known.
func TestRepeatedAndReordered(t *testing.T) {
	w := newWorld(t, migrated(t, folder(t)))
	w.client.shuffle.Store(true)
	for range times(1, 20) {
		before := w.client.repeats.Load()
		w.pause(time.Second)
		for deadline := time.Now().Add(patience); w.client.repeats.Load() == before && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
		w.look("repeated batches") // of which no event may have been accepted
		if w.client.repeats.Load() == before {
			t.Fatal("no batch was repeated, so nothing was tried")
		}
	}
	w.finish("batches repeated with reordered records", int(w.client.repeats.Load()))
}

// The disk is full: the service refuses and says so, and goes on when there is room. ClickHouse notes a block's token before it commits
// the block, and when the commit fails for want of room, takes the retry for a repetition: what lacks then, the service has to
// find and mend by itself.
func TestFullDisk(t *testing.T) {
	data := t.TempDir()
	if err := syscall.Mount("tmpfs", data, "tmpfs", 0, "size=256m"); err != nil {
		t.Skipf("no right to mount a small tmpfs here (%v): run as root to try a full disk", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(data, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	w := newWorld(t, migrated(t, data), "--spool-min-free-bytes", "0")
	filler := filepath.Join(data, "filler")
	n := times(2, 10)
	for range n {
		w.pause(time.Second)
		w.fill(filler)
		refused := w.client.refused.Load()
		deadline := time.Now().Add(20 * time.Second)
		for w.client.refused.Load() == refused && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		if w.client.refused.Load() == refused {
			t.Error("a full disk made the service refuse nothing")
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		if w.random.IntN(2) == 0 { // or it goes down while full
			w.service.kill()
			w.restart()
		}
		w.look("a full disk")
	}
	w.finish("disk full", n)
}

// fill takes all the room that is left.
func (w *world) fill(path string) {
	w.t.Helper()
	file, err := os.Create(path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	zeros := make([]byte, 64<<10)
	for {
		if _, err := file.Write(zeros); err != nil {
			break // no room
		}
		if info, err := file.Stat(); err == nil && info.Size() > 1<<30 {
			w.t.Fatal(fmt.Errorf("a gigabyte fits on a tmpfs of 256 MiB"))
		}
	}
	for len(zeros) > 1 { // the last bytes
		zeros = zeros[:len(zeros)/2]
		for {
			if _, err := file.Write(zeros); err != nil {
				break
			}
		}
	}
}
