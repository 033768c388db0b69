package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// cycler sends a workload over and over as if it were new: ids of messages and people get the number of the cycle written
// into them, in place. The first cycle happened a year before: its days stay as they are while history grows. With live, all events happen when they are sent.
type cycler struct {
	load  workload
	live  bool
	marks [][]mark // per body
	times [][]int  // per body, where timestamps stand
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
		var times []int
		const before = `"timestamp":"`
		for from := 0; ; {
			i := bytes.Index(body[from:], []byte(before))
			if i < 0 {
				break
			}
			from += i + len(before)
			times = append(times, from)
		}
		c.times = append(c.times, times)
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
	case c.live:
		now := time.Now().UTC().Format("2006-01-02T15:04:05")
		for _, t := range c.times[at] {
			copy(body[t:], now)
		}
	case cycle == 0:
		c.moveYears(at, -1)
	case cycle == 1:
		c.moveYears(at, 1)
	}
	return body
}

// moveYears adds to the years of a body's timestamps.
func (c *cycler) moveYears(body, by int) {
	for _, at := range c.times[body] {
		text, rest := c.load.bodies[body][at:at+4], c.load.bodies[body][at+4:]
		if year, err := strconv.Atoi(string(text)); err == nil && !bytes.HasPrefix(rest, []byte("-02-29")) { // not every year has it
			copy(text, strconv.Itoa(year+by))
		}
	}
}
