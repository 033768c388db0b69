package embedded_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// residentBytes is how much memory this process has now.
func residentBytes(t testing.TB) int64 {
	t.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Skip("needs /proc to read the process's memory")
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmRSS in /proc/self/status")
	return 0
}

// Ten million rows, about 760 MB of JSON, must pass through without being held.
func TestLargeResultInConstantMemory(t *testing.T) {
	const rows = 10_000_000
	base := owner(t)
	send(t, base, "SELECT number, toString(number) FROM numbers(100000) FORMAT JSON") // caches and pools are warm
	before := residentBytes(t)
	res, err := http.Post(base+"/", "", strings.NewReader("SELECT number AS a, toString(number) AS b, number * 3 AS c FROM numbers("+strconv.Itoa(rows)+") FORMAT JSON"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var total, most int64
	buf := make([]byte, 1<<20)
	tail := ""
	for {
		n, err := res.Body.Read(buf)
		if n > 0 {
			if total>>24 != (total+int64(n))>>24 {
				most = max(most, residentBytes(t))
			}
			total += int64(n)
			tail = string(buf[max(0, n-200):n])
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(tail, `"rows_read": 10000000`) {
		t.Errorf("the document ends with %q", tail)
	}
	t.Logf("%d MB of JSON, resident memory grew by %d MB", total>>20, (most-before)>>20)
	if grown := most - before; grown > 200<<20 {
		t.Errorf("resident memory grew by %d MB while %d MB went through", grown>>20, total>>20)
	}
}

// running counts the statements of the engine that contain text.
func running(t testing.TB, text string) string {
	t.Helper()
	r := send(t, owner(t), "SELECT count() FROM system.processes WHERE position(query, {text:String}) > 0 AND position(query, 'system.processes') = 0", "param_text="+text)
	return strings.TrimSpace(r.body)
}

func waitFor(t testing.TB, text, count string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for running(t, text) != count {
		if time.Now().After(deadline) {
			t.Fatalf("%s statements with %q, want %s", running(t, text), text, count)
		}
	}
}

// A client that goes away ends its query, whether it was still computing, producing output or reading input.
func TestCancel(t *testing.T) {
	base := owner(t)
	for name, sql := range map[string]string{
		"before any output": "SELECT count() AS cancel_me_1 FROM numbers(1000000000000) WHERE sipHash64(number) = 1",
		"with output":       "SELECT number AS cancel_me_2 FROM numbers(1000000000000)",
		"no result":         "INSERT INTO FUNCTION null('cancel_me_3 UInt64') SELECT number FROM numbers(1000000000000)",
	} {
		t.Run(name, func(t *testing.T) {
			marker := sql[strings.Index(sql, "cancel_me"):][:len("cancel_me_1")]
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				r, _ := http.NewRequestWithContext(ctx, http.MethodPost, base+"/", strings.NewReader(sql))
				res, err := http.DefaultClient.Do(r)
				if err == nil {
					io.CopyN(io.Discard, res.Body, 1000)
					<-ctx.Done()
					res.Body.Close()
					err = ctx.Err()
				}
				ended <- err
			}()
			waitFor(t, marker, "1")
			begin := time.Now()
			cancel()
			<-ended
			waitFor(t, marker, "0")
			t.Logf("ended after %v", time.Since(begin).Round(time.Millisecond))
		})
	}
}

// A client that is slow makes the query wait instead of filling memory, and one that stays away holds nothing up.
func TestSlowClientHoldsTheQuery(t *testing.T) {
	res, err := http.Post(owner(t)+"/", "", strings.NewReader("SELECT number AS slow_client, repeat('x', 1000) FROM numbers(100000000)"))
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "slow_client", "1")
	read := func() string {
		return strings.TrimSpace(send(t, owner(t), "SELECT read_rows FROM system.processes WHERE position(query, 'slow_client') > 0 AND position(query, 'system.processes') = 0").body)
	}
	// The engine stops when pipe and socket buffers are full; from then on its count stands still.
	last := read()
	for still := 0; still < 5; {
		if now := read(); now == last {
			still++
		} else {
			last, still = now, 0
		}
		time.Sleep(20 * time.Millisecond)
	}
	res.Body.Close()
	waitFor(t, "slow_client", "0")
}

func BenchmarkSelectOne(b *testing.B) {
	base := owner(b)
	b.ReportAllocs()
	for b.Loop() {
		if r := send(b, base, "SELECT 1"); r.body != "1\n" {
			b.Fatal(r.body)
		}
	}
}

func BenchmarkResultNative(b *testing.B) {
	base := owner(b)
	const rows = 2_000_000
	b.SetBytes(rows * 16)
	b.ReportAllocs()
	for b.Loop() {
		res, err := http.Post(base+"/", "", strings.NewReader("SELECT number, number FROM numbers("+strconv.Itoa(rows)+") FORMAT Native"))
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, res.Body); err != nil || n < rows*16 {
			b.Fatal(n, err)
		}
		res.Body.Close()
	}
}
