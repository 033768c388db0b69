package machine

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	crawlers "github.com/monperrus/crawler-user-agents"
)

// agents says which user agents are bots and remembers the answers: the list's patterns take microseconds, and senders repeat
// themselves. A place holds the last agent that fell into it, so memory is bounded and nothing is locked.
type agents struct {
	places [4096]atomic.Pointer[verdict]
}

type verdict struct {
	agent string
	bot   bool
}

var agentSeed = maphash.MakeSeed()

// longestAgent is how much of a user agent is looked at: no browser's is longer, and patterns are not to be run over kilobytes.
const longestAgent = 512

func (a *agents) bot(agent string) bool {
	if len(agent) > longestAgent {
		agent = agent[:longestAgent]
	}
	place := &a.places[maphash.String(agentSeed, agent)%uint64(len(a.places))]
	if v := place.Load(); v != nil && v.agent == agent {
		return v.bot
	}
	v := &verdict{agent: strings.Clone(agent), bot: isBot(agent)}
	place.Store(v)
	return v.bot
}

// isBot asks the list, and knows better in two cases. The HTTP libraries of apps are what the list calls programs, but here they
// speak for the person who holds the device. Mail scanners are not on it, because they are no crawlers.
//
// Not bots are the image proxies of mail services (GoogleImageProxy, YahooMailProxy): they fetch when the reader opens the mail.
func isBot(agent string) bool {
	for _, app := range [...]string{"okhttp/", "CFNetwork/", "Dart/", "Alamofire/"} {
		if strings.Contains(agent, app) {
			return false
		}
	}
	for _, scanner := range [...]string{"Barracuda", "Mimecast", "Proofpoint", "SafeLinks", "FireEye", "Symantec", "TrendMicro"} {
		if strings.Contains(agent, scanner) {
			return true
		}
	}
	return crawlers.IsCrawler(agent)
}
