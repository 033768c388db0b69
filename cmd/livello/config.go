package main

import (
	"time"

	"github.com/livello/livello/access"
	"github.com/livello/livello/ingest"
	"github.com/livello/livello/ingest/machine"
	"github.com/livello/livello/ingest/sources/segment"
)

// Config is every setting of the service. A setting is named by its path in the file (`sql.listen`), in the environment by
// the same in capitals behind LIVELLO_ (LIVELLO_SQL_LISTEN), and as a flag with dashes (--sql-listen); see settings.go.
// The table in the README is generated from this struct (settings_test.go).
type Config struct {
	Listen string `koanf:"listen" help:"address of the HTTP API; port 0 takes a free one, see service.json in the data folder"`
	SQL    struct {
		Listen string `koanf:"listen" help:"address of the read-only SQL port (ClickHouse HTTP interface, password of 'livello keys'); off: none"`
	} `koanf:"sql"`

	TrustedProxies []string `koanf:"trusted_proxies" help:"addresses or ranges (10.0.0.0/8), with commas, of reverse proxies whose X-Forwarded-For says where a request comes from; empty: the connection does"`

	Data    string `koanf:"data" help:"data folder: keys, spool, index of event ids, and the embedded engine's files"`
	DSN     string `koanf:"dsn" secret:"yes" help:"ClickHouse server to use in place of the embedded engine: http://user:password@host:8123/database, more hosts with commas"`
	Cluster string `koanf:"cluster" help:"name of the ClickHouse cluster to create tables on; needs dsn"`
	Engine  string `koanf:"engine" help:"path of libchdb.so; empty: searched (see docs/engine.md)"`

	Limits      Limits          `koanf:"limits"`
	CORS        CORS            `koanf:"cors"`
	Sources     []access.Source `koanf:"sources" help:"list of {name, key or key_sha256, channel, rate}: further write keys; the one of 'livello keys' is source 'default'; rate in place of limits.rate"`
	Definitions string          `koanf:"definitions" help:"file with definitions (livello.yaml), applied at the start when it differs from the newest version; empty: what 'livello definitions apply' applied"`
	Kinds       []segment.Rule  `koanf:"kinds" help:"list of {name, kind}, asked before the built-in rules; names may hold * and ?"`

	// Currency is not a limit: most shops have one.
	Currency string `koanf:"currency" help:"of amounts that come without one (ISO 4217, as EUR); empty: they stay without"`

	Spool struct {
		SegmentBytes Size          `koanf:"segment_bytes" help:"a segment is sealed, and loaded as one INSERT, when it has grown to this"`
		SegmentRows  int           `koanf:"segment_rows" help:"or has this many events"`
		Linger       time.Duration `koanf:"linger" help:"or when its first event has waited this long for others; up to three times as long while loading takes long, ten times while requests wait for one another"`
		MaxBytes     Size          `koanf:"max_bytes" help:"most bytes that may wait for ClickHouse; past it requests get 503 with Retry-After"`
		MinFree      Size          `koanf:"min_free_bytes" help:"least free bytes on the disk; below it requests get 503; 0: no floor"`
	} `koanf:"spool"`
	Dedupe struct {
		Window time.Duration `koanf:"window" help:"how long, from arrival, a repeated message id is recognized"`
	} `koanf:"dedupe"`
	Quarantine struct {
		MaxBytes Size `koanf:"max_bytes" help:"most bytes of rejected records that may wait for ClickHouse; past it they are answered and counted, but not kept"`
	} `koanf:"quarantine"`
	Machine Machine `koanf:"machine"`
	Erasure struct {
		LaterEvents string `koanf:"later_events" help:"events of a person after their erasure: accept (they start afresh) or refuse (rejected, code erased)"`
	} `koanf:"erasure"`

	Verify struct {
		Every time.Duration `koanf:"every" help:"how often 'serve' compares receipts, events and rollups: the last two days and what was loaded since, and everything once a day; 0: never"`
	} `koanf:"verify"`
	Metrics struct {
		Open bool `koanf:"open" help:"serve /metrics without a key"`
	} `koanf:"metrics"`
	Stop struct {
		Timeout time.Duration `koanf:"timeout" help:"time to finish requests, and again as much to load what is spooled, when stopping"`
	} `koanf:"stop"`
	Log struct {
		Level  string `koanf:"level" help:"debug, info, warn or error"`
		Format string `koanf:"format" help:"text, json, or auto: text on a terminal, json otherwise"`
	} `koanf:"log"`
}

