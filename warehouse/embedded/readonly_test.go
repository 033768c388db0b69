package embedded_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/warehouse/embedded"
)

// secretFile makes a file that no reader may see, and returns its path and content.
func secretFile(t *testing.T) (path, content string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "secret.txt")
	content = "the-secret-of-this-machine"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

func TestReaderReads(t *testing.T) {
	mustRun(t, "CREATE DATABASE IF NOT EXISTS livello_read", "CREATE TABLE IF NOT EXISTS livello_read.t (n UInt64, file String) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO livello_read.t VALUES (1, 'a.txt')", "CREATE VIEW IF NOT EXISTS livello_read.v AS SELECT n + 1 AS m FROM livello_read.t",
		"CREATE FUNCTION IF NOT EXISTS livello_double AS (x) -> x * 2")
	t.Cleanup(func() { mustRun(t, "DROP DATABASE livello_read", "DROP FUNCTION livello_double") })
	base := reader(t, embedded.ReadOnlyOptions{Database: "livello_read"})
	for sql, want := range map[string]string{
		"SELECT n FROM t":                                   "1\n",
		"SELECT t.file FROM t":                              "a.txt\n",
		"SELECT m FROM livello_read.v":                      "2\n",
		"SELECT livello_double(n) FROM t":                   "2\n",
		"SELECT sum(number) FROM numbers(10)":               "45\n",
		"SELECT n FROM merge('livello_read', '^t$')":        "1\n",
		"SELECT format('{}-{}', n, 'x') FROM t":             "1-x\n",
		"SELECT 'file(''/etc/passwd'')'":                    "file(\\'/etc/passwd\\')\n",
		"WITH x AS (SELECT n FROM t) SELECT count() FROM x": "1\n",
		"SHOW TABLES":                                       "t\nv\n",
		"EXISTS TABLE t":                                    "1\n",
		"SELECT settings FROM (SELECT 1 AS settings, 2 AS x) WHERE settings AND x = 2":                    "1\n",
		"SELECT count() FROM merge(REGEXP('^livello_read$'), '^t$')":                                      "1\n",
		"SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name":                 "t\nv\n",
		"SELECT table_name FROM information_schema.tables WHERE table_schema = 'livello_read' ORDER BY 1": "t\nv\n",
		"SELECT currentDatabase(), currentUser()":                                                         "livello_read\tdefault\n",
	} {
		r := send(t, base, sql)
		if r.status != http.StatusOK || r.body != want {
			t.Errorf("%s: %d %q, want %q", sql, r.status, r.body, want)
		}
	}
}

// Everything a reader might try. Nothing of it may show the secret, reach the network or change anything.
func TestReaderCannot(t *testing.T) {
	path, secret := secretFile(t)
	network := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the engine reached the network: %s", r.URL)
	}))
	host := strings.TrimPrefix(network, "http://")
	out := filepath.Join(t.TempDir(), "out")
	mustRun(t, "CREATE DATABASE IF NOT EXISTS livello_guard", "CREATE DATABASE IF NOT EXISTS private_guard",
		"CREATE TABLE IF NOT EXISTS livello_guard.t (n UInt64) ENGINE = MergeTree ORDER BY n",
		"CREATE TABLE IF NOT EXISTS private_guard.t (s String) ENGINE = MergeTree ORDER BY s", "INSERT INTO private_guard.t VALUES ('"+secret+"')",
		"CREATE VIEW IF NOT EXISTS livello_guard.outside AS SELECT * FROM private_guard.t",
		"CREATE VIEW IF NOT EXISTS livello_guard.reads_file AS SELECT * FROM file('"+path+"', 'LineAsString')")
	t.Cleanup(func() { mustRun(t, "DROP DATABASE livello_guard", "DROP DATABASE private_guard") })
	base := reader(t, embedded.ReadOnlyOptions{Database: "livello_guard"})

	for _, sql := range strings.Split(strings.NewReplacer("PATH", path, "OUT", out, "HOST", host).Replace(attacks), "\n") {
		if sql = strings.TrimSpace(sql); sql == "" || strings.HasPrefix(sql, "##") {
			continue
		}
		sql = strings.NewReplacer("\\n", "\n", "\\t", "\t").Replace(sql)
		for _, prefix := range []string{"", "EXPLAIN ", "EXPLAIN QUERY TREE ", "DESCRIBE TABLE ("} {
			attack := prefix + sql
			if strings.HasSuffix(prefix, "(") {
				attack += ")"
			}
			r := send(t, base, attack, "param_f=file", "param_p="+path, "param_q=`file`")
			if strings.Contains(r.body, secret) {
				t.Errorf("the secret is out: %s\n%s", attack, r.body)
			}
			if prefix == "" && r.status == http.StatusOK && !strings.Contains(sql, "merge(REGEXP") { // that one leaves out what it may not see
				t.Errorf("it ran: %s\n%.300s", attack, r.body)
			}
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Errorf("a file was written")
	}
	if r := send(t, owner(t), "SELECT (SELECT count() FROM livello_guard.t), (SELECT count() FROM system.tables WHERE database = 'livello_guard')"); r.body != "0\t3\n" {
		t.Errorf("something was changed: %q", r.body)
	}
	// The rights are the session's, not the engine's: the owner still has them.
	if r := send(t, owner(t), "SELECT count() FROM file('"+path+"', 'LineAsString')"); r.body != "1\n" {
		t.Errorf("owner: %s", r.body)
	}
}

