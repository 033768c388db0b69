package embedded_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/livello/livello/warehouse/embedded"
)

// Writers, readers, broken statements and clients that go away at once, with the garbage collector busy: nothing crashes,
// and what was acknowledged is there. A second of it is enough to find a pointer that is freed too early.
func TestStress(t *testing.T) {
	base := owner(t)
	mustRun(t, "CREATE DATABASE IF NOT EXISTS livello_stress", "CREATE TABLE livello_stress.t (w UInt8, n UInt64, s String) ENGINE = MergeTree ORDER BY (w, n)")
	t.Cleanup(func() { mustRun(t, "DROP DATABASE livello_stress SYNC") })
	analyst := reader(t, embedded.ReadOnlyOptions{Database: "livello_stress"})
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var wg sync.WaitGroup
	acknowledged := make([]int, 2)
	for w := range acknowledged {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				r := send(t, base, strings.Repeat(fmt.Sprintf("%d,%d,text\n", w, n), 100), "query=INSERT INTO livello_stress.t FORMAT CSV")
				if r.status != http.StatusOK {
					t.Errorf("insert: %d %s", r.status, r.body)
					return
				}
				acknowledged[w] += 100
			}
		})
	}
	for i := range 4 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for ctx.Err() == nil {
				switch random.IntN(5) {
				case 0:
					if r := send(t, analyst, "SELECT count(), uniq(s) FROM t WHERE w = {w:UInt8}", "param_w=1"); r.status != http.StatusOK {
						t.Errorf("read: %d %s", r.status, r.body)
					}
				case 1:
					if r := send(t, base, "SELECT throwIf(number > 10) FROM numbers(100)"); r.header.Get("X-ClickHouse-Exception-Code") != "395" {
						t.Errorf("error: %d %s", r.status, r.body)
					}
				case 2:
					send(t, analyst, "SELECT file('/etc/passwd'")
				case 3:
					if r := send(t, base, "SELECT number, toString(number) FROM numbers(100000) FORMAT JSON"); len(r.body) < 1_000_000 {
						t.Errorf("large: %d, %d bytes", r.status, len(r.body))
					}
				case 4:
					gone, leave := context.WithTimeout(ctx, time.Duration(random.IntN(20))*time.Millisecond)
					r, _ := http.NewRequestWithContext(gone, http.MethodPost, base+"/", strings.NewReader("SELECT sipHash64(number) FROM numbers(100000000) FORMAT CSV"))
					if res, err := http.DefaultClient.Do(r); err == nil {
						res.Body.Close()
					}
					leave()
				}
				runtime.GC()
			}
		})
	}
	wg.Wait()
	want := acknowledged[0] + acknowledged[1]
	if r := send(t, base, "SELECT count() FROM livello_stress.t"); r.body != fmt.Sprintln(want) || want == 0 {
		t.Errorf("%s rows stored, %d acknowledged", strings.TrimSpace(r.body), want)
	}
	waitFor(t, "sipHash64(number) FROM numbers(100000000)", "0")
}
