package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const ownDefinitions = `
events:
  - {name: "Fax Received *", kind: chat_message}
signals:
  fax_offers: {text: Asked for an offer by fax, match: {name: "fax received *"}}
  whitepaper_downloads: {match: {kind: content_download, content_id: "*whitepaper*"}}
  demo_link_clicks: {match: {kind: email_click, url: "*demo*"}}
  advanced_forms: {match: {kind: form_submission, name: "*demo*"}}
  demo_downloads: {match: {kind: content_download, name: "*demo*"}}
tiers:
  needs: 2
`

func TestDefinitionsWithoutADatabase(t *testing.T) {
	t.Parallel()
	bad := write(t, "livello.yaml", "tiers:\n  needs: many\n  criterion: {}\ngold: {rate: 7}\n")
	for _, wanted := range []string{
		"3 mistakes", bad + `:2:10: tiers.needs: "many": a number from 1 to 50 expected`,
		bad + ":3:3: tiers.criterion: there is no such key; did you mean criteria?", bad + `:4:14: gold.rate: "7": a number from 0 to 1 expected`,
	} {
		fails(t, wanted, "definitions", "check", bad)
	}
	good := write(t, "livello.yaml", ownDefinitions)
	if out := must(t, "definitions", "check", good); !strings.Contains(out, "is right: 5 signals") {
		t.Errorf("check: %s", out)
	}
	if out := must(t, "definitions", "diff", good, "--default"); !strings.Contains(out, "~ tiers.needs: 3 -> 2\n") || !strings.Contains(out, "person_signals is computed again") || !strings.Contains(out, "history is never rewritten") {
		t.Errorf("diff: %s", out)
	}
	// What show prints can be applied.
	if out := must(t, "definitions", "check", write(t, "default.yaml", must(t, "definitions", "show", "--default"))); !strings.Contains(out, "is right") {
		t.Errorf("check of the default: %s", out)
	}
	fails(t, "there is no data folder", "definitions", "history", "--data", filepath.Join(t.TempDir(), "none"))
}

func TestDefinitionsOfARunningService(t *testing.T) {
	t.Parallel()
	data := dataFolder(t)
	s := serve(t, data)
	fax := func(id string) {
		t.Helper()
		s.want(202, `"accepted":1`, "POST", s.API+"/v1/events", s.keys.WriteKey, `{"type":"track","event":"Fax Received Today","messageId":"`+id+`","userId":"u"}`)
	}
	kinds := "SELECT arrayStringConcat(groupArray(kind), ' ') FROM (SELECT kind FROM events ORDER BY received_at, message_id)"
	faxes := "SELECT sum(signals['fax_offers']) FROM person_signals"
	fax("1")
	s.settle()
	path := write(t, "livello.yaml", ownDefinitions)
	if out := must(t, "definitions", "diff", path, "--data", data); !strings.Contains(out, "compared with version 1 (") || !strings.Contains(out, `+ events[0]: "Fax Received *" is chat_message`) {
		t.Errorf("diff: %s", out)
	}
	if out := must(t, "definitions", "apply", path, "--data", data, "--note", "we do have a fax", "--by", "Ada"); !strings.Contains(out, "version 2 counts from now on; person_signals was computed again") {
		t.Errorf("apply: %s", out)
	}
	if got := count(t, data, faxes); got != "1" {
		t.Errorf("%s of the fax from before counts, want 1", got)
	}
	fax("2") // the service knows the new rules without a restart
	s.settle()
	if got := count(t, data, kinds); got != "custom chat_message" {
		t.Errorf("kinds: %s", got)
	}
	if got := count(t, data, faxes); got != "2" {
		t.Errorf("%s faxes count, want 2", got)
	}
	if out := must(t, "definitions", "apply", path, "--data", data); !strings.Contains(out, "version 2 says so already") {
		t.Errorf("apply again: %s", out)
	}
	if out := must(t, "verify", "--data", data); !strings.Contains(out, " 0 differences") {
		t.Errorf("verify: %s", out)
	}
	out := must(t, "definitions", "history", "--data", data)
	for _, wanted := range []string{"Ada", "we do have a fax", "events, signals, half_lives, tiers", "livello "} {
		if !strings.Contains(out, wanted) {
			t.Errorf("history lacks %q:\n%s", wanted, out)
		}
	}
	if out := must(t, "definitions", "show", "--data", data); out != ownDefinitions {
		t.Errorf("show: %s", out)
	}
	if out := must(t, "definitions", "show", "--version", "1", "--data", data); !strings.Contains(out, "These are the definitions Livello comes with") {
		t.Errorf("show of version 1: %s", out)
	}
	fails(t, "definitions version 9: no such version", "definitions", "show", "--version", "9", "--data", data)
	s.stop()

	// The setting is applied at the start, and history follows.
	changed := write(t, "livello.yaml", strings.ReplaceAll(ownDefinitions, "fax received *", "nothing like it"))
	s = serve(t, data, "--definitions", changed)
	fax("3")
	s.settle()
	if got := count(t, data, kinds); got != "custom chat_message chat_message" {
		t.Errorf("kinds after the restart: %s", got)
	}
	if out := must(t, "verify", "--data", data); !strings.Contains(out, " 0 differences") {
		t.Errorf("verify after the restart: %s", out)
	}
	if got := count(t, data, faxes); got != "0" {
		t.Errorf("%s faxes count under version 3, want 0", got)
	}
	if got := count(t, data, "SELECT concat(toString(version), ' ', applied_by) FROM definition"); got != "3 setting definitions" {
		t.Errorf("the version that counts: %s", got)
	}
}
