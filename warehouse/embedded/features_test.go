package embedded_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/livello/livello/warehouse/embedded"
)

// The roles this package gives the engine's one user must not stand in the way of what the schema builds on, in the
// background as well: dictionaries load and refreshable views refresh without a session of ours.
func TestWhatTheSchemaBuildsOn(t *testing.T) {
	mustRun(t, "CREATE DATABASE IF NOT EXISTS livello_feat",
		"CREATE TABLE livello_feat.t (id UInt64, name String, n Int64, at DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY id TTL at + INTERVAL 1 DAY",
		"CREATE TABLE livello_feat.sums (name String, n SimpleAggregateFunction(sum, Int64)) ENGINE = AggregatingMergeTree ORDER BY name",
		"CREATE MATERIALIZED VIEW livello_feat.sums_mv TO livello_feat.sums AS SELECT name, sum(n) AS n FROM livello_feat.t GROUP BY name",
		"CREATE DICTIONARY livello_feat.names (id UInt64, name String) PRIMARY KEY id SOURCE(CLICKHOUSE(QUERY 'SELECT id, name FROM livello_feat.t')) LAYOUT(HASHED()) LIFETIME(0)",
		"CREATE MATERIALIZED VIEW livello_feat.fresh REFRESH EVERY 1 SECOND (c UInt64) ENGINE = MergeTree ORDER BY c AS SELECT count() AS c FROM livello_feat.t",
		"CREATE VIEW livello_feat.by_name AS SELECT id FROM livello_feat.t WHERE name = {name:String}",
		"INSERT INTO livello_feat.t (id, name, n) VALUES (1, 'a', 5), (2, 'b', 6), (3, 'a', 7)")
	t.Cleanup(func() { mustRun(t, "DROP DATABASE livello_feat SYNC") })
	for name, base := range map[string]string{"owner": owner(t), "reader": reader(t, embedded.ReadOnlyOptions{Database: "livello_feat"})} {
		for sql, want := range map[string]string{
			"SELECT name, sum(n) FROM livello_feat.sums GROUP BY name ORDER BY name": "a\t12\nb\t6\n",
			"SELECT dictGet('livello_feat.names', 'name', 2)":                        "b\n",
			"SELECT id FROM livello_feat.by_name(name = 'a') ORDER BY id":            "1\n3\n",
			"SELECT count() FROM livello_feat.names":                                 "3\n",
		} {
			if r := send(t, base, sql); r.status != http.StatusOK || r.body != want {
				t.Errorf("%s: %s: %d %q, want %q", name, sql, r.status, r.body, want)
			}
		}
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		if r := send(t, owner(t), "SELECT c FROM livello_feat.fresh"); r.body == "3\n" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the view was not refreshed: %s", send(t, owner(t), "SELECT view, status, exception FROM system.view_refreshes").body)
		}
	}
}

// Four hundred megabytes of CSV must pass into the engine without being held.
func TestLargeInsertInConstantMemory(t *testing.T) {
	mustRun(t, "CREATE DATABASE IF NOT EXISTS big", "CREATE TABLE big.t (a UInt64, s String) ENGINE = Null")
	t.Cleanup(func() { mustRun(t, "DROP DATABASE big SYNC") })
	line := strings.Repeat("12345,"+strings.Repeat("x", 94)+"\n", 10_000)
	send(t, owner(t), line, "query=INSERT INTO big.t FORMAT CSV")
	before := residentBytes(t)
	data := &repeated{text: line, left: 400}
	data.each = func() { data.most = max(data.most, residentBytes(t)) }
	// Small blocks: what the engine gathers for one block is its own affair.
	r, err := http.NewRequest(http.MethodPost, withArgs(owner(t), "query=INSERT INTO big.t FORMAT CSV", "max_insert_block_size=50000", "min_insert_block_size_rows=50000"), data)
	if err != nil {
		t.Fatal(err)
	}
	if got := do(t, r); got.status != http.StatusOK || !strings.Contains(got.header.Get("X-ClickHouse-Summary"), `"written_rows":"4000000"`) {
		t.Fatalf("%d %s %s", got.status, got.body, got.header.Get("X-ClickHouse-Summary"))
	}
	t.Logf("400 MB in, resident memory grew by %d MB", (data.most-before)>>20)
	if grown := data.most - before; grown > 150<<20 {
		t.Errorf("resident memory grew by %d MB", grown>>20)
	}
}

// repeated is text over and over, looking at the process's memory each time.
type repeated struct {
	text, rest string
	left       int
	each       func()
	most       int64
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.rest = r.text
		if r.left%20 == 0 {
			r.each()
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Merges out of the box count the distinct values of every column for the planner of joins.
func TestMergesCountNoStatistics(t *testing.T) {
	mustRun(t, "CREATE DATABASE IF NOT EXISTS plain", "CREATE TABLE plain.t (a UInt64, s String) ENGINE = MergeTree ORDER BY a",
		"INSERT INTO plain.t SELECT number, toString(number) FROM numbers(1000)", "INSERT INTO plain.t SELECT number, toString(number) FROM numbers(1000)",
		"OPTIMIZE TABLE plain.t FINAL")
	t.Cleanup(func() { mustRun(t, "DROP DATABASE plain SYNC") })
	const columns = "SELECT count(), countIf(notEmpty(statistics)) FROM system.parts_columns WHERE database = 'plain' AND table = 't' AND active"
	if r := send(t, owner(t), columns); r.body != "2\t0\n" {
		t.Errorf("columns of the merged part, and those with statistics: %q", r.body)
	}
}
