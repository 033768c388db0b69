package warehouse_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
	"github.com/livello/livello/warehouse/embedded"
)

// TestDriver runs what the other packages do with the connection, over each way there is to reach ClickHouse.
func TestDriver(t *testing.T) {
	ways := map[string]func(*testing.T) *warehouse.Warehouse{"default": func(t *testing.T) *warehouse.Warehouse { return engine.Open(t) }}
	if os.Getenv(engine.DSNEnv) == "" {
		ways["socket"] = func(t *testing.T) *warehouse.Warehouse {
			w, err := warehouse.Open(context.Background(), warehouse.Config{Data: dataDir(t), Database: "livello_socket"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.Close() })
			if w.Mode() != warehouse.Remote {
				t.Fatalf("mode %s", w.Mode())
			}
			return w
		}
	}
	for name, open := range ways {
		t.Run(name, func(t *testing.T) { testDriver(t, open(t)) })
	}
}

// dataDir is the folder of the test binary's engine.
func dataDir(t *testing.T) string {
	t.Helper()
	var path string
	if err := engine.Shared(t).QueryRow(context.Background(), "SELECT value FROM system.server_settings WHERE name = 'path'").Scan(&path); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(filepath.Clean(path))
}

func testDriver(t *testing.T, w *warehouse.Warehouse) {
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.Exec(ctx, "CREATE TABLE IF NOT EXISTS t (id UInt64, name LowCardinality(String), at DateTime64(3, 'UTC'), tags Map(LowCardinality(String), String), price Decimal(18, 4), maybe Nullable(Int32)) ENGINE = MergeTree ORDER BY id"))

	// A batch, row by row.
	at := time.Date(2026, 3, 1, 12, 30, 0, 123_000_000, time.UTC)
	batch, err := w.PrepareBatch(ctx, "INSERT INTO t (id, name, at, tags)")
	must(err)
	for i := range 1000 {
		must(batch.Append(uint64(i), "n"+strconv.Itoa(i%3), at, map[string]string{"k": strconv.Itoa(i)}))
	}
	must(batch.Send())

	// A block that was encoded before, with a token: sent twice, it counts once.
	var id proto.ColUInt64
	name := new(proto.ColStr).LowCardinality()
	for i := range 5 {
		id.Append(uint64(10_000 + i))
		name.Append("native")
	}
	var buf proto.Buffer
	must(proto.Block{Columns: 2, Rows: 5}.EncodeRawBlock(&buf, 0, []proto.InputColumn{{Name: "id", Data: id}, {Name: "name", Data: name}}))
	must(w.Exec(ctx, "ALTER TABLE t MODIFY SETTING non_replicated_deduplication_window = 100"))
	for range 2 {
		must(w.InsertFormat(ctx, "Native", "INSERT INTO t (id, name) SETTINGS insert_deduplication_token = 'segment-1', async_insert = 0", bytes.NewReader(buf.Buf)))
	}
	var n uint64
	must(w.QueryRow(ctx, "SELECT count() FROM t WHERE name = 'native'").Scan(&n))
	if n != 5 {
		t.Errorf("a block sent twice with a token counts %d rows, want 5", n)
	}

	// Rows back, with parameters of both kinds.
	type row struct {
		ID   uint64            `ch:"id"`
		Name string            `ch:"name"`
		At   time.Time         `ch:"at"`
		Tags map[string]string `ch:"tags"`
	}
	var rows []row
	must(w.Select(ctx, &rows, "SELECT id, name, at, tags FROM t WHERE id < {limit:UInt64} AND name = {name:String} ORDER BY id", clickhouse.Named("limit", "10"), clickhouse.Named("name", "n1")))
	if len(rows) != 3 || rows[1].ID != 4 || !rows[1].At.Equal(at) || rows[1].Tags["k"] != "4" {
		t.Errorf("rows %+v", rows)
	}
	must(w.QueryRow(ctx, "SELECT count() FROM t WHERE id >= ? AND name IN (?)", 500, []string{"n0", "n2"}).Scan(&n))
	if n != 334 {
		t.Errorf("bound: %d", n)
	}

	// A large result in several blocks.
	got, err := w.Query(ctx, "SELECT number, toString(number) FROM numbers(300000)")
	must(err)
	var sum, number uint64
	var text string
	for got.Next() {
		must(got.Scan(&number, &text))
		sum += number
	}
	must(errors.Join(got.Err(), got.Close()))
	if sum != 300000*299999/2 || text != "299999" {
		t.Errorf("sum %d, last %s", sum, text)
	}

	// A formatted result as it is.
	stream, err := w.QueryFormat(ctx, "CSVWithNames", "SELECT id, name FROM t WHERE id < 2 ORDER BY id")
	must(err)
	out, err := io.ReadAll(stream)
	must(errors.Join(err, stream.Close()))
	if string(out) != "\"id\",\"name\"\n0,\"n0\"\n1,\"n1\"\n" {
		t.Errorf("CSV %q", out)
	}

	// Settings, also per query.
	var threads uint64
	must(w.QueryRow(clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_block_size": 77})), "SELECT toUInt64(getSetting('max_block_size'))").Scan(&threads))
	if threads != 77 {
		t.Errorf("setting %d", threads)
	}

	// Errors keep their code, at the beginning and in the middle of a result.
	if err := w.Exec(ctx, "SELECT * FROM nothing"); engine.Code(err) != 60 {
		t.Errorf("unknown table: %v", err)
	}
	got, err = w.Query(ctx, "SELECT throwIf(number = 2000000, 'too far') FROM numbers(3000000)")
	if err == nil {
		for got.Next() {
		}
		err = errors.Join(got.Err(), got.Close())
	}
	if engine.Code(err) != 395 {
		t.Errorf("error in the middle: %v", err)
	}
	stream, err = w.QueryFormat(ctx, "CSV", "SELECT throwIf(number = 2000000, 'too far') FROM numbers(3000000)")
	if err == nil {
		_, err = io.Copy(io.Discard, stream)
		stream.Close()
	}
	if engine.Code(err) != 395 {
		t.Errorf("error in the middle of a stream: %v", err)
	}

	// A deadline ends the statement.
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if err := w.QueryRow(short, "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1").Scan(&n); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the deadline of 200 ms took %v", took)
	}
	must(w.Ping(ctx))
}

