package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/test/engine"
)

const (
	cdnowFile    = "../../../shared/data/cdnow/CDNOW_master.txt"
	cdnowMapping = "../../examples/cdnow.yaml"
	// cdnowTotals are the published figures: purchases, customers, US dollars.
	cdnowTotals    = "69659,23570,2500315.63"
	cdnowStatement = "SELECT count(), uniqExact(distinct_id), sum(value) FROM events WHERE kind = 'purchase'"
	cdnowRollups   = "SELECT sum(purchases), uniqExact(distinct_id), sumMap(revenue)['USD'] FROM person_day"
)

// wantCDNOW compares raw events, both rollups and the named query with the published figures.
func wantCDNOW(t *testing.T, data, when string) {
	t.Helper()
	// One statement: without a service each is a start of the engine.
	got := count(t, data, "SELECT ("+cdnowStatement+"), ("+cdnowRollups+"), (SELECT sum(events), sum(value) FROM channel_hour), (SELECT groupUniqArray(source) FROM events)")
	want := "(" + cdnowTotals + ")\t(" + cdnowTotals + ")\t(69659,2500315.63)\t['cdnow']"
	if got != want {
		t.Errorf("%s: events, person_day, channel_hour and the mapping's source: %q, want %q", when, got, want)
	}
	if out := must(t, "query", "--data", data, "totals"); !strings.Contains(out, "2500315.63") || !strings.Contains(out, "23570") {
		t.Errorf("%s: livello query totals\n%s", when, out)
	}
}

func needCDNOW(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(cdnowFile); err != nil {
		t.Skipf("the CDNOW data set is not at %s", cdnowFile)
	}
}

func TestLoadTwice(t *testing.T) {
	t.Parallel()
	needCDNOW(t)
	data := dataFolder(t)
	if out := must(t, "load", "--data", data, "--mapping", cdnowMapping, cdnowFile); !strings.Contains(out, "69659 accepted") {
		t.Errorf("first load: %s", out)
	}
	wantCDNOW(t, data, "after one load")

	// The second goes through a running service.
	s := serve(t, data)
	if out := must(t, "load", "--data", data, "--mapping", cdnowMapping, cdnowFile); !strings.Contains(out, "69659 were there already") {
		t.Errorf("second load: %s", out)
	}
	wantCDNOW(t, data, "after two loads")
	s.stop()
}

func TestLoadKilledAndRepeated(t *testing.T) {
	t.Parallel()
	needCDNOW(t)
	data := filepath.Join(engine.TempDir(t), "data")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	for range 4 {
		cmd := command(t, "load", "--data", data, "--mapping", cdnowMapping, cdnowFile)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(300*time.Millisecond + time.Duration(dice.IntN(1200))*time.Millisecond) // anywhere: before, in and after the load
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	must(t, "load", "--data", data, "--mapping", cdnowMapping, cdnowFile)
	wantCDNOW(t, data, "after four kills and a load")
}

func TestLoadMistakes(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	fails(t, "--mapping is missing", "load", "--data", data, "x.csv")
	fails(t, "write livello load --mapping MAP.yaml FILE...", "load", "--data", data, "--mapping", cdnowMapping)
	fails(t, "missing.yaml", "load", "--data", data, "--mapping", "missing.yaml", "x.csv")
	fails(t, "x.csv", "load", "--data", data, "--mapping", cdnowMapping, "x.csv")
}