const attacks = `
## table functions that read the machine or the network
SELECT * FROM file('PATH', 'LineAsString')
SELECT * FROM FILE('PATH', 'LineAsString')
SELECT * FROM file/* */('PATH', 'LineAsString')
SELECT * FROM -- comment\n file -- comment\n ('PATH', 'LineAsString')
SELECT * FROM "file"('PATH', 'LineAsString')
SELECT * FROM ` + "`file`" + `('PATH', 'LineAsString')
SELECT * FROM ` + "`fil\\x65`" + `('PATH', 'LineAsString')
SELECT * FROM “file”('PATH', 'LineAsString')
SELECT * FROM 'PATH'
SELECT * FROM ` + "`PATH`" + `
SELECT * FROM default.` + "`PATH`" + `
SELECT * FROM (SELECT * FROM (SELECT * FROM file('PATH', 'LineAsString')))
SELECT (SELECT line FROM file('PATH', 'LineAsString'))
SELECT 1 WHERE 'x' IN (SELECT line FROM file('PATH', 'LineAsString'))
SELECT 1 UNION ALL SELECT * FROM file('PATH', 'LineAsString')
WITH x AS (SELECT * FROM file('PATH', 'LineAsString')) SELECT * FROM x
SELECT * FROM numbers(1) AS n JOIN file('PATH', 'LineAsString') AS f ON 1 = 1
SELECT * FROM view(SELECT * FROM file('PATH', 'LineAsString'))
SELECT * FROM viewIfPermitted(SELECT * FROM file('PATH', 'LineAsString') ELSE null('line String'))
SELECT * FROM loop(file('PATH', 'LineAsString')) LIMIT 1
SELECT * FROM fileCluster('default', 'PATH', 'LineAsString')
SELECT * FROM cluster('default', file('PATH', 'LineAsString'))
SELECT * FROM filesystem('PATH')
SELECT * FROM executable('cat PATH', 'LineAsString', 'line String')
SELECT * FROM sqlite('PATH', 't')
SELECT * FROM icebergLocal('PATH')
SELECT * FROM deltaLakeLocal('PATH')
SELECT * FROM paimonLocal('PATH')
SELECT * FROM url('http://HOST/', 'LineAsString', 'line String')
SELECT * FROM url('file://PATH', 'LineAsString', 'line String')
SELECT * FROM urlCluster('default', 'http://HOST/', 'LineAsString', 'line String')
SELECT * FROM s3('http://HOST/bucket/key', 'LineAsString', 'line String')
SELECT * FROM gcs('http://HOST/bucket/key', 'LineAsString', 'line String')
SELECT * FROM azureBlobStorage('http://HOST', 'c', 'b', 'u', 'a2V5', 'LineAsString')
SELECT * FROM hdfs('hdfs://HOST/x', 'LineAsString', 'line String')
SELECT * FROM iceberg('http://HOST/bucket/key')
SELECT * FROM remote('HOST', system.one)
SELECT * FROM remoteSecure('HOST', system.one)
SELECT * FROM remote('127.0.0.1', view(SELECT 1))
SELECT * FROM mysql('HOST', 'a', 'b', 'c', 'd')
SELECT * FROM postgresql('HOST', 'a', 'b', 'c', 'd')
SELECT * FROM mongodb('HOST', 'a', 'b', 'c', 'd', 'x String')
SELECT * FROM redis('HOST', 'k', 'k String')
SELECT * FROM odbc('DSN=x', 'a', 'b')
SELECT * FROM jdbc('x', 'a', 'b')
SELECT * FROM input('a String')
SELECT * FROM eval('SELECT file(\'PATH\')')
DESCRIBE TABLE url('http://HOST/', 'LineAsString')
DESCRIBE TABLE file('PATH', 'LineAsString')
DESCRIBE TABLE s3('http://HOST/bucket/key')
SELECT * FROM outside
SELECT * FROM reads_file
SELECT * FROM private_guard.t
SELECT * FROM merge('private_guard', '.*')
SELECT * FROM merge(REGEXP('.*'), '^t$')
SHOW CREATE TABLE private_guard.t
## the function file(), by every name it can have
SELECT file('PATH')
SELECT ` + "`file`" + `('PATH')
SELECT "file"('PATH')
SELECT file /* */ ('PATH')
SELECT fi/**/le('PATH')
SELECT ` + "`\\x66ile`" + `('PATH')
SELECT arrayMap(file, ['PATH'])
SELECT arrayMap(x -> file(x), ['PATH'])
SELECT arrayMap({f:Identifier}, ['PATH'])
SELECT arrayMap({q:Identifier}, ['PATH'])
SELECT arrayMap({ f : Identifier }, ['PATH'])
SELECT arrayMap({f:identifier}, ['PATH'])
WITH file AS f SELECT arrayMap(f, ['PATH'])
SELECT * APPLY file FROM (SELECT 'PATH' AS p)
SELECT * APPLY(file) FROM (SELECT 'PATH' AS p)
SELECT * APPLY (x -> file(x)) FROM (SELECT 'PATH' AS p)
SELECT COLUMNS('p') APPLY ` + "`file`" + ` FROM (SELECT 'PATH' AS p)
SELECT * REPLACE (file(p) AS p) FROM (SELECT 'PATH' AS p)
SELECT file({p:String})
SELECT 1 FROM numbers(1) WHERE file('PATH') != ''
SELECT 1 ORDER BY file('PATH')
SELECT b FROM generateRandom('a UInt8, b String ALIAS file(\'PATH\')') LIMIT 1
SELECT b FROM generateRandom('a UInt8, b String ALIAS ' || 'fi' || 'le(\'PATH\')') LIMIT 1
SELECT b FROM GENERATERANDOM('a UInt8, b String ALIAS file(\'PATH\')') LIMIT 1
SELECT b FROM "generateRandom"('a UInt8, b String ALIAS file(\'PATH\')') LIMIT 1
SELECT b FROM values('a UInt8, b String ALIAS file(\'PATH\')', (1))
SELECT b FROM null('a UInt8, b String ALIAS file(\'PATH\')')
SELECT * FROM format(JSONEachRow, 'a String DEFAULT file(\'PATH\')', '{}')
SELECT catboostEvaluate('PATH', 1)
SELECT aiGenerate('x', 'y')
## writing
SELECT 1 INTO OUTFILE 'OUT'
SELECT 1 INTO/**/OUTFILE 'OUT' FORMAT CSV
SELECT 1 -- x\n INTO -- y\n OUTFILE 'OUT'
SHOW TABLES INTO OUTFILE 'OUT'
DESCRIBE TABLE t INTO OUTFILE 'OUT'
INSERT INTO t VALUES (1)
INSERT INTO t FORMAT CSV 1
INSERT INTO t SELECT 1
WITH x AS (SELECT 1 AS n) INSERT INTO t SELECT n FROM x
INSERT INTO FUNCTION file('OUT', 'CSV', 'a Int8') VALUES (1)
CREATE TABLE u (a Int8) ENGINE = Memory
CREATE TEMPORARY TABLE u (a Int8)
CREATE VIEW u AS SELECT 1
CREATE FUNCTION reads AS (x) -> file(x)
CREATE DICTIONARY u (a UInt64) PRIMARY KEY a SOURCE(HTTP(URL 'http://HOST/' FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(1)
CREATE DATABASE livello_other
CREATE USER x
CREATE NAMED COLLECTION x AS a = 1
ALTER TABLE t DELETE WHERE 1
DELETE FROM t WHERE 1
UPDATE t SET n = 2 WHERE 1
TRUNCATE TABLE t
DROP TABLE t
RENAME TABLE t TO u
OPTIMIZE TABLE t
DETACH TABLE t
ATTACH TABLE t
BACKUP TABLE t TO File('OUT')
EXCHANGE TABLES t AND outside
GRANT owner TO default
## giving itself rights
SET ROLE owner
SET ROLE DEFAULT
SET ROLE ALL
SET readonly = 0
SET max_threads = 1
SELECT 1 SETTINGS readonly = 0
SELECT * FROM (SELECT 1 SETTINGS readonly = 0, max_memory_usage = 0)
SELECT * FROM file('PATH', 'LineAsString') SETTINGS readonly = 0
SELECT * FROM (SELECT * FROM eval('SELECT 1') SETTINGS allow_experimental_eval_table_function = 1)
SELECT * FROM (SELECT 1 settings /* */ "max_memory_usage" = 0)
SELECT 1 IN (SELECT 1 SETTINGS max_execution_time = 0)
DESCRIBE TABLE (SELECT n FROM t) SETTINGS describe_compact_output = 1
SELECT 1; SET ROLE owner
SELECT 1; SELECT * FROM file('PATH', 'LineAsString')
SELECT 1;; SET ROLE owner; SELECT file('PATH')
SELECT 1 PARALLEL WITH SELECT 2
EXECUTE AS default SELECT 1
USE system
SYSTEM FLUSH LOGS
SYSTEM SHUTDOWN
SYSTEM STOP MERGES
KILL QUERY WHERE 1
BEGIN TRANSACTION
## what would bring the process down
SELECT * FROM system.stack_trace
SELECT * FROM merge('system', 'stack_trace')
SELECT * FROM system.symbols
SELECT addressToLine(1::UInt64)
`

