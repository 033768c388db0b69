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
	} {
		o, err := parseDSN(dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if o.Addr[0] != want.addr || o.Auth.Database != want.database || (o.TLS != nil) != want.tls || o.Protocol != clickhouse.HTTP {
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
