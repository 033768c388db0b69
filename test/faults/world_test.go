package faults

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/warehouse"
)

// world is a service on a data folder, clients that send to it, and what they were told. Faults happen to the service.
type world struct {
	t      *testing.T
	random *rand.Rand
	data   string
	flags  []string // of `livello serve` beside --data
	events string   // the data folder whose engine holds the tables: data, or that of the ClickHouse next door

	damaged map[uuid.UUID]bool // events that were answered for and then destroyed on the disk

	service *service
	client  *client
	stop    context.CancelFunc
	sending sync.WaitGroup
	held    bool  // the clients wait, and everything they were answered for was looked at
	looked  tally // what was found then
	looks   int
}

// newWorld starts a service on the folder and clients that send to it.
func newWorld(t *testing.T, data string, flags ...string) *world {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 0)), data: data, events: data, flags: flags}
	w.service = start(t, data, flags...)
	t.Cleanup(func() { w.service.kill() })
	w.client = &client{key: writeKey(t, data), batch: 40, api: w.service.api, ledger: map[uuid.UUID]deed{}}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	t.Cleanup(stop)
	for worker := range 6 {
		w.sending.Go(func() { w.client.run(ctx, t, worker) })
	}
	return w
}

// restart starts the service again on the same folder; the clients find it.
func (w *world) restart() {
	w.t.Helper()
	w.service = start(w.t, w.data, w.flags...)
	w.client.move(w.service.api)
}

// pause lets the clients send for a random time up to most. The moment of a fault has to fall between any two lines sooner or later.
func (w *world) pause(most time.Duration) {
	w.resume()
	time.Sleep(time.Duration(w.random.Int64N(int64(most))))
}

func (w *world) resume() {
	if w.held {
		w.held = false
		w.client.release()
	}
}

// tally is a line of the table that `make faults` prints.
type tally struct {
	fault                           string
	times                           int
	accepted, stored, doubled, lost int
	damaged                         int      // answered for, and then destroyed on the disk by the test
	faulty                          []string // what differs, in words
}

// look holds the warehouse against the ledger after a fault: the clients wait, everything is loaded, `livello verify` is clean, and what they were answered
// for is in events once and in the sums of every rollup. They wait until the next pause.
func (w *world) look(fault string) {
	w.t.Helper()
	if !w.held {
		w.client.hold()
		w.held = true
	}
	w.waitLoaded("segment", "sending") // what is doubtful, verify settles first
	verified := w.data
	if len(w.damaged) > 0 { // the service knows what it lost, and says so; the tables have to be right
		w.waitLoaded("doubtful")
		verified = w.events
	}
	out, err := w.livello("verify", "--data", verified)
	if err != nil && len(w.spooled("doubtful")) > 0 { // they could not be settled just then, which is tried again
		w.waitLoaded("doubtful")
		out, err = w.livello("verify", "--data", verified)
	}
	if err != nil {
		w.t.Errorf("after %s: livello verify: %v\n%s", fault, err, out)
	}
	if left := w.spooled("segment", "sending", "doubtful"); len(left) > 0 {
		w.t.Errorf("after %s and livello verify there are %v", fault, left)
	}
	db, err := warehouse.Open(w.t.Context(), warehouse.Config{Data: w.events})
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	w.looked = count(w.t, db, w.client.ledger, w.damaged)
	w.looks++
	for _, f := range w.looked.faulty {
		w.t.Errorf("after %s, number %d: %s", fault, w.looks, f)
	}
	if n := w.client.forgotten.Load(); n > 0 && len(w.damaged) == 0 {
		w.t.Errorf("after %s: %d events that were answered for before were not known when they came again", fault, n)
	}
}

// finish stops the clients, looks at what came since the last look, and ends the service. In the long form it looks once more after that, with another process.
func (w *world) finish(fault string, times int) tally {
	w.t.Helper()
	w.lastLook(fault)
	w.service.terminate(w.t)
	return w.enter(fault, times)
}

// lastLook is a look after which nothing is sent.
func (w *world) lastLook(fault string) {
	w.t.Helper()
	w.stop()
	if !w.held {
		w.look(fault)
	}
	w.resume()
	w.sending.Wait()
	if long() {
		w.service.terminate(w.t)
		w.restart()
		w.look(fault)
		w.resume()
	}
}

// enter puts what was found last into the table.
func (w *world) enter(fault string, times int) tally {
	w.t.Helper()
	result := w.looked
	result.fault, result.times = fault, times
	if result.accepted == 0 {
		w.t.Errorf("%s: nothing was accepted, so nothing was tried", fault)
	}
	w.t.Logf("%d requests, %d refused for the time being, %d without an answer in time, %d repeated; %d events answered for, looked at %d times",
		w.client.sent.Load(), w.client.refused.Load(), w.client.timeouts.Load(), w.client.repeats.Load(), result.accepted, w.looks)
	table.add(result)
	return result
}

