package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// client sends batches like an SDK: until a batch is answered with success it is sent again, and what was answered for goes into
// the ledger. It never looks into the service.
type client struct {
	key   string
	batch int
	gate  sync.RWMutex // a worker holds it while it brings a batch through; see hold

	mu     sync.Mutex
	api    string             // where the service is now
	ledger map[uuid.UUID]deed // acknowledged events

	shuffle                          atomic.Bool // repeat more, with the records in another order
	sent, refused, timeouts, repeats atomic.Int64
	forgotten                        atomic.Int64 // events that were answered for before and not counted as duplicates when they came again
}

func (c *client) move(api string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.api = api
}

func (c *client) address() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.api
}

// hold waits until every batch in hand is brought through, and has the workers wait before the next.
func (c *client) hold() { c.gate.Lock() }

func (c *client) release() { c.gate.Unlock() }

// run sends one batch after the other until ctx ends; the batch in hand is still brought through.
func (c *client) run(ctx context.Context, t *testing.T, worker int) {
	random := rand.New(rand.NewPCG(uint64(worker), 1))
	var old []byte
	for ctx.Err() == nil {
		old = c.bringThrough(ctx, t, random, old)
		time.Sleep(20 * time.Millisecond) // more in the same time tries nothing more
	}
}

// bringThrough sends a batch until it is answered for. Now and then the one before comes again first, of which every event must be known.
func (c *client) bringThrough(ctx context.Context, t *testing.T, random *rand.Rand, old []byte) []byte {
	c.gate.RLock()
	defer c.gate.RUnlock()
	if ctx.Err() != nil { // it ended at the gate
		return old
	}
	body, deeds := c.newBatch(random)
	if old != nil && (c.shuffle.Load() || random.IntN(5) == 0) { // some SDKs repeat what was answered for, too
		if c.shuffle.Load() {
			old = shuffled(random, old)
		}
		if said, answered := c.send(t, old); answered {
			c.repeats.Add(1)
			c.forgotten.Add(int64(said.Accepted))
		}
	}
	for answered := false; !answered; {
		_, answered = c.send(t, body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, d := range deeds {
		c.ledger[id] = d
	}
	return body
}

// newBatch is NDJSON of events over some months. Each month is a part in every table at every INSERT: the short form has two of them.
func (c *client) newBatch(random *rand.Rand) (body []byte, deeds map[uuid.UUID]deed) {
	deeds = make(map[uuid.UUID]deed, c.batch)
	var b bytes.Buffer
	for range c.batch {
		id := uuid.New()
		d := deed{person: uint16(random.IntN(200)), act: act(random.IntN(len(acts))),
			at: time.Now().Add(-time.Duration(random.IntN(times(25, 60)*24)) * time.Hour).UTC()}
		deeds[id] = d
		fmt.Fprintf(&b, `{"messageId":%q,"userId":%q,"anonymousId":"a-%[2]s","timestamp":%[3]q,%[4]s}`+"\n", id, d.id(), d.at.Format(time.RFC3339Nano), d.message())
	}
	return b.Bytes(), deeds
}

// shuffled is the batch with its records in another order.
func shuffled(random *rand.Rand, body []byte) []byte {
	lines := bytes.SplitAfter(body, []byte{'\n'})
	random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return bytes.Join(lines, nil)
}

// clientPatience is how long a client waits for an answer before it sends again.
const clientPatience = 2 * time.Second

var patient = &http.Client{Timeout: clientPatience}

// answer is what the service says to a batch.
type answer struct {
	Accepted, Duplicates int
	Rejected             []json.RawMessage
}

// send answers whether the service answered for the whole batch, and what.
func (c *client) send(t *testing.T, body []byte) (said answer, answered bool) {
	request, err := http.NewRequest(http.MethodPost, c.address()+"/v1/events", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return said, true
	}
	request.SetBasicAuth(c.key, "")
	c.sent.Add(1)
	response, err := patient.Do(request)
	if err != nil { // the service is away
		var network net.Error
		if errors.As(err, &network) && network.Timeout() {
			c.timeouts.Add(1)
		}
		time.Sleep(10 * time.Millisecond) // an SDK's backoff
		return said, false
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&said); err != nil {
		return said, false // cut off in the middle of the answer
	}
	if response.StatusCode == http.StatusServiceUnavailable {
		c.refused.Add(1)
		time.Sleep(10 * time.Millisecond)
		return said, false
	}
	if response.StatusCode != http.StatusAccepted || len(said.Rejected) > 0 || said.Accepted+said.Duplicates != bytes.Count(body, []byte{'\n'}) {
		t.Errorf("the service answered %d: %+v", response.StatusCode, said)
	}
	return said, true
}
