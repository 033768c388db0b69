package warehouse

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// parseDSN reads the DSN of a server. It accepts what clickhouse-go accepts, as long as it means HTTP: several hosts with commas, too.
func parseDSN(dsn string) (*clickhouse.Options, error) {
	var all *clickhouse.Options
	for _, one := range perHost(dsn) {
		options, err := parseOneHost(one)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = options
		} else {
			all.Addr = append(all.Addr, options.Addr...)
		}
	}
	return all, nil
}

// perHost answers a DSN for each of the hosts that one names: http://u:p@a:8123,b:8123/db are http://u:p@a:8123/db and the same with b. A URL has one
// host, and net/url refuses more.
func perHost(dsn string) []string {
	scheme, rest, ok := strings.Cut(dsn, "://")
	if !ok {
		return []string{dsn}
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	from := strings.LastIndexByte(rest[:end], '@') + 1
	var all []string
	for host := range strings.SplitSeq(rest[from:end], ",") {
		all = append(all, scheme+"://"+rest[:from]+strings.TrimSpace(host)+rest[end:])
	}
	return all
}

// Hosts are those that a DSN names, as host or host:port; nil when it is no DSN.
func Hosts(dsn string) []string {
	var hosts []string
	for _, one := range perHost(dsn) {
		u, err := url.Parse(one)
		if err != nil || u.Scheme == "" || u.Host == "" {
			return nil
		}
		hosts = append(hosts, u.Host)
	}
	return hosts
}

func parseOneHost(dsn string) (*clickhouse.Options, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		// url.Error repeats the whole DSN, with the password in it.
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, fmt.Errorf("DSN cannot be parsed (%v); want http://user:password@host:8123/database", err)
	}
	switch u.Scheme {
	case "http", "https":
	case "clickhouse", "tcp", "ch":
		if err := toHTTP(u); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("DSN %s: scheme %q is not known; want http://, https:// or clickhouse:// with an HTTP port", u.Redacted(), u.Scheme)
	}
	if u.Host == "" {
		return nil, fmt.Errorf("DSN %s: the host is missing; want http://user:password@host:8123/database", redactURL(u))
	}
	if u.Port() == "" {
		port := "8123"
		if u.Scheme == "https" {
			port = "8443"
		}
		u.Host += ":" + port
	}
	if u.Scheme == "https" { // which clickhouse-go wants said twice
		query := u.Query()
		query.Set("secure", "true")
		u.RawQuery = query.Encode()
	}
	options, err := clickhouse.ParseDSN(u.String())
	if err != nil {
		return nil, fmt.Errorf("DSN %s: %w", redactURL(u), err)
	}
	if !u.Query().Has("read_timeout") {
		options.ReadTimeout = 24 * time.Hour // a statement may be long; its context ends it
	}
	return options, nil
}

// nativePorts are ClickHouse's usual ports of the native protocol, with the HTTP port beside each.
var nativePorts = map[string]string{"9000": "8123", "9440": "8443"}

// toHTTP turns a clickhouse:// DSN into an HTTP one where that is what its port means.
func toHTTP(u *url.URL) error {
	secure := u.Query().Get("secure") == "true" || u.Port() == "8443"
	if http, native := nativePorts[u.Port()]; native {
		example := *u
		example.Scheme = "http"
		if http == "8443" {
			example.Scheme = "https"
		}
		example.Host = u.Hostname() + ":" + http
		return fmt.Errorf("DSN %s means the native protocol (port %s), but inserts are streamed over HTTP; use %s", redactURL(u), u.Port(), redactURL(&example))
	}
	u.Scheme = "http"
	if secure {
		u.Scheme = "https"
	}
	return nil
}

// redactURL is the URL without anything secret: passwords also come as a parameter.
func redactURL(u *url.URL) string {
	c := *u
	query := c.Query()
	for name := range query {
		if lower := strings.ToLower(name); strings.Contains(lower, "pass") || strings.Contains(lower, "token") || strings.Contains(lower, "key") {
			query.Set(name, "xxxxx")
		}
	}
	c.RawQuery = query.Encode()
	return c.Redacted()
}

// redact names the place for error messages.
func redact(dsn, data string) string {
	if dsn == "" {
		return data
	}
	hosts := Hosts(dsn)
	u, err := url.Parse(perHost(dsn)[0])
	if hosts == nil || err != nil {
		return "DSN"
	}
	u.Host = strings.Join(hosts, ",")
	return redactURL(u)
}

// redactError takes the password out of messages of the layers below: net/http shows the URL it failed on.
func redactError(err error, password string) error {
	if err == nil || password == "" {
		return err
	}
	text := err.Error()
	clean := strings.ReplaceAll(strings.ReplaceAll(text, url.QueryEscape(password), "xxxxx"), password, "xxxxx")
	if clean == text {
		return err
	}
	return redactedError{text: clean, err: err}
}

type redactedError struct {
	text string
	err  error
}

func (e redactedError) Error() string { return e.text }
func (e redactedError) Unwrap() error { return e.err }