// spooled are the segments in one of the states.
func (w *world) spooled(states ...string) (segments []string) {
	w.t.Helper()
	for _, state := range states {
		some, err := filepath.Glob(filepath.Join(w.data, "spool", "*."+state))
		if err != nil {
			w.t.Fatal(err)
		}
		segments = append(segments, some...)
	}
	return segments
}

// livello runs a command.
func (w *world) livello(args ...string) ([]byte, error) {
	w.t.Helper()
	path, err := binary()
	if err != nil {
		w.t.Fatal(err)
	}
	command := exec.Command(path, args...)
	command.Env = append(os.Environ(), "LIVELLO_ENGINE="+library())
	return command.CombinedOutput()
}

// waitLoaded waits until the spool holds no segment in one of the states: those that ClickHouse has not confirmed. It may take as long as there are
// segments, and none for longer than two minutes.
func (w *world) waitLoaded(states ...string) {
	w.t.Helper()
	least, since := math.MaxInt, time.Now()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		waiting := w.spooled(states...)
		if len(waiting) == 0 {
			return
		}
		if len(waiting) < least {
			least, since = len(waiting), time.Now()
		}
		if time.Since(since) > 2*time.Minute {
			w.t.Fatalf("for two minutes none of %d segments left the spool:\n%s", len(waiting), w.service.logs)
		}
		select {
		case <-w.service.gone:
			w.t.Fatalf("the service ended with %d segments in the spool:\n%s", len(waiting), w.service.logs)
		case <-w.t.Context().Done():
			w.t.Fatal(w.t.Context().Err())
		case <-tick.C:
		}
	}
}

// count compares the ledger with events, event by event, and with every rollup, as sums. Damaged ones may be missing.
func count(t *testing.T, db *warehouse.Warehouse, ledger map[uuid.UUID]deed, damaged map[uuid.UUID]bool) tally {
	t.Helper()
	rows, err := db.Query(t.Context(), "SELECT event_id, any(distinct_id), count() FROM events GROUP BY event_id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	result := tally{accepted: len(ledger)}
	missing := maps.Clone(ledger)
	unknown := 0
	for rows.Next() {
		var id uuid.UUID
		var person string
		var n uint64
		if err := rows.Scan(&id, &person, &n); err != nil {
			t.Fatal(err)
		}
		if d, is := ledger[id]; !is || d.id() != person {
			unknown++
			continue
		}
		delete(missing, id)
		result.stored++
		result.doubled += int(n) - 1
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	there := newReckoning()
	for id, d := range ledger {
		switch _, lacks := missing[id]; {
		case !lacks:
			there.add(d)
		case damaged[id]:
			result.damaged++
		default:
			there.add(d)
			result.lost++
		}
	}
	if result.lost != 0 || result.doubled != 0 || unknown != 0 {
		result.faulty = append(result.faulty, fmt.Sprintf("of %d events answered for, %d are not in events and %d are doubled; %d are there that nobody was told of",
			result.accepted, result.lost, result.doubled, unknown))
	}
	want := there.done()
	for _, table := range fed(t, db) {
		var got []float64
		if err := db.QueryRow(t.Context(), "SELECT arrayMap(n -> toFloat64(n), ["+strings.Replace(rollups[table], " FROM ", "]) FROM ", 1)).Scan(&got); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		if slices.Equal(got, want[table]) {
			continue
		}
		result.faulty = append(result.faulty, fmt.Sprintf("of %s: %v, want %v", rollups[table], got, want[table]))
	}
	return result
}

// fed are the tables that views feed in this database, of which each has its sums.
func fed(t *testing.T, db *warehouse.Warehouse) (tables []string) {
	t.Helper()
	all, err := ask.Texts(t.Context(), db, "SELECT DISTINCT extract(create_table_query, ' TO (?:[^ .]+\\.)?`?([a-z_]+)') AS fed FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView' ORDER BY fed")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range all {
		switch {
		case rollups[table] != "":
			tables = append(tables, table)
		case notInLedger[table] == "":
			t.Errorf("%s is fed by a view: say in rollups what it adds up to, or in notInLedger why not", table)
		}
	}
	if len(tables) != len(rollups) {
		t.Errorf("views feed %v, of which sums are known of %d others", tables, len(rollups)-len(tables))
	}
	return tables
}

// table gathers the tallies; TestMain prints it.
var table faultTable

type faultTable struct {
	mu   sync.Mutex
	rows []tally
}

func (f *faultTable) add(r tally) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = append(f.rows, r)
}

func (f *faultTable) String() string {
	var b strings.Builder
	b.WriteString("| fault | times | accepted | stored | doubled | lost | damaged on disk |\n|---|---|---|---|---|---|---|\n")
	for _, r := range f.rows {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d |\n", r.fault, r.times, r.accepted, r.stored, r.doubled, r.lost, r.damaged)
	}
	return b.String()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if len(table.rows) > 0 && testing.Verbose() {
		fmt.Print("\n" + table.String())
	}
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// times is how often a fault happens: the short number in `make test`, the long one in `make faults`.
func times(inShort, inLong int) int {
	if long() {
		return inLong
	}
	return inShort
}

func long() bool { return os.Getenv("LIVELLO_FAULTS") == "long" }
