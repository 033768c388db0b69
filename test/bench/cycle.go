package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// cycler sends a workload over and over as if it were new: ids of messages and people get the number of the cycle written
// into them, in place. The first cycle happened a year before: its days stay as they are while history grows.
type cycler struct {
	load  workload
	marks [][]mark // per body
	years [][]int  // per body, where the years of timestamps stand
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
		var years []int
		const before = `"timestamp":"`
		for from := 0; ; {
			i := bytes.Index(body[from:], []byte(before))
			if i < 0 {
				break
			}
			from += i + len(before)
			if !bytes.HasPrefix(body[from+4:], []byte("-02-29")) { // not every year has it
				years = append(years, from)
			}
		}
		c.years = append(c.years, years)
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
	switch {
	case cycle == 0:
		c.moveYears(at, -1)
	case cycle == 1:
		c.moveYears(at, 1)
	}
	return body
}

// moveYears adds to the years of a body's timestamps.
func (c *cycler) moveYears(body, by int) {
	for _, at := range c.years[body] {
		text := c.load.bodies[body][at : at+4]
		if year, err := strconv.Atoi(string(text)); err == nil {
			copy(text, strconv.Itoa(year+by))
		}
	}
}
