package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
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

	mu     sync.Mutex
	api    string               // where the service is now
	ledger map[uuid.UUID]string // acknowledged event -> its person

	shuffle                atomic.Bool // repeat more, with the records in another order
	sent, refused, repeats atomic.Int64
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

// run sends one batch after the other until ctx ends; the batch in hand is still brought through.
func (c *client) run(ctx context.Context, t *testing.T, worker int) {
	random := rand.New(rand.NewPCG(uint64(worker), 1))
	var old []byte
	for ctx.Err() == nil {
		body, people := c.newBatch(random)
		if old != nil && (c.shuffle.Load() || random.IntN(5) == 0) { // some SDKs repeat what was answered for, too
			if c.shuffle.Load() {
				old = shuffled(random, old)
			}
			c.send(t, old)
			c.repeats.Add(1)
		}
		for !c.send(t, body) {
		}
		old = body
		if !long() { // where a sync costs nothing, clients would send more in the same time, which tries nothing more
			time.Sleep(20 * time.Millisecond)
		}
		c.mu.Lock()
		for id, person := range people {
			c.ledger[id] = person
		}
		c.mu.Unlock()
	}
}

// newBatch is NDJSON of events over some months, of people who are partly anonymous. Each month is a part in every table at every INSERT: the
// short form has two or three of them.
func (c *client) newBatch(random *rand.Rand) (body []byte, people map[uuid.UUID]string) {
	people = make(map[uuid.UUID]string, c.batch)
	var b bytes.Buffer
	for range c.batch {
		id, person := uuid.New(), fmt.Sprint("p", random.IntN(200))
		people[id] = person
		at := time.Now().Add(-time.Duration(random.IntN(times(40, 90)*24)) * time.Hour).UTC().Format(time.RFC3339Nano)
		fmt.Fprintf(&b, `{"type":"track","event":"Order Completed","messageId":%q,"userId":%q,"anonymousId":"a-%s","timestamp":%q,"properties":{"revenue":2.5,"currency":"EUR","channel":"web"}}`+"\n",
			id, person, person, at)
	}
	return b.Bytes(), people
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

// send answers whether the service answered for the whole batch.
func (c *client) send(t *testing.T, body []byte) bool {
	request, err := http.NewRequest(http.MethodPost, c.address()+"/v1/events", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return true
	}
	request.SetBasicAuth(c.key, "")
	c.sent.Add(1)
	answer, err := patient.Do(request)
	if err != nil { // the service is away
		time.Sleep(10 * time.Millisecond) // an SDK's backoff
		return false
	}
	defer answer.Body.Close()
	var said struct {
		Accepted, Duplicates int
		Rejected             []json.RawMessage
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		return false // cut off in the middle of the answer
	}
	if answer.StatusCode == http.StatusServiceUnavailable {
		c.refused.Add(1)
		time.Sleep(10 * time.Millisecond)
		return false
	}
	if answer.StatusCode != http.StatusAccepted || len(said.Rejected) > 0 || said.Accepted+said.Duplicates != bytes.Count(body, []byte{'\n'}) {
		t.Errorf("the service answered %d: %+v", answer.StatusCode, said)
	}
	return true
}
