package embedded_test

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/warehouse/embedded"
)

// nodeClientVersion is the @clickhouse/client that the endpoint is tested with.
const nodeClientVersion = "1.23.1"

func TestNodeClient(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: @clickhouse/client is not tested")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	modules := t.TempDir()
	install := exec.CommandContext(ctx, "npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--prefix", modules, "@clickhouse/client@"+nodeClientVersion)
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install @clickhouse/client, which is not tested: %v\n%s", err, out)
	}

	mustRun(t, "CREATE DATABASE IF NOT EXISTS livello_node", "CREATE TABLE livello_node.t (n UInt64, s String) ENGINE = MergeTree ORDER BY n", "INSERT INTO livello_node.t VALUES (1, 'a'), (2, 'ü\"')")
	t.Cleanup(func() { mustRun(t, "DROP DATABASE livello_node SYNC") })
	u, err := url.Parse(reader(t, embedded.ReadOnlyOptions{Database: "livello_node"}))
	if err != nil {
		t.Fatal(err)
	}
	u.User = nil
	script, err := filepath.Abs("testdata/client.mjs")
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(ctx, node, script, modules, u.String(), readerUser, readerPassword, "livello_node")
	run.Stderr = os.Stderr
	out, err := run.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for name, want := range map[string]string{
		"ping": `true`, "json": `[{"n":1,"s":"a"},{"n":2,"s":"ü\""}]`, "rows": `2`, "csv": `"\"n\",\"s\"\n1,\"a\"\n2,\"ü\"\"\"\n"`,
		"params": `{"n":7,"s":"it's\ta \\ tab","a":["x'y","z"]}`, "settings": `99`, "streamed": `500000`,
		"unknown_table": `"60"`, "ddl": `"164"`, "insert": `"164"`,
	} {
		var w any
		if err := json.Unmarshal([]byte(want), &w); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got[name], w) {
			t.Errorf("%s: %v, want %s", name, got[name], want)
		}
	}
	// A client that lags behind sees the connection break before it comes to the exception, as with a server.
	if got["middle"] != "395" && got["middle"] != "ECONNRESET" {
		t.Errorf("error in the middle of a result: %v", got["middle"])
	}
	if text, _ := got["cancelled"].(string); !strings.Contains(text, "abort") {
		t.Errorf("cancelled: %v", got["cancelled"])
	}
	waitFor(t, "node_cancels", "0")
}

// curl is what people try first.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	base := reader(t, embedded.ReadOnlyOptions{Database: "system"})
	u, _ := url.Parse(base)
	u.User = nil
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"-u and -d":      {[]string{"-u", readerUser + ":" + readerPassword, u.String(), "-d", "SELECT 1"}, "1\n"},
		"headers":        {[]string{"-H", "X-ClickHouse-User: " + readerUser, "-H", "X-ClickHouse-Key: " + readerPassword, u.String(), "--data-binary", "SELECT 2"}, "2\n"},
		"-G":             {[]string{"-G", "-u", readerUser + ":" + readerPassword, u.String(), "--data-urlencode", "query=SELECT {x:UInt8} + 1 FORMAT JSONCompactEachRow", "-d", "param_x=2"}, "[3]\n"},
		"--compressed":   {[]string{"--compressed", "-u", readerUser + ":" + readerPassword, u.String() + "/?enable_http_compression=1", "-d", "SELECT 4"}, "4\n"},
		"form":           {[]string{"-u", readerUser + ":" + readerPassword, u.String(), "-F", "query=SELECT {x:String}", "-F", "param_x=five"}, "five\n"},
		"large to /null": {[]string{"-u", readerUser + ":" + readerPassword, u.String(), "-d", "SELECT count() FROM (SELECT number FROM numbers(1000000))"}, "1000000\n"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		out, err := exec.CommandContext(ctx, curl, append([]string{"-sS", "--fail-with-body"}, c.args...)...).CombinedOutput()
		cancel()
		if err != nil || string(out) != c.want {
			t.Errorf("%s: %v %q, want %q", name, err, out, c.want)
		}
	}
}
