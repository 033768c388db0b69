package faults

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/spool"
)

// What was answered for and waits on the disk is damaged while the service is down: one bit in every segment is corrected, and of more
// than that exactly the events are missing that were hit, and the service says how many.
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
				var gone []uuid.UUID
				for _, file := range files {
					gone = append(gone, damage(w, file)...)
					hit++
				}
				for _, id := range gone {
					damaged[id] = true
				}
				answered := w.answeredOf(gone)
				w.restart()
				w.toldOf(answered, len(gone))
				line.set(none)
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

// destroy overwrites the file's header, or up to 100 bytes anywhere, or cuts the file, and answers the events of the frames that it hit.
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
	from, to, cut := 0, len(content), false
	switch w.random.IntN(3) {
	case 0: // the header alone: no event is in it
		from = w.random.IntN(header - 2)
		to = from + 2 + w.random.IntN(header-from-1)
	case 1:
		from, cut = w.random.IntN(len(content)), true
	default:
		from = w.random.IntN(len(content) - 100)
		to = from + 2 + w.random.IntN(98)
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
		for i := from; i < to; i++ {
			content[i] = ^content[i]
		}
	}
	w.write(path, content)
	return hit
}

// answeredOf counts the events that a client has an answer for.
func (w *world) answeredOf(ids []uuid.UUID) (n int) {
	w.client.mu.Lock()
	defer w.client.mu.Unlock()
	for _, id := range ids {
		if _, answered := w.client.ledger[id]; answered {
			n++
		}
	}
	return n
}

// toldOf wants the service to tell of damage to at least so many events and at most so many, in its metrics and in the list of the spool, and then has
// a person deal with it. Where it cannot tell how many they were, it must say that.
func (w *world) toldOf(least, most int) {
	w.t.Helper()
	entries, err := spool.List(filepath.Join(w.data, "spool"))
	if err != nil {
		w.t.Fatal(err)
	}
	files, events, unknown := 0, 0, false
	var names []string
	for _, e := range entries {
		if e.State == spool.Damaged {
			files, events, unknown = files+1, events+e.Rows, unknown || e.AtLeast
			names = append(names, e.Name())
		}
	}
	if events > most || events < least && !unknown || least > 0 && files == 0 || most == 0 && files > 0 {
		w.t.Errorf("%d to %d events were destroyed that were answered for, and the list tells of %d in %d files (there may be more: %t)", least, most, events, files, unknown)
	}
	if n := w.metric("livello_spool_damaged_events"); n != events {
		w.t.Errorf("livello_spool_damaged_events is %d, the list tells of %d", n, events)
	}
	if n := w.metric("livello_spool_damaged_files"); n != files {
		w.t.Errorf("livello_spool_damaged_files is %d, the list tells of %d", n, files)
	}
	if files > 0 {
		w.run(append([]string{"spool", "drop", "--yes"}, names...)...)
	}
	if n := w.metric("livello_spool_damaged_files"); n != 0 {
		w.t.Errorf("livello_spool_damaged_files is %d after everything was dropped", n)
	}
}

// run runs a command beside the service.
func (w *world) run(args ...string) []byte {
	w.t.Helper()
	path, err := binary()
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := exec.Command(path, append(args, "--data", w.data)...).Output()
	if err != nil {
		w.t.Fatalf("livello %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// metric is what the service says of a gauge now.
func (w *world) metric(name string) int {
	w.t.Helper()
	var keys struct {
		ReadKey string `json:"read_key"`
	}
	if err := json.Unmarshal(w.run("keys"), &keys); err != nil {
		w.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.service.api+"/metrics", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+keys.ReadKey)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, err := strconv.Atoi(value)
			if err != nil {
				w.t.Fatal(err)
			}
			return n
		}
	}
	w.t.Fatalf("/metrics has no %s", name)
	return 0
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