// Limits protect the service from a single sender; docs/messages.md says what happens to a request or record past one.
type Limits struct {
	Body       Size          `koanf:"body" help:"largest request body as it comes over the wire"`
	Decoded    Size          `koanf:"decoded" help:"largest request body after decompression"`
	Keyless    Size          `koanf:"keyless" help:"largest body without an Authorization header, which has to be read to find its write key"`
	Batch      int           `koanf:"batch" help:"most events in a request"`
	Event      Size          `koanf:"event" help:"largest event"`
	Depth      int           `koanf:"depth" help:"deepest nesting of an event"`
	Properties int           `koanf:"properties" help:"most properties of an event"`
	Value      Size          `koanf:"value" help:"longest property or text"`
	Ahead      time.Duration `koanf:"ahead" help:"how far in the future an event may lie"`
	Rate       float64       `koanf:"rate" help:"events a second of each source, unless it has a rate of its own in sources; 10 s of it at once, more is paid off (docs/messages.md); 0: no limit"`
}

// Machine says which events are not a human's; docs/machine-traffic.md has the rules.
type Machine struct {
	Sender       bool          `koanf:"sender" help:"believe senders: properties or context with bot true, or machine and a reason"`
	UserAgents   bool          `koanf:"user_agents" help:"mark events with the user agent of a bot (bot_user_agent)"`
	Networks     []string      `koanf:"networks" help:"address ranges of data centres such as 203.0.113.0/24, with commas; events from there are marked (data_center)"`
	HeadRequests bool          `koanf:"head_requests" help:"mark events with method HEAD, and a GET or click of the same link within 10 s after it (head_request)"`
	Fast         time.Duration `koanf:"fast" help:"mark opens and clicks of a mail this soon after its delivery (fast_open, fast_click); 0: off"`
	AllLinks     int           `koanf:"all_links" help:"mark a click when this many different links of its mail were clicked within 10 s (all_links), at most 8; 0: off"`
	Remember     int           `koanf:"remember" help:"how many mails are remembered for that; 131,072 take 10 MiB"`
}

// CORS says which web pages may send events from a browser.
type CORS struct {
	Origins []string `koanf:"origins" help:"origins such as https://shop.example.com, with commas; *: any; empty: none"`
}

// defaults is the configuration of somebody who set nothing.
func defaults() Config {
	var c Config
	c.Listen = "127.0.0.1:8080"
	c.SQL.Listen = "127.0.0.1:8123"
	c.Data = "./livello-data"
	l := ingest.DefaultLimits
	c.Limits = Limits{Body: Size(l.Body), Decoded: Size(l.Decoded), Keyless: Size(l.Keyless), Batch: l.Records, Event: Size(l.Event),
		Depth: l.Depth, Properties: l.Properties, Value: Size(l.Value), Ahead: l.Ahead}
	c.Spool.SegmentBytes = 64 << 20
	c.Spool.SegmentRows = 250_000
	c.Spool.Linger = 200 * time.Millisecond
	c.Spool.MaxBytes = 16 << 30
	c.Spool.MinFree = 512 << 20
	c.Dedupe.Window = 168 * time.Hour
	c.Quarantine.MaxBytes = 256 << 20
	m := machine.DefaultOptions
	c.Machine = Machine{Sender: m.Sender, UserAgents: m.UserAgents, HeadRequests: m.HeadRequests, Fast: m.Fast, AllLinks: m.AllLinks, Remember: m.Remember}
	c.Verify.Every = time.Hour
	c.Erasure.LaterEvents = "accept"
	c.Stop.Timeout = 20 * time.Second
	c.Log.Level = "info"
	c.Log.Format = "auto"
	return c
}
