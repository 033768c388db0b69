package engine

import (
	"flag"
	"os"
	"strconv"
	"sync"
	"testing"
)

// ChecksEnv is by how much more rounds random tests play than in `make test`, such as 20.
const ChecksEnv = "LIVELLO_CHECKS"

// Checks has pgregory.net/rapid play n rounds in this test: as many as suit what a round costs, times LIVELLO_CHECKS. The flag -rapid.checks comes
// before both. rapid prints the seed of what failed, and the flag that repeats it.
func Checks(t testing.TB, n int) {
	t.Helper()
	if checksGiven() {
		return
	}
	if text := os.Getenv(ChecksEnv); text != "" {
		times, err := strconv.Atoi(text)
		if err != nil || times < 1 {
			t.Fatalf("%s=%q: want a number of at least 1", ChecksEnv, text)
		}
		n *= times
	}
	checks := flag.Lookup("rapid.checks")
	if checks == nil {
		t.Fatal("this test plays no random rounds: pgregory.net/rapid is not in its binary")
	}
	before := checks.Value.String()
	set := func(rounds string) {
		if err := flag.Set("rapid.checks", rounds); err != nil {
			t.Error(err)
		}
	}
	set(strconv.Itoa(n))
	t.Cleanup(func() { set(before) })
}

// checksGiven says whether -rapid.checks is on the command line: asked once, because flag.Set makes it look so afterwards.
var checksGiven = sync.OnceValue(func() (given bool) {
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	return given
})