func TestSQLHandler(t *testing.T) {
	holder := engine.Shared(t)
	w := engine.Open(t)
	ctx := context.Background()
	if err := w.Exec(ctx, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Exec(ctx, "INSERT INTO t VALUES (42)"); err != nil {
		t.Fatal(err)
	}
	h, err := holder.SQLHandler(warehouse.SQLOptions{User: "analyst", Password: "p@ss word/?", Database: w.Database()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	u, _ := url.Parse(server.URL)

	// clickhouse-go over TCP, as an analyst's program has it.
	u.User, u.Path = url.UserPassword("analyst", "p@ss word/?"), "/"+w.Database()
	options, err := clickhouse.ParseDSN(u.String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var n uint64
	if err := conn.QueryRow(ctx, "SELECT n FROM t WHERE n = {n:UInt64}", clickhouse.Named("n", "42")).Scan(&n); err != nil || n != 42 {
		t.Errorf("%d, %v", n, err)
	}
	for sql, code := range map[string]int{
		"CREATE TABLE u (n UInt64) ENGINE = Memory": 164,
		"INSERT INTO t VALUES (1)":                  164,
		"SELECT file('/etc/passwd')":                497,
	} {
		if err := conn.Exec(ctx, sql); engine.Code(err) != code {
			t.Errorf("%s: %v, want code %d", sql, err, code)
		}
	}
	for _, compression := range []clickhouse.CompressionMethod{clickhouse.CompressionLZ4, clickhouse.CompressionZSTD, clickhouse.CompressionGZIP, clickhouse.CompressionBrotli} {
		options, _ := clickhouse.ParseDSN(u.String())
		options.Compression = &clickhouse.Compression{Method: compression, Level: 3}
		conn, err := clickhouse.Open(options)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.QueryRow(ctx, "SELECT sum(number) FROM numbers(1000)").Scan(&n); err != nil || n != 499500 {
			t.Errorf("compression %v: %d, %v", compression, n, err)
		}
		conn.Close()
	}

	// A wrong password shows neither itself nor the right one.
	u.User = url.UserPassword("analyst", "wrong-password-7")
	_, err = warehouse.Open(ctx, warehouse.Config{DSN: u.String()})
	if err == nil || strings.Contains(err.Error(), "wrong-password-7") || engine.Code(err) != 516 {
		t.Errorf("wrong password: %v", err)
	}

	// Through the endpoint itself, a DSN works too: a second machine reading the first.
	u.User = url.UserPassword("analyst", "p@ss word/?")
	remote, err := warehouse.Open(ctx, warehouse.Config{DSN: u.String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remote.Close() })
	if err := remote.QueryRow(ctx, "SELECT n FROM t").Scan(&n); err != nil || n != 42 || remote.Database() != w.Database() {
		t.Errorf("%d, %v, database %s", n, err, remote.Database())
	}
	if _, err := remote.SQLHandler(warehouse.SQLOptions{User: "a", Password: "b"}); !errors.Is(err, warehouse.ErrNoSQLHandler) {
		t.Errorf("SQLHandler of a server: %v", err)
	}
}

func TestExclusiveSaysWhoHolds(t *testing.T) {
	_, err := warehouse.Open(context.Background(), warehouse.Config{Data: dataDir(t), Exclusive: true})
	var held *embedded.HeldError
	if !errors.As(err, &held) || held.Holder.PID != os.Getpid() {
		t.Errorf("exclusive: %v", err)
	}
}

func TestOpenWantsOnePlace(t *testing.T) {
	for _, c := range []warehouse.Config{{}, {DSN: "http://localhost", Data: "x"}} {
		if _, err := warehouse.Open(context.Background(), c); err == nil || !strings.Contains(err.Error(), "--dsn") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Nothing answers: the error names the place and hides the password.
func TestUnreachableServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	address := strings.TrimPrefix(server.URL, "http://")
	server.Close()
	_, err := warehouse.Open(context.Background(), warehouse.Config{DSN: "http://u:hunter%232@" + address + "/db?password=hunter%232"})
	if err == nil || !strings.Contains(err.Error(), address) {
		t.Fatalf("%v", err)
	}
	if strings.Contains(err.Error(), "hunter") {
		t.Errorf("the password is in the message: %v", err)
	}
}
