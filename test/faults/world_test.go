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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

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
}

// newWorld starts a service on the folder and clients that send to it.
func newWorld(t *testing.T, data string, flags ...string) *world {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 0)), data: data, events: data, flags: flags}
	w.service = start(t, data, flags...)
	t.Cleanup(func() { w.service.kill() })
	w.client = &client{key: writeKey(t, data), batch: 40, api: w.service.api, ledger: map[uuid.UUID]string{}}
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

// pause waits for a random time up to most. The moment of a fault has to fall between any two lines sooner or later.
func (w *world) pause(most time.Duration) { time.Sleep(time.Duration(w.random.Int64N(int64(most)))) }

// tally is a line of the table that `make faults` prints.
type tally struct {
	fault                           string
	times                           int
	accepted, stored, doubled, lost int
	damaged                         int      // answered for, and then destroyed on the disk by the test
	faulty                          []string // what differs, in words
}

// finish stops the clients, lets the service load everything and holds the warehouse against the ledger.
func (w *world) finish(fault string, times int) tally {
	w.t.Helper()
	w.stop()
	w.sending.Wait()
	waitLoaded(w.t, w.service, w.data, "segment", "sending") // what is doubtful, verify settles first
	w.service.terminate(w.t)
	return w.account(fault, times)
}

// account holds the warehouse against the ledger; nobody holds the folders any more.
func (w *world) account(fault string, times int) tally {
	w.t.Helper()
	if out, err := w.livello("verify"); err != nil {
		w.t.Errorf("livello verify: %v\n%s", err, out)
	}
	db, err := warehouse.Open(w.t.Context(), warehouse.Config{Data: w.events})
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	result := count(w.t, db, w.client.ledger, w.damaged)
	result.fault, result.times = fault, times
	for _, f := range result.faulty {
		w.t.Errorf("%s: %s", fault, f)
	}
	if result.accepted == 0 {
		w.t.Errorf("%s: nothing was accepted, so nothing was tried", fault)
	}
	w.t.Logf("%d requests, %d refused for the time being, %d events answered for", w.client.sent.Load(), w.client.refused.Load(), result.accepted)
	table.add(result)
	return result
}

// livello runs a command on the folder that holds the tables.
func (w *world) livello(args ...string) ([]byte, error) {
	w.t.Helper()
	path, err := binary()
	if err != nil {
		w.t.Fatal(err)
	}
	command := exec.Command(path, append(args, "--data", w.events)...)
	command.Env = append(os.Environ(), "LIVELLO_ENGINE="+library())
	return command.CombinedOutput()
}

// waitLoaded waits until the spool holds no segment in one of the states: those that ClickHouse has not confirmed. It may take as long as there are
// segments, and none for longer than two minutes.
func waitLoaded(t *testing.T, s *service, data string, states ...string) {
	t.Helper()
	least, since := math.MaxInt, time.Now()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		var waiting []string
		for _, state := range states {
			some, err := filepath.Glob(filepath.Join(data, "spool", "*."+state))
			if err != nil {
				t.Fatal(err)
			}
			waiting = append(waiting, some...)
		}
		if len(waiting) == 0 {
			return
		}
		if len(waiting) < least {
			least, since = len(waiting), time.Now()
		}
		if time.Since(since) > 2*time.Minute {
			t.Fatalf("for two minutes none of %d segments left the spool:\n%s", len(waiting), s.logs)
		}
		select {
		case <-s.gone:
			t.Fatalf("the service ended with %d segments in the spool:\n%s", len(waiting), s.logs)
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-tick.C:
		}
	}
}

// count compares the ledger with events, event by event, and with each rollup, as sums.
// Damaged ones may be missing.
func count(t *testing.T, db *warehouse.Warehouse, ledger map[uuid.UUID]string, damaged map[uuid.UUID]bool) tally {
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
		if ledger[id] != person {
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
	for id := range missing {
		if damaged[id] {
			result.damaged++
		} else {
			result.lost++
		}
	}
	if result.lost != 0 || result.doubled != 0 || unknown != 0 {
		result.faulty = append(result.faulty, fmt.Sprintf("of %d events answered for, %d are not in events and %d are doubled; %d are there that nobody was told of",
			result.accepted, result.lost, result.doubled, unknown))
	}
	for rollup, query := range map[string]string{
		"person_day":     "SELECT sum(purchases) FROM person_day",
		"channel_hour":   "SELECT sum(events) FROM channel_hour",
		"identity_edges": "SELECT sum(evidence) FROM identity_edges",
	} {
		var n uint64
		if err := db.QueryRow(t.Context(), query).Scan(&n); err != nil {
			t.Fatalf("%s: %v", rollup, err)
		}
		if int(n) == result.accepted-result.damaged {
			continue
		}
		result.faulty = append(result.faulty, fmt.Sprintf("%s counts %d events, want %d", rollup, n, result.accepted-result.damaged))
		result.doubled = max(result.doubled, int(n)-result.accepted+result.damaged)
		result.lost = max(result.lost, result.accepted-result.damaged-int(n))
	}
	return result
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
