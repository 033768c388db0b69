package files

import (
	"os"
	"strings"
	"testing"
)

// benchmarkConvert makes the messages of one file again and again; rows/s is of one core.
func benchmarkConvert(b *testing.B, mapping, data string) {
	m, path := example(b, mapping, data)
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	rows := 0
	var buf []byte
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		c, err := newConverter(path, m, func(int64) {})
		if err != nil {
			b.Fatal(err)
		}
		for {
			var rejected *Rejected
			if buf, rejected, err = c.next(buf[:0], func(int) {}); err != nil {
				break
			}
			if rejected != nil {
				b.Fatal(rejected)
			}
			rows++
		}
		c.close()
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkConvertBlank(b *testing.B) { benchmarkConvert(b, "cdnow.yaml", "cdnow/CDNOW_master.txt") }
func BenchmarkConvertCSV(b *testing.B)   { benchmarkConvert(b, "crm.yaml", "crm/sales_pipeline.csv") }

// BenchmarkConvertThreeEvents is the mapping with the most properties.
func BenchmarkConvertThreeEvents(b *testing.B) {
	benchmarkConvert(b, "hillstrom.yaml", "hillstrom/hillstrom.csv")
}

func BenchmarkConvertNDJSON(b *testing.B) {
	m, err := ParseMapping("bench.yaml", []byte("source: bench\nformat: ndjson\nevent: Click\nuserId: '{user.id}'\ntime: {column: at}\n"))
	if err != nil {
		b.Fatal(err)
	}
	path := b.TempDir() + "/clicks.ndjson"
	line := `{"user":{"id":"u-17","plan":"pro"},"at":"2026-01-02T03:04:05.678Z","url":"https://example.com/a?b=c","seconds":12.5,"tags":["a","b"],"ok":true}` + "\n"
	const rows = 20_000
	if err := os.WriteFile(path, []byte(strings.Repeat(line, rows)), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(line) * rows))
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		c, err := newConverter(path, m, func(int64) {})
		for err == nil {
			buf, _, err = c.next(buf[:0], func(int) {})
		}
		c.close()
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