func TestReaderLimits(t *testing.T) {
	base := reader(t, embedded.ReadOnlyOptions{Database: "system", MaxExecutionTime: 300 * time.Millisecond, MaxResultRows: 1000, MaxConcurrent: 2})
	for name, c := range map[string]struct {
		sql    string
		args   []string
		status int
		code   string
	}{
		"time":              {"SELECT sum(sipHash64(number)) FROM numbers(1000000000000)", nil, 408, "159"},
		"time, asked wider": {"SELECT sum(sipHash64(number)) FROM numbers(1000000000000)", []string{"max_execution_time=0"}, 408, "159"},
		"rows":              {"SELECT number FROM numbers(100000)", nil, 500, "396"},
		"refused setting":   {"SELECT 1", []string{"max_distributed_connections=1"}, 500, "164"},
		"writes a file":     {"SELECT 1", []string{"output_format_schema=/tmp/x"}, 500, "164"},
		"reads a file":      {"SELECT 1", []string{"format_template_row=/etc/passwd"}, 500, "164"},
		"unknown setting":   {"SELECT 1", []string{"nothing_like_it=1"}, 404, "115"},
		"bad limit":         {"SELECT 1", []string{"max_execution_time=soon"}, 400, "36"},
		"role":              {"SELECT file('/etc/passwd')", []string{"role=owner"}, 403, "497"},
	} {
		r := send(t, base, c.sql, c.args...)
		if r.status != c.status || r.header.Get("X-ClickHouse-Exception-Code") != c.code {
			t.Errorf("%s: %d code %s %.300s, want %d code %s", name, r.status, r.header.Get("X-ClickHouse-Exception-Code"), r.body, c.status, c.code)
		}
	}
	small := reader(t, embedded.ReadOnlyOptions{Database: "system", MaxMemory: 50 << 20})
	if r := send(t, small, "SELECT length(groupArray(toString(number))) FROM numbers(10000000)", "max_memory_usage=0"); r.header.Get("X-ClickHouse-Exception-Code") != "241" {
		t.Errorf("memory: %d %.300s", r.status, r.body)
	}
	r := send(t, base, "SELECT getSetting('max_execution_time'), getSetting('max_threads'), getSetting('readonly'), 1.5 FORMAT JSONCompactEachRow",
		"max_execution_time=0.2", "max_threads=1", "readonly=2", "output_format_json_quote_decimals=1", "send_progress_in_http_headers=1", "session_id=x", "async_insert=1")
	if r.body != "[0.2, 1, 1, 1.5]\n" {
		t.Errorf("settings: %d %s", r.status, r.body)
	}
	if got := r.header.Get("X-Livello-Ignored-Settings"); got != "async_insert, readonly, send_progress_in_http_headers, session_id" {
		t.Errorf("ignored: %q", got)
	}
}

