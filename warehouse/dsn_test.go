package warehouse

import (
	"errors"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func TestParseDSN(t *testing.T) {
	for dsn, want := range map[string]struct {
		addr, database string
		tls            bool
	}{
		"http://u:p@host:8123/db":               {"host:8123", "db", false},
		"http://host/db":                        {"host:8123", "db", false},
		"https://u:p@host/db":                   {"host:8443", "db", true},
		"clickhouse://u:p@host:8123/db":         {"host:8123", "db", false},
		"clickhouse://host/db":                  {"host:8123", "db", false},
		"clickhouse://host:8443/db":             {"host:8443", "db", true},
		"clickhouse://host:8444/db?secure=true": {"host:8444", "db", true},
		"http://u:p@a:8123,b:8124/db":           {"a:8123 b:8124", "db", false},
		"https://u:p@a,b:8444,c/db":             {"a:8443 b:8444 c:8443", "db", true},
		"http://a,b":                            {"a:8123 b:8123", "", false},
	} {
		o, err := parseDSN(dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if strings.Join(o.Addr, " ") != want.addr || o.Auth.Database != want.database || (o.TLS != nil) != want.tls || o.Protocol != clickhouse.HTTP {
			t.Errorf("%s: %+v, TLS %v, %v", dsn, o.Addr, o.TLS != nil, o.Protocol)
		}
	}
}

func TestParseDSNErrors(t *testing.T) {
	for dsn, want := range map[string]string{
		"clickhouse://u:hunter2@host:9000/db":             "use http://u:xxxxx@host:8123/db",
		"tcp://u:hunter2@host:9440/db":                    "use https://u:xxxxx@host:8443/db",
		"clickhouse://a:9000/db?password=hunter2":         "use http://a:8123/db",
		"mysql://u:hunter2@host/db":                       "scheme",
		"http:///db":                                      "host is missing",
		"http://u:hunter2@a:8123,/db":                     "host is missing",
		"http://u:hunter2@a:8123,b:port/db":               "cannot be parsed",
		"clickhouse://u:hunter2@a:8123,b:9000/db":         "use http://u:xxxxx@b:8123/db",
		"http://u:hunter2@host:port/db":                   "cannot be parsed",
		"http://u:hunter2@host:8123/db?dial_timeout=soon": "dial_timeout",
	} {
		_, err := parseDSN(dsn)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", dsn, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is in the message: %v", err)
		}
	}
}

func TestRedactError(t *testing.T) {
	cause := errors.New(`Post "http://u:a%23b@host": dial a#b`)
	err := redactError(cause, "a#b")
	if strings.Contains(err.Error(), "a#b") || strings.Contains(err.Error(), "a%23b") || !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
}

func TestHosts(t *testing.T) {
	for dsn, want := range map[string]string{
		"http://u:p@a:8123,b:8124/db": "a:8123 b:8124",
		"http://a":                    "a",
		"a:8123":                      "",
		"http://a,/db":                "",
		"http:///db":                  "",
	} {
		if got := strings.Join(Hosts(dsn), " "); got != want {
			t.Errorf("%s: %q, want %q", dsn, got, want)
		}
	}
	if got := redact("http://u:hunter2@a:8123,b:8124/db", ""); got != "http://u:xxxxx@a:8123,b:8124/db" {
		t.Errorf("redacted: %s", got)
	}
}
