// Package machine says of an event why no human made it: a bot's user agent, an address in a data centre, a mail scanner that
// opens and clicks everything as it is delivered. Such events are kept, marked with the reason in the column `machine`, and
// left out of features and people counts by everything that reads.
//
// Rules that look at one event decide alike always. Rules that look at an event's neighbours (a click and its delivery) remember
// a bounded number of mails, and compare the events' own times: in whatever order the neighbours arrive, and however long
// between them, the one that arrives last is judged with the others in view. What they cannot see is what has not arrived, or was
// forgotten; docs/machine-traffic.md says what that means.
package machine

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/livello/livello/ingest/event"
)

// Reasons, as they stand in the column `machine`. A sender may give others (see Sender).
const (
	Sender       = "sender"         // the sender said so, without a reason of its own
	BotUserAgent = "bot_user_agent" // the user agent names a bot, a crawler or a program
	DataCenter   = "data_center"    // the address is in one of the configured networks
	HeadRequest  = "head_request"   // HEAD, or what the same one fetched right after it
	FastOpen     = "fast_open"      // opened within seconds of the delivery
	FastClick    = "fast_click"     // clicked within seconds of the delivery
	AllLinks     = "all_links"      // one of many links of a mail that were clicked within seconds
)

// Options say which rules hold. The zero value holds none; DefaultOptions are those of a service that was told nothing else.
type Options struct {
	Sender       bool          // believe `bot: true` and `machine: reason` in properties or context
	UserAgents   bool          // look for bots among user agents
	Networks     []string      // address ranges of data centres, as CIDR or single addresses
	HeadRequests bool          // look at the HTTP method that trackers of clicks report
	Fast         time.Duration // opens and clicks this soon after the delivery are a scanner's; 0: off
	AllLinks     int           // so many different links of a mail within Burst are a scanner's; 0: off
	Remember     int           // for how many mails; 0: 131,072, about 10 MiB
}

// DefaultOptions hold every rule, without networks: which addresses are data centres is for the user to say.
var DefaultOptions = Options{Sender: true, UserAgents: true, HeadRequests: true, Fast: 2 * time.Second, AllLinks: 3, Remember: 1 << 17}

// Burst is how close together clicks on many links, or a HEAD and its GET, are those of one program.
const Burst = 10 * time.Second

// Detector judges events. Safe for concurrent use.
type Detector struct {
	o        Options
	agents   *agents
	networks networks
	memory   *memory // nil when no rule needs it
}

// New returns a detector; the error names the network that is none.
func New(o Options) (*Detector, error) {
	d := &Detector{o: o}
	var err error
	if d.networks, err = parseNetworks(o.Networks); err != nil {
		return nil, err
	}
	if o.Fast < 0 || o.AllLinks < 0 || o.Remember < 0 {
		return nil, fmt.Errorf("fast, all_links and remember must not be negative")
	}
	if o.AllLinks > linksOfMail {
		return nil, fmt.Errorf("all_links is %d; at most %d links of a mail are compared", o.AllLinks, linksOfMail)
	}
	if o.UserAgents {
		d.agents = new(agents)
	}
	if o.Fast > 0 || o.AllLinks > 0 || o.HeadRequests {
		d.memory = newMemory(o.Remember)
	}
	return d, nil
}

// Machine answers why the event is not a human's, or "". It is called once per event that is kept, and keeps nothing of row. The
// answer may point into row's own text.
func (d *Detector) Machine(row *event.Row) string {
	h := readHints(row.Properties)
	reason := d.alone(row, &h)
	// Asked in any case: also a delivery or click that is known to be a machine's is a neighbour of the next one.
	if seen := d.amongNeighbours(row, &h); reason == "" {
		reason = seen
	}
	return reason
}

// alone judges by the event itself.
func (d *Detector) alone(row *event.Row, h *hints) string {
	switch {
	case d.o.Sender && h.said != "":
		return h.said
	case d.agents != nil && row.UserAgent != "" && d.agents.bot(row.UserAgent):
		return BotUserAgent
	case d.networks.lengths != nil && row.IP != "" && d.networks.contain(row.IP):
		return DataCenter
	case d.o.HeadRequests && strings.EqualFold(h.method, "HEAD"):
		return HeadRequest
	}
	return ""
}

// amongNeighbours judges by what else the same one did at the time, and remembers this event for others.
func (d *Detector) amongNeighbours(row *event.Row, h *hints) string {
	if d.memory == nil {
		return ""
	}
	reason := ""
	switch row.Kind {
	case "email_sent", "email_delivered":
		if d.o.Fast > 0 {
			d.memory.delivered(row, h)
		}
	case "email_open":
		if d.o.Fast > 0 && d.memory.soonAfterDelivery(row, h, d.o.Fast) {
			reason = FastOpen
		}
	case "email_click":
		if d.o.AllLinks > 0 && d.memory.links(row, h) >= d.o.AllLinks {
			reason = AllLinks
		}
		if d.o.Fast > 0 && d.memory.soonAfterDelivery(row, h, d.o.Fast) {
			reason = FastClick
		}
	}
	if d.o.HeadRequests && d.memory.afterHead(row, h) {
		reason = HeadRequest
	}
	return reason
}

// networks are address ranges by the length of their prefix.
type networks struct {
	prefixes map[netip.Prefix]struct{}
	lengths  []int // those that occur, of both families
}

func parseNetworks(list []string) (n networks, err error) {
	for _, text := range list {
		text = strings.TrimSpace(text)
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, addrErr := netip.ParseAddr(text)
			if addrErr != nil {
				return networks{}, fmt.Errorf("%q is no network: write it as 203.0.113.0/24 or 2001:db8::/32", text)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if prefix.Addr().Is4In6() {
			return networks{}, fmt.Errorf("%q: write an IPv4 network without ::ffff:", text)
		}
		if n.prefixes == nil {
			n.prefixes = map[netip.Prefix]struct{}{}
		}
		n.prefixes[prefix.Masked()] = struct{}{}
	}
	var seen [129]bool
	for prefix := range n.prefixes {
		if bits := prefix.Bits(); !seen[bits] {
			seen[bits] = true
			n.lengths = append(n.lengths, bits)
		}
	}
	return n, nil
}

// contain says whether an address, as text, is in one of the networks. What is no address is not.
func (n *networks) contain(text string) bool {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	for _, bits := range n.lengths {
		if bits > addr.BitLen() {
			continue
		}
		prefix, err := addr.Prefix(bits)
		if err != nil { // an address with a zone
			return false
		}
		if _, ok := n.prefixes[prefix]; ok {
			return true
		}
	}
	return false
}
