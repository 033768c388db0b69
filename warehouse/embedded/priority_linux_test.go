package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The engine's threads stand back behind Go's, those that answered a statement, too.
func TestEngineStandsBack(t *testing.T) {
	e := owner(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { send(t, e, "SELECT sum(cityHash64(number)) FROM numbers_mt(10000000)") })
	}
	all.Wait()
	own, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := filepath.Glob("/proc/self/task/*/stat")
	if err != nil {
		t.Fatal(err)
	}
	behind, goThreads := map[string]int{}, 0
	for _, path := range tasks {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		line := string(text)
		open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
		name, fields := line[open+1:end], strings.Fields(line[end+1:])
		nice, err := strconv.Atoi(fields[16])
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", path, err))
		}
		switch {
		case nice > 0:
			behind[strings.TrimRight(name, "0123456789")]++
		case name == strings.TrimSpace(string(own)):
			goThreads++
		case name == "MemoryWorker": // begins when the library is loaded, and looks at its memory now and then
		default:
			t.Errorf("thread %s has the priority of Go's", name)
		}
	}
	if goThreads < 2 || len(behind) < 3 {
		t.Errorf("%d threads of Go's priority, behind them %v", goThreads, behind)
	}
}
