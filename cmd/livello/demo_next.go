package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"
)

// whereToLook prints what to try next. Each line works when pasted into a shell, as long as the service runs; after --once
// those without a port do. Top is somebody worth looking at; empty for nobody.
func (p *program) whereToLook(s *service, top string, once bool) error {
	livello, data := quote(os.Args[0]), ""
	if s.cfg.Data != defaults().Data {
		data = " --data " + quote(s.cfg.Data)
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("\nWhere to look next")
	if once {
		line("  The service stops now. Start it again with")
		line("    %s serve%s%s", livello, data, s.portFlags())
	}
	line("  API  %s   write key %s   read key %s", s.facts.API, s.keys.WriteKey, s.keys.ReadKey)
	if s.facts.SQL != "" {
		line("  SQL  %s   user %s   password %s", s.facts.SQL, s.keys.SQLUser, s.keys.SQLPassword)
	}
	line("\n  # the catalogue, on the command line and over HTTP: the same SQL")
	line("  %s query list", livello)
	line("  %s query%s weekly_retention", livello, data)
	line("  curl -s -H 'Authorization: Bearer %s' '%s/v1/queries/tier_distribution?format=table'", s.keys.ReadKey, s.facts.API)
	line("\n  # who behaves like a buyer, one of them with everything that is known, and what it is decided by")
	line("  %s tiers%s --limit 10", livello, data)
	if top != "" {
		line("  curl -s -H 'Authorization: Bearer %s' '%s/v1/people/%s'", s.keys.ReadKey, s.facts.API, url.PathEscape(top))
	}
	line("  %s definitions show%s", livello, data)
	line("\n  # send an event, then find it")
	line(`  curl -s -u %s: %s/v1/track -H 'Content-Type: application/json' -d '{"userId":"you","event":"Content Downloaded","properties":{"content_id":"first-party-data"}}'`, s.keys.WriteKey, s.facts.API)
	line("  %s query%s engagement_history person=you", livello, data)
	line("\n  # SQL, here and from any ClickHouse client over HTTP")
	line("  %s sql%s 'SELECT kind, count() AS events FROM events GROUP BY kind ORDER BY events DESC LIMIT 5'", livello, data)
	if s.facts.SQL != "" {
		line("  curl -s -u '%s:%s' %s/ --data-binary 'SELECT channel, sum(human_events) FROM channel_daily GROUP BY channel FORMAT PrettyCompact'",
			s.keys.SQLUser, s.keys.SQLPassword, s.facts.SQL)
	}
	_, err := p.stdout.Write([]byte(b.String()))
	return err
}

// portFlags repeats the ports of this run where they are not the defaults.
func (s *service) portFlags() string {
	flags := ""
	if api := strings.TrimPrefix(s.facts.API, "http://"); api != defaults().Listen {
		flags += " --listen " + api
	}
	if sql := strings.TrimPrefix(s.facts.SQL, "http://"); sql != defaults().SQL.Listen {
		flags += " --sql-listen " + quote(sql)
	}
	return flags
}

// quote makes text one word of a shell.
func quote(text string) string {
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,", r)
	}) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
