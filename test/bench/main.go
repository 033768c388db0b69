// Command bench measures ingest from HTTP to the last view, against the bare engine loading the same events as NDJSON into
// the same tables with the same views, on the same machine, in turn.
//
//	go run ./test/bench -events 600000 -runs 5
//
// One run of the service: a fresh data folder, the real binary, batches of 1,000 messages over HTTP on a few connections, each
// answered after fsync; the clock stops when the last event is confirmed loaded. One run of the bare engine: a fresh database, the
// rows of the service's first run as NDJSON (FORMAT JSONEachRow), in pieces of 100,000; once as the engine is out of the box, once
// with the settings that the loader uses.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"time"
)

func main() {
	if slices.Contains(os.Args[1:], bareEchoFlag) {
		if err := serveBareEcho(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	flag.IntVar(&o.events, "events", 600_000, "events of one run, at least")
	flag.IntVar(&o.runs, "runs", 5, "runs of each")
	flag.IntVar(&o.batch, "batch", 1000, "messages in a request")
	flag.IntVar(&o.connections, "connections", 4, "connections that send")
	flag.IntVar(&o.total, "total", 5_000_000, "events of -what long")
	flag.Float64Var(&o.rate, "rate", 30_000, "events a second of -what fresh")
	flag.BoolVar(&o.history, "history", false, "-what fresh sends events of a year ago instead of live ones")
	flag.DurationVar(&o.length, "length", 20*time.Second, "of -what fresh, and of each run of -what single")
	flag.StringVar(&o.what, "what", "ratio", "ratio: to the bare engine; long: rate and memory over -total events; fresh: from answer to visible; single: requests of one event; merges: loading while the cookies of -people visitors are put together to people; people: identity, tiers, views and the profile API over -total events of -people people")
	flag.IntVar(&o.people, "people", 1_000_000, "people of -what people, cookies of -what merges")
	flag.StringVar(&o.data, "data", "", "folder that -what people fills, or goes on filling, and keeps (default: a temporary one)")
	flag.Float64Var(&o.profiles, "profiles", 500, "profiles asked for a second, of -what people")
	flag.Float64Var(&o.peopleEvents, "people-events", 20_000, "events a second meanwhile, of -what people")
	flag.StringVar(&o.binary, "binary", "bin/livello", "the service")
	flag.Parse()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	events, runs, batch, connections, total int
	people                                  int
	rate, profiles, peopleEvents            float64
	length                                  time.Duration
	what, binary, data                      string
	history                                 bool
}

func run(ctx context.Context, o options) error {
	work, err := os.MkdirTemp("", "livello-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	switch o.what {
	case "people":
		return runPeople(ctx, o, work)
	case "merges":
		return runMerges(ctx, o, work)
	}
	load, err := simulated(o)
	if err != nil {
		return err
	}
	fmt.Printf("%d events in %d requests, %.0f bytes each as Segment messages; %d cores, medians of %d runs\n",
		load.events, len(load.bodies), float64(load.bytes)/float64(load.events), runtime.NumCPU(), o.runs)

	switch o.what {
	case "ratio":
		return runRatio(ctx, o, load, work)
	case "long":
		return runLong(ctx, o, load, work)
	case "fresh":
		return runFresh(ctx, o, load, work)
	case "single":
		return runSingle(ctx, o, load, work)
	}
	return fmt.Errorf("-what %s: it is ratio, long, fresh, single, merges or people", o.what)
}

// runRatio runs the service and the bare engine in turn.
func runRatio(ctx context.Context, o options, load workload, work string) error {
	var rows [][]byte // the same events as rows, in NDJSON
	var ours, acknowledged, bare, tuned []float64
	for i := range o.runs {
		r, err := runService(ctx, o, load, work, i == 0)
		if err != nil {
			return fmt.Errorf("run the service: %w", err)
		}
		if i == 0 {
			rows = r.rows
		}
		var took [2]time.Duration
		for j, settings := range []string{"", ourSettings} {
			if took[j], err = runBare(ctx, work, rows, load.events, settings); err != nil {
				return fmt.Errorf("run the bare engine: %w", err)
			}
		}
		ours = append(ours, rate(load.events, r.loaded))
		acknowledged = append(acknowledged, rate(load.events, r.acknowledged))
		bare, tuned = append(bare, rate(load.events, took[0])), append(tuned, rate(load.events, took[1]))
		fmt.Printf("  run %d: service %7.0f events/s (acknowledged at %7.0f, peak memory %4d MiB), bare engine %7.0f, with our settings %7.0f; ratios %.2f, %.2f\n",
			i+1, ours[i], acknowledged[i], r.peakMemory>>20, bare[i], tuned[i], ours[i]/bare[i], ours[i]/tuned[i])
	}
	fmt.Printf("service, loaded with all views    %8.0f events/s   %8.0f per core\n", median(ours), median(ours)/float64(runtime.NumCPU()))
	fmt.Printf("  (published for a well-known pipe in this field: 340 to 850 events/s per core)\n")
	fmt.Printf("service, acknowledged after fsync %8.0f events/s\n", median(acknowledged))
	fmt.Printf("bare engine, NDJSON, same views   %8.0f events/s   %8.0f per core\n", median(bare), median(bare)/float64(runtime.NumCPU()))
	fmt.Printf("the same with our settings        %8.0f events/s   %8.0f per core\n", median(tuned), median(tuned)/float64(runtime.NumCPU()))
	fmt.Printf("ratio to the bare engine          %8.2f   with our settings %.2f\n", median(ratios(ours, bare)), median(ratios(ours, tuned)))
	return nil
}

func rate(events int, took time.Duration) float64 { return float64(events) / took.Seconds() }

// ratios are taken run by run, so that a machine whose speed drifts does not show in them.
func ratios(a, b []float64) []float64 {
	r := make([]float64, len(a))
	for i := range a {
		r[i] = a[i] / b[i]
	}
	return r
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
