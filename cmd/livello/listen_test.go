package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestWhereARequestComesFrom(t *testing.T) {
	for name, c := range map[string]struct {
		proxies, connection string
		forwarded           []string
		want                string
	}{
		"nobody is trusted":               {"", "127.0.0.1:1", []string{"203.0.113.7"}, "127.0.0.1"},
		"the proxy, by its range":         {"10.0.0.0/8", "10.1.2.3:1", []string{"203.0.113.7"}, "203.0.113.7"},
		"the proxy, by its address":       {"127.0.0.1", "127.0.0.1:1", []string{"203.0.113.7"}, "203.0.113.7"},
		"IPv6":                            {"2001:db8::/32", "[2001:db8::1]:1", []string{"2001:db9::7"}, "2001:db9::7"},
		"somebody else":                   {"10.0.0.0/8", "192.168.0.1:1", []string{"203.0.113.7"}, "192.168.0.1"},
		"two proxies":                     {"10.0.0.0/8", "10.1.2.3:1", []string{"203.0.113.7, 10.9.9.9"}, "203.0.113.7"},
		"the sender wrote one of its own": {"10.0.0.0/8", "10.1.2.3:1", []string{"198.51.100.1", "203.0.113.7"}, "203.0.113.7"},
		"no header":                       {"10.0.0.0/8", "10.1.2.3:1", nil, "10.1.2.3"},
		"nonsense in the header":          {"10.0.0.0/8", "10.1.2.3:1", []string{"<script>"}, "10.1.2.3"},
		"the local socket":                {"10.0.0.0/8", "@", nil, ""},
	} {
		var proxies []string
		if c.proxies != "" {
			proxies = strings.Split(c.proxies, ",")
		}
		got := clientIP(proxies)(&http.Request{RemoteAddr: c.connection, Header: http.Header{"X-Forwarded-For": c.forwarded}})
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTrustedProxiesAreChecked(t *testing.T) {
	for text, want := range map[string]string{
		"trusted_proxies: [proxy.example]":             `setting trusted_proxies: "proxy.example" is neither an address nor a range: write 10.0.0.5 or 10.0.0.0/8`,
		"trusted_proxies: [10.0.0.0/8, 0.0.0.0/0]":     "setting trusted_proxies: 0.0.0.0/0 would let every sender say where it is",
		"trusted_proxies: [10.0.0.0/8, '2001:db8::1']": "",
	} {
		_, err := load(t, text, nil)
		if got := errorText(err); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
