package embedded

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// answer writes a result or an error the way a ClickHouse server does. Until begin, an error gets a status of its own;
// after it, it goes into the stream as a framed exception and the connection is broken off, so that no client can take
// half a result for a whole one.
type answer struct {
	w      http.ResponseWriter
	r      *http.Request
	q      *request
	engine *Engine
	start  time.Time
	tag    string
	begun  bool
	out    io.WriteCloser // w, or a compressor in front of it
}

func newAnswer(w http.ResponseWriter, r *http.Request, q *request, e *Engine) *answer {
	a := &answer{w: w, r: r, q: q, engine: e, start: time.Now(), tag: exceptionTag()}
	head := w.Header()
	head.Set("X-ClickHouse-Query-Id", headerValue(q.queryID))
	head.Set("X-ClickHouse-Timezone", "UTC")
	head.Set("X-ClickHouse-Server-Display-Name", displayName)
	head.Set("Cache-Control", "no-store")
	return a
}

// displayName is what the engine calls itself to clients.
const displayName = "livello"

// exceptionTag makes the 16 letters by which a client tells a framed exception from data that looks like one.
func exceptionTag() string {
	const letters = "abcdefghijklmnop"
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	for i := range b {
		b[i] = letters[b[i]%16]
	}
	return string(b[:])
}

// headerValue keeps what a client sent from breaking out of its header.
func headerValue(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}

// begin sends the headers of a result. st is nil while the statement still runs.
func (a *answer) begin(format string, st *stats) {
	if a.begun {
		return
	}
	a.begun = true
	head := a.w.Header()
	head.Set("X-ClickHouse-Format", format)
	head.Set("X-ClickHouse-Exception-Tag", a.tag)
	head.Set("Content-Type", contentType(format))
	head.Set("X-ClickHouse-Summary", a.summary(st))
	if len(a.q.ignored) > 0 {
		head.Set("X-Livello-Ignored-Settings", headerValue(strings.Join(a.q.ignored, ", ")))
	}
	a.out = a.compressor()
	a.w.WriteHeader(http.StatusOK)
}

func (a *answer) summary(st *stats) string {
	if st == nil {
		st = &stats{elapsed: time.Since(a.start)}
	}
	text := func(n uint64) string { return strconv.FormatUint(n, 10) }
	// A map of strings to strings cannot fail to encode.
	out, _ := json.Marshal(map[string]string{
		"read_rows": text(st.readRows), "read_bytes": text(st.readBytes),
		"written_rows": text(st.writtenRows), "written_bytes": text(st.writtenBytes),
		"total_rows_to_read": text(st.readRows), "result_rows": text(st.resultRows), "result_bytes": text(st.resultBytes),
		"elapsed_ns": strconv.FormatInt(st.elapsed.Nanoseconds(), 10),
	})
	return string(out)
}

// Write sends a part of the result; begin must have been called.
func (a *answer) Write(p []byte) (int, error) {
	if len(p) == 0 || a.r.Method == http.MethodHead {
		return len(p), nil
	}
	return a.out.Write(p)
}

