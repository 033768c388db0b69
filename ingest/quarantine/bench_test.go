package quarantine

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/livello/livello/ingest/sources/segment"
)

type nowhere struct{}

func (nowhere) InsertFormat(_ context.Context, _, _ string, data io.Reader) error {
	_, err := io.Copy(io.Discard, data)
	return err
}

// What a request whose 1,000 records are all rejected pays for keeping them.
func BenchmarkKeep(b *testing.B) {
	s, err := Open(Options{Dir: b.TempDir(), DB: nowhere{}})
	if err != nil {
		b.Fatal(err)
	}
	all := records(MaxRecords, `{"type":"track","writeKey":"k","properties":{"text":"`+strings.Repeat("x", 400)+`"}}`)
	req := Request{At: now(), Source: "shop", Route: "/v1/batch", Redact: func(t []byte) []byte { return segment.Redact(t, "lvw_KEY") }}
	for b.Loop() {
		s.Keep(req, all)
		if s.Status() > 100<<20 {
			b.StopTimer()
			if err := s.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*MaxRecords), "ns/record")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
