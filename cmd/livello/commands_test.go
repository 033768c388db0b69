package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/livello/livello/test/engine"
)

func TestCommandsWithoutAService(t *testing.T) {
	t.Parallel()
	data := filepath.Join(engine.TempDir(t), "data")
	fails(t, "there is no data folder", "query", "--data", data, "totals")
	fails(t, "has no keys yet", "keys", "--data", data)
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "migrate", "plan", "--data", data); !strings.Contains(out, "CREATE TABLE") {
		t.Errorf("plan of a new folder:\n%s", out)
	}
	if out := must(t, "migrate", "up", "--data", data); !strings.Contains(out, "applied 0001_events") {
		t.Errorf("first migrate up:\n%s", out)
	}
	if out := must(t, "migrate", "up", "--data", data); out != "the schema is up to date\n" {
		t.Errorf("second migrate up:\n%s", out)
	}
	if out := must(t, "migrate", "status", "--data", data); strings.Contains(out, "pending") || !strings.Contains(out, "person_features") {
		t.Errorf("status:\n%s", out)
	}

	// sql reads from the argument or stdin, and writes only when told.
	out, errs, err := runCommand(t, "SELECT {n:UInt8} AS n;\n", "sql", "--data", data, "-o", "csv", "--param", "n=7")
	if err != nil || out != "\"n\"\n7\n" {
		t.Errorf("sql from stdin: %v %q %s", err, out, errs)
	}
	fails(t, "add --write", "sql", "--data", data, "CREATE TABLE t (n UInt8) ENGINE = Memory")
	fails(t, "SYNTAX_ERROR", "sql", "--data", data, "SELEC 1")
	fails(t, "empty", "sql", "--data", data, " ; ")
	fails(t, "leave FORMAT out", "sql", "--data", data, "SELECT 1 FORMAT Vertical")
	fails(t, "--param name=value", "sql", "--data", data, "SELECT {n:UInt8}")
	if out, errs, err := runCommand(t, "", "sql", "--data", data, "SELECT 1 WHERE 0"); err != nil || out != "" || errs != "no rows\n" {
		t.Errorf("sql without an answer: %q, %q, %v", out, errs, err)
	}
	must(t, "sql", "--data", data, "--write", "CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n")
	must(t, "sql", "--data", data, "--write", "INSERT INTO t VALUES (1), (2)")
	if got := count(t, data, "SELECT sum(n) FROM t"); got != "3" {
		t.Errorf("sum %s, want 3", got)
	}
	fails(t, "-o xml", "sql", "--data", data, "-o", "xml", "SELECT 1")

	// query
	if out := must(t, "query", "list"); !strings.Contains(out, "totals") || !strings.Contains(out, "funnel") {
		t.Errorf("query list:\n%s", out)
	}
	if out := must(t, "query", "describe", "funnel"); !strings.Contains(out, "steps") || !strings.Contains(out, "required") {
		t.Errorf("query describe:\n%s", out)
	}
	if out := must(t, "query", "describe", "--sql", "funnel"); !strings.Contains(out, "windowFunnel") {
		t.Errorf("query describe --sql:\n%s", out)
	}
	for _, args := range [][]string{
		{"query", "--data", data, "totals"}, {"query", "run", "totals", "--data", data, "--param", "from=now-1d"}, {"query", "totals", "from=now-1d", "--data", data},
	} {
		if out := must(t, args...); !strings.Contains(out, "people") {
			t.Errorf("%s:\n%s", strings.Join(args, " "), out)
		}
	}
	if out, errs, err := runCommand(t, "", "quarantine", "list", "--data", data); err != nil || out != "" || !strings.Contains(errs, "no rows") {
		t.Errorf("quarantine list of nothing: %q, %q, %v", out, errs, err)
	}
	if out, errs, err := runCommand(t, "", "tiers", "--data", data); err != nil || out != "" || !strings.Contains(errs, "nobody has a tier yet") {
		t.Errorf("tiers of nobody: %q, %q, %v", out, errs, err)
	}
	fails(t, "did you mean totals?", "query", "--data", data, "totlas")
	fails(t, "write name=value", "query", "--data", data, "totals", "from")
	fails(t, "did you mean from?", "query", "--data", data, "totals", "form=now-1d")
	fails(t, "given twice", "query", "--data", data, "totals", "from=now-1d", "-p", "from=now-2d")

	fails(t, "write livello query describe NAME", "query", "describe")
	fails(t, "did you mean serve?", "serv")
	fails(t, "`livello spool --help` lists them", "spool", "frobnicate")

	if out := must(t, "version", "-o", "json"); !strings.Contains(out, `"platform"`) {
		t.Errorf("version: %s", out)
	}
	boards := t.TempDir()
	if out := must(t, "dashboards", "--out", boards); !strings.Contains(out, boards) {
		t.Errorf("dashboards:\n%s", out)
	}
}

func TestConfigFileOfACommand(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "livello.yaml")
	if err := os.WriteFile(file, []byte("listne: 127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, "unknown setting listne; did you mean listen?", "serve", "--config", file)
	fails(t, "no such file", "serve", "--config", file+".missing")
}
