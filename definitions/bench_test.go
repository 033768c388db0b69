package definitions_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// BenchmarkSignalsView measures what person_signals_mv costs, with the query of the default definitions: CPU seconds per million events,
// in ten inserts of 100,000 realistic events into a table that keeps nothing, less what these cost without the view.
//
//	go test ./definitions -run '^$' -bench SignalsView -benchtime 1x
func BenchmarkSignalsView(b *testing.B) {
	const blocks, rows = 10, 100_000
	sample, err := os.ReadFile("../schema/testdata/sample_events.sql")
	if err != nil {
		b.Fatal(err)
	}
	w := engine.Migrated(b)
	d, err := definitions.Default()
	if err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE TABLE sample AS events",
		"CREATE TABLE bare AS events ENGINE = Null",
		"CREATE TABLE viewed AS events ENGINE = Null",
		"CREATE MATERIALIZED VIEW viewed_mv TO person_signals AS " + strings.Replace(d.SignalsQuery(), "FROM events", "FROM viewed", 1),
	} {
		if err := w.Exec(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	into := strings.Replace(string(sample), "INSERT INTO events", "INSERT INTO sample", 1)
	if err := w.Exec(b.Context(), strings.NewReplacer("{first:UInt64}", "0", "{rows:UInt64}", fmt.Sprint(blocks*rows)).Replace(into)); err != nil {
		b.Fatal(err)
	}
	best := map[string]float64{}
	for b.Loop() {
		for range 3 {
			for _, table := range []string{"bare", "viewed"} {
				if cpu := cpuOf(b, w, table, rows); best[table] == 0 || cpu < best[table] {
					best[table] = cpu
				}
			}
		}
	}
	b.ReportMetric(best["bare"], "cpu-s-bare/M")
	b.ReportMetric(best["viewed"]-best["bare"], "cpu-s-view/M")
}

// cpuOf is the CPU time of this process, engine and all, for the inserts.
func cpuOf(b *testing.B, w *warehouse.Warehouse, table string, rows int) float64 {
	b.Helper()
	before := cpuTime(b)
	statement := fmt.Sprintf("INSERT INTO %s SELECT * FROM sample SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = %d, min_insert_block_size_rows = %d, optimize_on_insert = 0",
		table, rows, rows)
	if err := w.Exec(context.Background(), statement); err != nil {
		b.Fatal(err)
	}
	return (cpuTime(b) - before).Seconds()
}

func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
