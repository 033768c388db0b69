package machine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/ingest/event"
)

// noon is a time with seconds and milliseconds: whole minutes say nothing about seconds.
var noon = time.Date(2026, 3, 1, 12, 0, 7, 123e6, time.UTC)

func detector(t testing.TB, change ...func(*Options)) *Detector {
	t.Helper()
	o := DefaultOptions
	o.Remember = 1 << 12
	for _, c := range change {
		c(&o)
	}
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// at is an event of ada, so long after noon, with properties as name, value, ...
func at(after time.Duration, kind string, properties ...string) *event.Row {
	row := &event.Row{Type: "track", Kind: kind, UserID: "ada", Time: noon.Add(after).UnixMilli()}
	for i := 0; i < len(properties); i += 2 {
		row.Properties = append(row.Properties, event.Property{Key: properties[i], Value: properties[i+1]})
	}
	return row
}

func TestUserAgents(t *testing.T) {
	d := detector(t)
	for agent, want := range map[string]string{
		"": "",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36":                         "",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 330.0": "",
		"Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36":           "",
		"Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Trident/7.0; Microsoft Outlook 16.0)":                                      "",
		"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)":                                     "",
		"okhttp/4.12.0":                     "",
		"Shop/1 CFNetwork/1410 Darwin/22.6": "",
		"curl/8.5.0":                        BotUserAgent,
		"python-requests/2.31.0":            BotUserAgent,
		"Barracuda Sentinel (EE)":           BotUserAgent,
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":                                                           BotUserAgent,
		"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)":                                                          BotUserAgent,
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36":                      BotUserAgent,
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)" + strings.Repeat(" ", 8000): BotUserAgent,
	} {
		for range 2 { // the second time from what is remembered
			row := at(0, "page_view")
			row.UserAgent = agent
			if got := d.Machine(row); got != want {
				t.Errorf("%.80s: %q, want %q", agent, got, want)
			}
		}
	}
}

// Agents that fall into the same place of the memory must not get each other's answers.
func TestMoreUserAgentsThanAreRemembered(t *testing.T) {
	d := detector(t)
	for i := range 20_000 {
		row, want := at(0, "page_view"), ""
		if row.UserAgent = fmt.Sprintf("Mozilla/5.0 (X11; Linux) Firefox/%d", i/2); i%2 == 1 {
			row.UserAgent, want = fmt.Sprintf("curl/8.%d", i), BotUserAgent
		}
		if got := d.Machine(row); got != want {
			t.Fatalf("%s: %q, want %q", row.UserAgent, got, want)
		}
	}
}