// finish ends a begun result. With an error, it frames the exception and breaks the connection off.
func (a *answer) finish(err error) error {
	if err == nil {
		if err := a.out.Close(); err != nil {
			return nil // the client has gone; there is nobody to tell
		}
		return nil
	}
	text := a.errorText(err)
	_, werr := fmt.Fprintf(a.out, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", a.tag, text, len(text)+1, a.tag)
	if werr == nil && a.out.Close() == nil {
		_ = http.NewResponseController(a.w).Flush()
		a.linger()
	}
	panic(http.ErrAbortHandler) // net/http's way to break off a response; Transport knows it too
}

// breakDelay lies between the framed exception and the broken connection. Clients that parse the frame (clickhouse-go,
// @clickhouse/client) and are not behind then report the exception, which a break that comes with it would hide from them.
const breakDelay = 250 * time.Millisecond

func (a *answer) linger() {
	if _, local := a.w.(*localResponse); local {
		return // what was written has been read
	}
	timer := time.NewTimer(breakDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.r.Context().Done():
	}
}

// fail answers with an error: by status while nothing was sent, inside the stream after that.
func (a *answer) fail(err error) {
	if a.begun {
		_ = a.finish(err)
		return
	}
	code, status := codeUnknown, http.StatusInternalServerError
	var exc *exception
	switch {
	case errors.As(err, &exc):
		code, status = exc.code, httpStatus(exc.code)
	case errors.Is(err, ErrClosed):
		status = http.StatusServiceUnavailable
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		code, status = codeQueryTooLarge, http.StatusRequestEntityTooLarge
	}
	head := a.w.Header()
	head.Del("Content-Encoding")
	head.Set("X-ClickHouse-Exception-Code", strconv.Itoa(code))
	head.Set("X-ClickHouse-Summary", a.summary(nil))
	head.Set("Content-Type", "text/plain; charset=UTF-8")
	if status == http.StatusUnauthorized {
		head.Set("WWW-Authenticate", `Basic realm="ClickHouse server HTTP API"`)
	}
	if status == http.StatusServiceUnavailable {
		head.Set("Retry-After", "1")
	}
	a.w.WriteHeader(status)
	_, _ = io.WriteString(a.w, a.errorText(err)+"\n")
}

func (a *answer) errorText(err error) string {
	var exc *exception
	if !errors.As(err, &exc) {
		exc = newException(codeUnknown, err.Error())
	}
	return exc.text + " (version " + a.engine.version + ")"
}

// firstPart is how much of a result is awaited before the headers go out. A result that ends within it gets a complete
// summary, and an error within it its own status.
const firstPart = 128 << 10

var parts = sync.Pool{New: func() any { return new([firstPart]byte) }}

// copyFrom sends what a streamed SELECT produces. It returns an error only while nothing was sent; ended says that the
// statement came to its end without one.
func (a *answer) copyFrom(out *os.File, wait func() (stats, error), format string, cancel context.CancelFunc) (ended bool, err error) {
	if a.q.wait {
		return a.copyWhole(out, wait, format, cancel)
	}
	pooled := parts.Get().(*[firstPart]byte)
	defer parts.Put(pooled)
	first := pooled[:]
	n, err := io.ReadFull(out, first)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		st, err := wait()
		if err != nil {
			return false, err
		}
		a.begin(format, &st)
		if _, err := a.Write(first[:n]); err != nil {
			return true, nil
		}
		return true, a.finish(nil)
	}
	if err != nil {
		abandon(out, wait, cancel)
		return false, fmt.Errorf("read result: %w", err)
	}
	a.begin(format, nil)
	buf := first[:n]
	for {
		if _, err := a.Write(buf); err != nil {
			abandon(out, wait, cancel) // the client has gone
			return false, nil
		}
		n, err := out.Read(first)
		if err != nil {
			_, err := wait()
			return err == nil, a.finish(err)
		}
		buf = first[:n]
	}
}

// waitMemory is how much of a result that is held back (wait_end_of_query) stays in memory before it goes to a file.
const waitMemory = 4 << 20

// copyWhole holds the result back until the statement has ended, so that an error always has its own status.
func (a *answer) copyWhole(out *os.File, wait func() (stats, error), format string, cancel context.CancelFunc) (ended bool, err error) {
	held := &spill{limit: waitMemory}
	defer held.close()
	if _, err := io.Copy(held, out); err != nil {
		abandon(out, wait, cancel)
		return false, fmt.Errorf("hold back result: %w", err)
	}
	st, err := wait()
	if err != nil {
		return false, err
	}
	a.begin(format, &st)
	if err := held.writeTo(a); err != nil {
		return true, nil
	}
	return true, a.finish(nil)
}

// abandon ends a statement whose result nobody wants, and reads its pipe empty until it has ended. The pipe must not be
// closed before: a write to a closed pipe raises SIGPIPE, which ends a Go process when it comes on a thread that is not Go's.
func abandon(out *os.File, wait func() (stats, error), cancel context.CancelFunc) {
	cancel()
	_, _ = io.Copy(io.Discard, out)
	_, _ = wait()
}

// contentType is ClickHouse's media type of a format.
func contentType(format string) string {
	switch {
	case strings.HasPrefix(format, "JSON") && strings.Contains(format, "EachRow"), format == "NDJSON", format == "JSONLines", format == "JSONL":
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(format, "JSON"), format == "GeoJSON":
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(format, "CSV"):
		return "text/csv; charset=UTF-8"
	case strings.HasPrefix(format, "TabSeparated"), strings.HasPrefix(format, "TSV"):
		return "text/tab-separated-values; charset=UTF-8"
	case format == "XML":
		return "application/xml; charset=UTF-8"
	case format == "Markdown", format == "MD":
		return "text/markdown; charset=UTF-8"
	case format == "Native", strings.HasPrefix(format, "RowBinary"), format == "Parquet", format == "ORC", format == "Avro",
		strings.HasPrefix(format, "Arrow"), format == "MsgPack", format == "Npy", strings.HasPrefix(format, "Protobuf"), format == "RawBLOB":
		return "application/octet-stream"
	}
	return "text/plain; charset=UTF-8"
}
