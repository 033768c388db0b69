package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/livello/livello/access"
	"github.com/livello/livello/ingest/dedupe"
	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/spool"
)

// noLog keeps nothing: what is left is this package's part of a request.
type noLog struct{}

func (noLog) Append(_ context.Context, c *event.Columns) (int, int, error) { return c.Rows(), 0, nil }

// discard is an answer that nobody reads.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func benchRequests(b *testing.B, path string, body []byte, events int) {
	keys, err := access.NewWriteKeys(ownKey, nil)
	if err != nil {
		b.Fatal(err)
	}
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = func(err error, _ echo.Context) { b.Error(err) }
	New(Options{Log: noLog{}, Keys: keys}).Routes(e)
	request := httptest.NewRequest(http.MethodPost, path, nil)
	request.Header.Set("Authorization", "Bearer "+ownKey)
	request.ContentLength = int64(len(body))
	reader := bytes.NewReader(body)
	request.Body = http.NoBody
	answer := &discard{http.Header{}}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		reader.Reset(body)
		request.Body = readCloser{reader}
		e.ServeHTTP(answer, request)
	}
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		b.Fatal(err)
	}
	used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(used)/float64(b.N)/float64(events), "cpu-ns/event") // the same on a busy machine
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

const benchMessage = `{"messageId":"0192f0c1-7a3b-7c4d-8e5f-%012x","type":"track","event":"Button Clicked","userId":"user-1","timestamp":"2026-03-01T09:30:00.123Z","properties":{"label":"Request a demo","position":3,"plan":{"name":"team","seats":25}},"context":{"ip":"203.0.113.7","locale":"it-IT","library":{"name":"analytics.js","version":"1"},"page":{"path":"/pricing","title":"Pricing","url":"https://shop.example/pricing?utm_source=news"}}}`

func BenchmarkTrack(b *testing.B) {
	benchRequests(b, "/v1/track", fmt.Appendf(nil, benchMessage, 1), 1)
}

func BenchmarkBatchOf1000(b *testing.B) {
	body := []byte(`{"batch":[`)
	for i := range 1000 {
		if i > 0 {
			body = append(body, ',')
		}
		body = fmt.Appendf(body, benchMessage, i)
	}
	benchRequests(b, "/v1/batch", append(body, "]}"...), 1000)
}

// BenchmarkKept is the whole way of a request, from HTTP until the spool has synced it: decode, dedupe, merge, encode, write. Every
// message is new. allocs/event is what the issue bounds: under one, over a batch.
func BenchmarkKept(b *testing.B) {
	for _, events := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(events), func(b *testing.B) {
			keys, err := access.NewWriteKeys(ownKey, nil)
			if err != nil {
				b.Fatal(err)
			}
			kept := benchSpool(b)
			e := echo.New()
			e.IPExtractor = echo.ExtractIPDirect()
			e.HTTPErrorHandler = func(err error, _ echo.Context) { b.Error(err) }
			New(Options{Log: kept, Keys: keys}).Routes(e)
			request := httptest.NewRequest(http.MethodPost, "/v1/events", nil)
			request.Header.Set("Authorization", "Bearer "+ownKey)
			var body []byte
			reader := bytes.NewReader(nil)
			answer := &discard{http.Header{}}
			b.ReportAllocs()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			n := 0
			for b.Loop() {
				body = append(body[:0], '[')
				for range events {
					n++
					body = append(fmt.Appendf(body, benchMessage, n), ',')
				}
				body[len(body)-1] = ']'
				reader.Reset(body)
				request.Body, request.ContentLength = readCloser{reader}, int64(len(body))
				e.ServeHTTP(answer, request)
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(n)-1, "allocs/event") // one is this loop's: the number it prints
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
		})
	}
}

// benchSpool is a spool whose segments somebody takes away.
func benchSpool(b *testing.B) *spool.Spool {
	index, err := dedupe.Open(b.TempDir(), dedupe.Options{Window: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	kept, err := spool.Open(spool.Options{Dir: b.TempDir(), Index: index, MinFree: -1})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			seg, err := kept.Next(ctx)
			if err != nil || kept.Loaded(seg) != nil {
				return
			}
		}
	}()
	b.Cleanup(func() {
		cancel()
		<-done
		if err := errors.Join(kept.Close(), index.Close()); err != nil {
			b.Error(err)
		}
	})
	return kept
}