func TestReaderIsAsked(t *testing.T) {
	base := reader(t, embedded.ReadOnlyOptions{Database: "system"})
	bare := "http://" + base[strings.Index(base, "@")+1:]
	with := func(user, password string) reply {
		r, err := http.NewRequest(http.MethodPost, bare+"/", strings.NewReader("SELECT 1"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-ClickHouse-User", user)
		r.Header.Set("X-ClickHouse-Key", password)
		return do(t, r)
	}
	if r := send(t, bare, "SELECT 1"); r.status != http.StatusUnauthorized || r.header.Get("WWW-Authenticate") == "" {
		t.Errorf("nobody: %d %s", r.status, r.body)
	}
	if r := with(readerUser, "wrong"); r.status != http.StatusForbidden || strings.Contains(r.body, readerPassword) {
		t.Errorf("wrong password: %d %s", r.status, r.body)
	}
	if r := with("default", ""); r.status != http.StatusForbidden {
		t.Errorf("default user: %d %s", r.status, r.body)
	}
	if r := with(readerUser, readerPassword); r.body != "1\n" {
		t.Errorf("headers: %d %s", r.status, r.body)
	}
	if r := send(t, bare, "SELECT 1", "user="+readerUser, "password="+readerPassword); r.body != "1\n" {
		t.Errorf("parameters: %d %s", r.status, r.body)
	}
	// A statement that does not parse is no reason to say anything to a stranger.
	if r := send(t, bare, "SELECT '", "param_x"); r.status != http.StatusUnauthorized {
		t.Errorf("stranger: %d %s", r.status, r.body)
	}
	for _, o := range []embedded.ReadOnlyOptions{{}, {User: "u"}, {Password: "p"}} {
		if _, err := openEngine(t).ReadOnly(o); err == nil {
			t.Errorf("%+v: an endpoint without user or password", o)
		}
	}
}

func TestReadersBeyondTheLimitAreSentAway(t *testing.T) {
	base := reader(t, embedded.ReadOnlyOptions{Database: "system", MaxConcurrent: 1})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, base+"/", strings.NewReader("SELECT count() AS holds_the_place FROM numbers(1000000000000) WHERE sipHash64(number) = 1"))
		if res, err := http.DefaultClient.Do(r); err == nil {
			res.Body.Close()
		}
	}()
	waitFor(t, "holds_the_place", "1")
	r := send(t, base, "SELECT 1")
	if r.status != http.StatusServiceUnavailable || r.header.Get("X-ClickHouse-Exception-Code") != "202" || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %v %s", r.status, r.header, r.body)
	}
	cancel()
	<-ended
	waitFor(t, "holds_the_place", "0")
	// The place is given back when the handler returns, a moment after the engine has let the statement go.
	for deadline := time.Now().Add(10 * time.Second); ; {
		if r := send(t, base, "SELECT 1"); r.body == "1\n" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the place was not given back")
		}
	}
}
