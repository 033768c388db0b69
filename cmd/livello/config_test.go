package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// load puts a configuration together from a file's text, variables and flags.
func load(t *testing.T, text string, env map[string]string, flags ...string) (Config, error) {
	t.Helper()
	path := ""
	if text != "" {
		path = filepath.Join(t.TempDir(), "livello.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set := pflag.NewFlagSet("livello", pflag.ContinueOnError)
	settingFlags(set)
	if err := set.Parse(flags); err != nil {
		t.Fatal(err)
	}
	return loadConfig(path, func(key string) string { return env[key] }, set)
}

func TestPrecedence(t *testing.T) {
	const text = "listen: 127.0.0.1:1\nsql:\n  listen: 127.0.0.1:11\nlimits:\n  batch: 111\n"
	env := map[string]string{"LIVELLO_LISTEN": "127.0.0.1:2", "LIVELLO_LIMITS_BATCH": "222"}
	for _, c := range []struct {
		name, text string
		env        map[string]string
		flags      []string
		listen     string
		sql        string
		batch      int
	}{
		{"nothing set", "", nil, nil, "127.0.0.1:8080", "127.0.0.1:8123", 20_000},
		{"file", text, nil, nil, "127.0.0.1:1", "127.0.0.1:11", 111},
		{"environment over file", text, env, nil, "127.0.0.1:2", "127.0.0.1:11", 222},
		{"flag over environment", text, env, []string{"--listen", "127.0.0.1:3"}, "127.0.0.1:3", "127.0.0.1:11", 222},
		{"flag that switches off", text, env, []string{"--sql-listen="}, "127.0.0.1:2", "", 222},
		{"variable that switches off", text, map[string]string{"LIVELLO_SQL_LISTEN": "off"}, nil, "127.0.0.1:1", "", 111},
		{"flag equal to the default", text, env, []string{"--limits-batch", "20000"}, "127.0.0.1:2", "127.0.0.1:11", 20_000},
	} {
		cfg, err := load(t, c.text, c.env, c.flags...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if cfg.Listen != c.listen || cfg.SQL.Listen != c.sql || cfg.Limits.Batch != c.batch {
			t.Errorf("%s: listen %s, sql.listen %s, limits.batch %d; want %s, %s, %d",
				c.name, cfg.Listen, cfg.SQL.Listen, cfg.Limits.Batch, c.listen, c.sql, c.batch)
		}
	}
}

func TestEveryTypeFromFileAndEnvironment(t *testing.T) {
	const text = `
limits: {body: 4MiB, event: 65536, rate: 12.5}
spool: {linger: 2s}
cors: {origins: [https://a.example, https://b.example]}
metrics: {open: true}
sources:
  - {name: shop, key: 0123456789abcdef, channel: store, rate: 50}
  - {name: crm, key_sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
kinds:
  - {name: Visited / Shop.*, kind: page_view}
`
	cfg, err := load(t, text, map[string]string{"LIVELLO_DEDUPE_WINDOW": "48h"})
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case cfg.Limits.Body != 4<<20 || cfg.Limits.Event != 64<<10 || cfg.Limits.Rate != 12.5:
		t.Errorf("limits %+v", cfg.Limits)
	case cfg.Spool.Linger != 2*time.Second || cfg.Dedupe.Window != 48*time.Hour:
		t.Errorf("durations %v %v", cfg.Spool.Linger, cfg.Dedupe.Window)
	case len(cfg.CORS.Origins) != 2 || cfg.CORS.Origins[1] != "https://b.example":
		t.Errorf("origins %q", cfg.CORS.Origins)
	case len(cfg.Sources) != 2 || cfg.Sources[0].Channel != "store" || cfg.Sources[1].KeySHA256 == "" || *cfg.Sources[0].Rate != 50 || cfg.Sources[1].Rate != nil:
		t.Errorf("sources %+v", cfg.Sources)
	case len(cfg.Kinds) != 1 || cfg.Kinds[0].Name != "Visited / Shop.*":
		t.Errorf("kinds %q", cfg.Kinds)
	}
	cfg, err = load(t, "", map[string]string{"LIVELLO_CORS_ORIGINS": "https://a.example,https://c.example"})
	if err != nil || len(cfg.CORS.Origins) != 2 {
		t.Errorf("origins of the environment %q, %v", cfg.CORS.Origins, err)
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		text string
		env  string // value of LIVELLO_LIMITS_BODY
		want string // part of the message
	}{
		{"listne: 127.0.0.1:1", "", "unknown setting listne; did you mean listen?"},
		{"limits: {bdoy: 1MiB}", "", "unknown setting limits.bdoy; did you mean limits.body?"},
		{"spool: {window: 5h}", "", "unknown setting spool.window; did you mean dedupe.window?"},
		{"horses: 4", "", "unknown setting horses"},
		{"sources: [{name: shop, kye: 0123456789abcdef}]", "", "kye"},
		{"kinds: [{name: x, kind: page_veiw}]", "", "page_veiw"},
		{"kinds: [{nmae: x, kind: page_view}]", "", "nmae"},
		{"sources: [{name: shop, channel: web}]", "", "setting sources: source 1 (shop): key or key_sha256 is missing"},
		{"sources: [{name: shop, key: short}]", "", "shorter than 16"},
		{"sources: [{name: shop, key: 0123456789abcdef, rate: -1}]", "", "source 1 (shop): rate -1 must be a number of events a second"},
		{"sources: [{name: shop, key: 0123456789abcdef, rate: many}]", "", "setting sources"},
		{"limits: {rate: .nan}", "", "limits.rate: NaN must be"},
		{"spool: {linger: 5}", "", `"5" is no duration: write a number and ms`},
		{"dedupe: {window: 7d}", "", `"7d" is no duration: write a number and ms`},
		{"cors: {origins: shop.example.com}", "", `"shop.example.com" is no origin: write https://shop.example.com`},
		{"cors: {origins: [https://shop.example.com/cart]}", "", "is no origin"},
		{"limits: {batch: many}", "", "setting limits.batch in "},
		{"", "ten cows", "setting limits.body in the environment as LIVELLO_LIMITS_BODY: \"ten cows\" is no size"},
		{"listen: 8080", "", "setting listen: \"8080\" is no address"},
		{"log: {level: loud}", "", "setting log.level"},
		{"cluster: c1", "", "cluster: needs dsn"},
		{"dsn: secretpassword", "", "setting dsn: is no address"},
		{"limits: {event: 64MiB}", "", "limits.event"},
		{"listen: [", "", "livello.yaml"},
	} {
		_, err := load(t, c.text, map[string]string{"LIVELLO_LIMITS_BODY": c.env})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %q: error %v, want %q", c.text, c.env, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secretpassword") {
			t.Errorf("the message shows the dsn: %v", err)
		}
	}
}

// What --check prints is a file that gives the same configuration, but for the secrets.
func TestPrintedConfigurationCanBeRead(t *testing.T) {
	const text = `
limits: {body: 4MiB}
sources: [{name: crm, key_sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, channel: crm, rate: 2.5}, {name: web, key: 0123456789abcdef, rate: 0}]
kinds: [{name: Visited, kind: page_view}]
cors: {origins: [https://a.example]}
`
	cfg, err := load(t, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	if err := cfg.print(&first); err != nil {
		t.Fatal(err)
	}
	again, err := load(t, first.String(), nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, first.String())
	}
	if err := again.print(&second); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(first.String(), "rate: 2.5") {
		t.Errorf("the rate of a source is not printed:\n%s", first.String())
	}
	if first.String() != second.String() {
		t.Errorf("printed:\n%s\nread and printed again:\n%s", first.String(), second.String())
	}
	cfg, err = load(t, "dsn: http://u:topsecret@host:8123/livello\nsources: [{name: a, key: topsecret-topsecret}]", nil)
	if err != nil {
		t.Fatal(err)
	}
	first.Reset()
	if err := cfg.print(&first); err != nil || strings.Contains(first.String(), "topsecret") {
		t.Errorf("printed a secret (%v):\n%s", err, first.String())
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"16MiB": 16 << 20, "500kB": 500_000, "12": 12, "1.5 GiB": 3 << 29, "7b": 7} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s is %d (%v), want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "1e30", "NaN", "1 XB"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a size: %d", text, s)
		}
	}
}