func TestNetworks(t *testing.T) {
	d := detector(t, func(o *Options) { o.Networks = []string{"203.0.113.0/24", " 2001:db8::/32 ", "198.51.100.7"} })
	for ip, want := range map[string]string{
		"203.0.113.9": DataCenter, "203.0.112.255": "", "::ffff:203.0.113.9": DataCenter, "2001:db8:1::1": DataCenter, "2001:db9::1": "",
		"198.51.100.7": DataCenter, "198.51.100.8": "", "": "", "no address": "", "fe80::1%eth0": "",
	} {
		row := at(0, "page_view")
		row.IP = ip
		if got := d.Machine(row); got != want {
			t.Errorf("%s: %q, want %q", ip, got, want)
		}
	}
	for _, bad := range []string{"203.0.113.0/33", "example.com", "", "::ffff:203.0.113.0/120"} {
		if _, err := New(Options{Networks: []string{bad}}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", bad)) {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

func TestWhatTheSenderSays(t *testing.T) {
	d := detector(t)
	for _, c := range []struct{ key, value, want string }{
		{"bot", "true", Sender}, {"context.bot", "1", Sender}, {"bot", "false", ""}, {"bot", "", ""},
		{"machine", "apple_mpp", "apple_mpp"}, {"context.machine", "true", Sender}, {"machine", "false", ""}, {"machine", "", ""},
		{"machine", "Coffee Machine!", Sender}, {"robot", "true", ""},
	} {
		if got := d.Machine(at(0, "email_open", c.key, c.value)); got != c.want {
			t.Errorf("%s = %q: %q, want %q", c.key, c.value, got, c.want)
		}
	}
	if got := d.Machine(at(0, "email_open", "machine", "prefetch", "bot", "true")); got != "prefetch" {
		t.Errorf("a yes hides the reason: %q", got)
	}
}

// Whatever comes first, the answer comes from the events' own times.
func TestSoonAfterDelivery(t *testing.T) {
	for _, c := range []struct {
		name            string
		delivery, event *event.Row
		want            string
	}{
		{"open, at once", at(0, "email_delivered", "email_id", "m1"), at(time.Second, "email_open", "email_id", "m1"), FastOpen},
		{"click, on the border", at(0, "email_delivered", "email_id", "m1"), at(2*time.Second, "email_click", "email_id", "m1"), FastClick},
		{"click, past it", at(0, "email_delivered", "email_id", "m1"), at(2001*time.Millisecond, "email_click", "email_id", "m1"), ""},
		{"after it was sent", at(0, "email_sent", "email_id", "m1"), at(time.Second, "email_open", "email_id", "m1"), FastOpen},
		{"at the gateway, before it was delivered", at(0, "email_delivered", "email_id", "m1"), at(-time.Second, "email_click", "email_id", "m1"), FastClick},
		{"long before", at(0, "email_delivered", "email_id", "m1"), at(-3*time.Second, "email_click", "email_id", "m1"), ""},
		{"another mail", at(0, "email_delivered", "email_id", "m1"), at(time.Second, "email_open", "email_id", "m2"), ""},
		{"another mail of the campaign", at(0, "email_delivered", "email_id", "m1", "campaign_id", "c"), at(time.Second, "email_open", "email_id", "m2", "campaign_id", "c"), ""},
		{"only the campaign in common", at(0, "email_delivered", "email_id", "m1", "campaign_id", "c"), at(time.Second, "email_open", "campaign_id", "c"), FastOpen},
		{"nothing in common", at(0, "email_delivered", "email_id", "m1"), at(time.Second, "email_open"), ""},
		{"a page view", at(0, "email_delivered", "email_id", "m1"), at(time.Second, "page_view", "email_id", "m1"), ""},
		// 53 s before and after noon are whole minutes.
		{"times without seconds", at(53*time.Second-123*time.Millisecond, "email_delivered", "email_id", "m1"), at(53*time.Second-123*time.Millisecond, "email_open", "email_id", "m1"), ""},
	} {
		d := detector(t)
		if got := d.Machine(c.delivery); got != "" {
			t.Errorf("%s: the delivery is %q", c.name, got)
		}
		for range 2 { // told twice: the same
			if got := d.Machine(c.event); got != c.want {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
		}
		c.event.UserID = "somebody else"
		if got := d.Machine(c.event); got != "" {
			t.Errorf("%s: somebody else's is %q", c.name, got)
		}
	}
}

// The same mail sent and delivered long ago, many others since, and one more delivery now.
func TestTheLatestDeliveriesCount(t *testing.T) {
	d := detector(t)
	for i := range 20 {
		d.Machine(at(time.Duration(i)*time.Hour, "email_delivered", "campaign_id", "weekly"))
	}
	if got := d.Machine(at(19*time.Hour+time.Second, "email_open", "campaign_id", "weekly")); got != FastOpen {
		t.Errorf("%q", got)
	}
}

func TestEveryLink(t *testing.T) {
	click := func(after time.Duration, link string) *event.Row {
		return at(after, "email_click", "email_id", "m1", "link_url", "https://shop.example/"+link)
	}
	d := detector(t)
	for i, c := range []struct {
		row  *event.Row
		want string
	}{
		{click(0, "a"), ""}, {click(time.Second, "a"), ""}, {click(2*time.Second, "b"), ""},
		{click(3*time.Second, "b"), ""}, {click(2*time.Second, "b"), ""}, // told again
		{click(9*time.Second, "c"), AllLinks}, {click(9*time.Second, "c"), AllLinks}, {click(0, "a"), AllLinks},
		{click(30*time.Second, "d"), ""}, {click(31*time.Second, "e"), ""},
		{at(31*time.Second, "email_click", "email_id", "m2", "link_url", "https://shop.example/f"), ""},
	} {
		if got := d.Machine(c.row); got != c.want {
			t.Errorf("click %d: %q, want %q", i, got, c.want)
		}
	}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
		d := detector(t)
		last := ""
		for _, i := range order {
			last = d.Machine(click(time.Duration(i)*time.Second, fmt.Sprint(i)))
		}
		if last != AllLinks {
			t.Errorf("in order %v the last is %q", order, last)
		}
	}
}

func TestHeadBeforeGet(t *testing.T) {
	const link = "https://shop.example/a"
	d := detector(t)
	for i, c := range []struct {
		row  *event.Row
		want string
	}{
		{at(0, "email_click", "link_url", link, "method", "GET"), ""},
		{at(time.Second, "email_click", "link_url", link, "http_method", "head"), HeadRequest},
		{at(2*time.Second, "email_click", "link_url", link, "method", "GET"), HeadRequest},
		{at(2*time.Second, "email_click", "link_url", link), HeadRequest},
		{at(0, "email_click", "link_url", link), ""}, // before it
		{at(2*time.Second, "email_click", "link_url", link+"b"), ""},
		{at(12*time.Second, "email_click", "link_url", link), ""},
		{at(0, "sign_up", "method", "google"), ""},
	} {
		if got := d.Machine(c.row); got != c.want {
			t.Errorf("event %d: %q, want %q", i, got, c.want)
		}
	}
}

func TestRulesThatAreOff(t *testing.T) {
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []*event.Row{
		at(0, "email_delivered", "email_id", "m"), at(0, "email_open", "email_id", "m", "bot", "true"),
		at(1, "email_click", "email_id", "m", "method", "HEAD", "link", "a"), at(1, "email_click", "email_id", "m", "link", "b"), at(1, "email_click", "email_id", "m", "link", "c"),
	} {
		row.UserAgent, row.IP = "curl/8", "203.0.113.1"
		if got := d.Machine(row); got != "" {
			t.Errorf("%s: %q", row.Kind, got)
		}
	}
	for _, o := range []Options{{Fast: -1}, {AllLinks: -1}, {AllLinks: linksOfMail + 1}, {Remember: -1}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// More mails than fit: the newest are known, memory stays as it is.
func TestMoreMailsThanAreRemembered(t *testing.T) {
	d := detector(t)
	const mails = 100_000
	mail := func(i int) []string { return []string{"email_id", fmt.Sprint("m", i)} }
	for i := range mails {
		d.Machine(at(0, "email_delivered", mail(i)...))
	}
	known := 0
	for i := mails - 1000; i < mails; i++ {
		if d.Machine(at(time.Second, "email_open", mail(i)...)) == FastOpen {
			known++
		}
	}
	if known < 950 {
		t.Errorf("of the last 1,000 deliveries %d are known, with room for 4,096", known)
	}
	for i := range d.memory.deliveries.shards {
		if n := len(d.memory.deliveries.shards[i].entries); n > 64 {
			t.Fatalf("a shard has grown to %d entries", n)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	d := detector(t)
	rows := []*event.Row{at(0, "email_delivered", "email_id", "m"), at(0, "email_open", "email_id", "m"), at(0, "email_click", "email_id", "m", "link", "a"), at(0, "page_view", "method", "HEAD")}
	for _, row := range rows {
		row.UserAgent, row.IP = "Mozilla/5.0 (X11; Linux) Firefox/126", "203.0.113.1"
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, row := range rows {
			d.Machine(row)
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d events", n, len(rows))
	}
}

func BenchmarkDetector(b *testing.B) {
	agents := []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
	}
	bench := func(name string, rows ...*event.Row) {
		b.Run(name, func(b *testing.B) {
			d := detector(b)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				row := rows[i%len(rows)]
				row.UserAgent = agents[i%len(agents)]
				d.Machine(row)
				i++
			}
		})
	}
	page := at(0, "page_view", "title", "Pricing", "context.library.name", "analytics.js", "search", "?q")
	bench("page", page, page)
	bench("mail", at(0, "email_delivered", "email_id", "m"), at(time.Minute, "email_open", "email_id", "m"), at(2*time.Minute, "email_click", "email_id", "m", "link_url", "x"))
	b.Run("new agent", func(b *testing.B) {
		for b.Loop() {
			isBot(agents[0])
		}
	})
}
