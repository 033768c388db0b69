package segment

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fastjson"

	"github.com/livello/livello/ingest/event"
)

// benchBatch is n messages as a browser's SDK sends them: a page view, a click, an order in turn.
func benchBatch(n int, messageID func(i int) string) []byte {
	var b bytes.Buffer
	b.WriteString(`{"batch":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		const context = `"context":{"ip":"203.0.113.7","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36","locale":"it-IT","library":{"name":"analytics.js","version":"next-1.70.0"},"campaign":{"source":"news","medium":"email","name":"spring"},"page":{"path":"/pricing","referrer":"https://search.example/","search":"?utm_source=news","title":"Pricing","url":"https://shop.example/pricing?utm_source=news&utm_medium=email&utm_campaign=spring"}}`
		fmt.Fprintf(&b, `{"messageId":%q,"anonymousId":"3f0c9e0a-6c5b-4a43-9b5e-%012d","timestamp":"2026-03-01T09:30:%02d.123Z",`, messageID(i), i%500, i%60)
		switch i % 3 {
		case 0:
			fmt.Fprintf(&b, `"type":"page","name":"Pricing","properties":{"path":"/pricing","referrer":"https://search.example/","search":"?utm_source=news","title":"Pricing","url":"https://shop.example/pricing?utm_source=news&utm_medium=email&utm_campaign=spring"},%s}`, context)
		case 1:
			fmt.Fprintf(&b, `"type":"track","event":"Button Clicked","userId":"user-%d","properties":{"label":"Request a demo","position":3,"plan":{"name":"team","seats":25},"variant":"b"},%s}`, i%500, context)
		default:
			fmt.Fprintf(&b, `"type":"track","event":"Order Completed","userId":"user-%d","properties":{"order_id":"o-%d","revenue":129.90,"currency":"EUR","products":[{"product_id":"p-1","price":99.95,"quantity":1},{"product_id":"p-2","price":29.95,"quantity":1}],"coupon":"SPRING"},%s}`, i%500, i, context)
		}
	}
	b.WriteString(`],"sentAt":"2026-03-01T09:31:00.000Z"}`)
	return b.Bytes()
}

func uuidOf(i int) string { return fmt.Sprintf("0192f0c1-7a3b-7c4d-8e5f-%012x", i) }

func benchDecode(b *testing.B, body []byte, n int) {
	d := NewDecoder(Options{})
	columns := event.New()
	meta := Meta{Source: "web", ReceivedAt: time.Date(2026, 3, 1, 9, 31, 0, 0, time.UTC)}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	before := cpuTime()
	for b.Loop() {
		columns.Reset()
		rejects, err := d.Decode(body, Auto, meta, columns)
		if err != nil || len(rejects) > 0 || columns.Rows() != n {
			b.Fatal(err, rejects, columns.Rows())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N)/float64(n), "cpu-ns/event")
}

// cpuTime is what the process has used of its processors: on a machine that others use too, the figure that stays the same.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkDecodeBatch(b *testing.B) { benchDecode(b, benchBatch(1000, uuidOf), 1000) }

func BenchmarkDecodeTextMessageIDs(b *testing.B) {
	benchDecode(b, benchBatch(1000, func(i int) string { return fmt.Sprintf("ajs-next-%d", i) }), 1000)
}

func BenchmarkDecodeWithoutMessageIDs(b *testing.B) {
	benchDecode(b, benchBatch(1000, func(int) string { return "" }), 1000)
}

func BenchmarkDecodeSingle(b *testing.B) {
	body := benchBatch(3, uuidOf)
	body = body[len(`{"batch":[`):bytes.LastIndexByte(body, ']')]
	benchDecode(b, append(append([]byte{'['}, body...), ']'), 3)
}

// BenchmarkParseOnly is what reading the same body into fastjson's values costs, with nothing done to them.
func BenchmarkParseOnly(b *testing.B) {
	body := benchBatch(1000, uuidOf)
	b.Run("fastjson", func(b *testing.B) {
		var p fastjson.Parser
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		before := cpuTime()
		for b.Loop() {
			if _, err := p.ParseBytes(body); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(cpuTime()-before)/float64(b.N)/1000, "cpu-ns/event")
	})
	b.Run("jsontape", func(b *testing.B) {
		s := NewDecoder(Options{}).states.Get().(*state)
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		before := cpuTime()
		for b.Loop() {
			s.tape.Reset(body)
			if _, _, err := s.tape.Value(0, len(body)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(cpuTime()-before)/float64(b.N)/1000, "cpu-ns/event")
	})
}
