package trust

import (
	"fmt"
	"time"
)

// Unloaded is a file of accepted events that is in no table. It has no receipt either: receipts are written when a segment is loaded.
type Unloaded struct {
	Segment uint64    `json:"segment"`
	State   string    `json:"state"`              // refused, damaged or torn, as `livello spool list` says
	Events  int       `json:"events"`             // by its headers
	AtLeast bool      `json:"at_least,omitempty"` // what is left of them does not tell all
	Bytes   int64     `json:"bytes"`
	Since   time.Time `json:"since"` // when the last of its events was accepted
	File    string    `json:"file"`  // its name in the folder of the spool
	Why     string    `json:"why"`   // why it is not loaded
	Help    string    `json:"help"`  // the way out
	// Harmless says that its bytes were never answered for: it is told, and is no difference.
	Harmless bool `json:"harmless,omitempty"`
}

// Spool is what the spool of one service holds that is not in the tables at a moment.
type Spool struct {
	Waiting int        `json:"waiting"` // events that the loader has still to load, or is checking: no fault
	Aside   []Unloaded `json:"aside"`   // what nobody loads
}

// spoolTable stands for the spool where a difference names a table.
const spoolTable = "spool"

// differences are what of the spool is wrong: events that were accepted and that nobody loads.
func (s Spool) differences() (wrong []Difference) {
	for _, u := range s.Aside {
		if u.Harmless {
			continue
		}
		wrong = append(wrong, Difference{
			Day: u.Since.UTC().Format(time.DateOnly), Table: spoolTable, Measure: fmt.Sprintf("segment %d %s", u.Segment, u.State), Expected: "0 events", Found: u.events(),
			Meaning: u.Why + ": " + u.Help,
		})
	}
	return wrong
}

// Spooled is how many of the differences are files of the spool.
func (r Report) Spooled() (n int) {
	for _, d := range r.Differences {
		if d.Table == spoolTable {
			n++
		}
	}
	return n
}

func (u Unloaded) events() string {
	if u.AtLeast {
		return fmt.Sprintf("at least %d events", u.Events)
	}
	return fmt.Sprintf("%d events", u.Events)
}
