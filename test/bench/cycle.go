package main

import (
	"bytes"
	"fmt"
)

// cycler sends a workload over and over as if it were new: ids of messages and people get the number of the cycle written
// into them, in place.
type cycler struct {
	load  workload
	marks [][]mark // per body
}

// mark is where the number of the cycle goes: four bytes from at on.
type mark struct {
	at  int
	hex bool // within a UUID; otherwise in place of "user"
}

func newCycler(load workload) *cycler {
	c := &cycler{load: load}
	for _, body := range load.bodies {
		var marks []mark
		for _, m := range []struct {
			before string
			hex    bool
		}{{`"messageId":"`, true}, {`"anonymousId":"`, true}, {`"userId":"`, false}} {
			for from := 0; ; {
				i := bytes.Index(body[from:], []byte(m.before))
				if i < 0 {
					break
				}
				from += i + len(m.before)
				marks = append(marks, mark{from, m.hex})
			}
		}
		c.marks = append(c.marks, marks)
	}
	return c
}

// body is the i-th request of an endless series. It is valid until the same body's turn comes in the next cycle.
func (c *cycler) body(i int) []byte {
	cycle, at := i/len(c.load.bodies), i%len(c.load.bodies)
	body := c.load.bodies[at]
	digits := fmt.Appendf(nil, "%04x", cycle)
	for _, m := range c.marks[at] {
		copy(body[m.at:], digits)
	}
	return body
}
