package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"

	"github.com/livello/livello/access"
	"github.com/livello/livello/ingest/machine"
	"github.com/livello/livello/ingest/sources/segment"
	"github.com/livello/livello/warehouse"
)

// validate says everything that is wrong with the values, not only the first thing.
func (c *Config) validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("setting "+key+": "+format, args...))
	}
	for _, a := range []struct{ key, value string }{{"listen", c.Listen}, {"sql.listen", c.SQL.Listen}} {
		if a.value == "" && a.key == "sql.listen" {
			continue
		}
		if _, _, err := net.SplitHostPort(a.value); err != nil {
			bad(a.key, "%q is no address: write host:port, as in 127.0.0.1:8080", a.value)
		}
	}
	if _, err := trustedRanges(c.TrustedProxies); err != nil {
		bad("trusted_proxies", "%w", err)
	}
	if c.Data == "" {
		bad("data", "must name a folder")
	}
	if c.DSN != "" {
		// Whatever is wrong with it, it may hold a password: say what, not the text.
		if warehouse.Hosts(c.DSN) == nil {
			bad("dsn", "is no address of a server: write http://user:password@host:8123/database, several hosts as host1:8123,host2:8123")
		}
	}
	if c.Cluster != "" && c.DSN == "" {
		bad("cluster", "needs dsn: the embedded engine is one node")
	}
	if c.Limits.Body < 1<<10 {
		bad("limits.body", "%s is too small: at least 1KiB", c.Limits.Body)
	}
	if c.Limits.Decoded < c.Limits.Body {
		bad("limits.decoded", "%s must be at least limits.body (%s)", c.Limits.Decoded, c.Limits.Body)
	}
	if c.Limits.Keyless < 0 || c.Limits.Keyless > c.Limits.Body {
		bad("limits.keyless", "%s must be at most limits.body (%s)", c.Limits.Keyless, c.Limits.Body)
	}
	if c.Limits.Event < 256 || c.Limits.Event > c.Limits.Decoded {
		bad("limits.event", "%s must be at least 256 and at most limits.decoded (%s)", c.Limits.Event, c.Limits.Decoded)
	}
	for key, n := range map[string]int{"limits.batch": c.Limits.Batch, "limits.depth": c.Limits.Depth, "limits.properties": c.Limits.Properties, "limits.value": int(c.Limits.Value)} {
		if n < 1 {
			bad(key, "%d must be at least 1", n)
		}
	}
	if rate := c.Limits.Rate; math.IsNaN(rate) || math.IsInf(rate, 0) || rate < 0 {
		bad("limits.rate", "%g must be a number of events a second, or 0 for no limit", rate)
	}
	if c.Currency != "" && !regexp.MustCompile("^[A-Z]{3}$").MatchString(c.Currency) {
		bad("currency", "%q is no currency: three capitals, as EUR", c.Currency)
	}
	for _, origin := range c.CORS.Origins { // as a browser sends it, or no page would ever match
		if u, err := url.Parse(origin); origin != "*" && (err != nil || u.Scheme == "" || u.Host == "" || strings.Trim(u.Path, "/") != "") {
			bad("cors.origins", "%q is no origin: write https://shop.example.com, or * for any", origin)
		}
	}
	for key, d := range map[string]time.Duration{"limits.ahead": c.Limits.Ahead, "spool.linger": c.Spool.Linger, "dedupe.window": c.Dedupe.Window, "stop.timeout": c.Stop.Timeout} {
		if d <= 0 {
			bad(key, "%s must be more than nothing", d)
		}
	}
	if c.Verify.Every < 0 {
		bad("verify.every", "%s must not be negative; 0 is never", c.Verify.Every)
	}
	if c.Spool.SegmentBytes < 64<<10 || c.Spool.SegmentBytes > 1<<30 {
		bad("spool.segment_bytes", "%s must be 64KiB to 1GiB", c.Spool.SegmentBytes)
	}
	if c.Spool.SegmentRows < 1000 {
		bad("spool.segment_rows", "%d must be at least 1000", c.Spool.SegmentRows)
	}
	if c.Spool.MaxBytes < 2*c.Spool.SegmentBytes {
		bad("spool.max_bytes", "%s must be at least two segments (spool.segment_bytes is %s)", c.Spool.MaxBytes, c.Spool.SegmentBytes)
	}
	if c.Quarantine.MaxBytes < 1<<20 {
		bad("quarantine.max_bytes", "%s must be at least 1MiB", c.Quarantine.MaxBytes)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		bad("log.level", "%q is none of debug, info, warn, error", c.Log.Level)
	}
	if !slices.Contains([]string{"auto", "text", "json"}, c.Log.Format) {
		bad("log.format", "%q is none of auto, text, json", c.Log.Format)
	}
	if _, err := access.NewWriteKeys("", c.Sources); err != nil {
		bad("sources", "%w", err)
	}
	if v := c.Erasure.LaterEvents; v != "accept" && v != "refuse" {
		bad("erasure.later_events", "%q is neither accept nor refuse", v)
	}
	if _, err := machine.New(c.machineOptions()); err != nil {
		bad("machine", "%w", err)
	}
	if _, err := segment.NewMapping(c.Kinds); err != nil {
		bad("kinds", "%w", err)
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// print writes the effective configuration as YAML, secrets left out: it can be used as a file.
func (c *Config) print(w io.Writer) error {
	shown := *c
	tree := map[string]any{}
	for _, s := range settings(&shown) {
		var v any = s.text()
		switch {
		case s.secret && s.text() != "":
			v = "(secret)"
		case s.key == "sources":
			redacted := []map[string]any{}
			for _, src := range shown.Sources {
				entry := map[string]any{"name": src.Name, "channel": src.Channel, "key_sha256": src.KeySHA256}
				if src.Key != "" { // its digest opens nothing, and the file stays usable
					entry["key_sha256"] = fmt.Sprintf("%x", sha256.Sum256([]byte(src.Key)))
				}
				if src.Rate != nil {
					entry["rate"] = *src.Rate
				}
				redacted = append(redacted, entry)
			}
			v = redacted
		case s.key == "kinds":
			rules := []map[string]string{}
			for _, r := range shown.Kinds {
				rules = append(rules, map[string]string{"name": r.Name, "kind": r.Kind})
			}
			v = rules
		case s.value.Kind() == reflect.Slice || s.value.Kind() == reflect.Bool ||
			s.value.Kind() == reflect.Int || s.value.Kind() == reflect.Float64:
			v = s.value.Interface()
		}
		at := tree
		path := strings.Split(s.key, ".")
		for _, section := range path[:len(path)-1] {
			if at[section] == nil {
				at[section] = map[string]any{}
			}
			at = at[section].(map[string]any)
		}
		at[path[len(path)-1]] = v
	}
	text, err := yaml.Parser().Marshal(tree)
	if err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	_, err = w.Write(text)
	return err
}
