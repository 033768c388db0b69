package queries_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/livello/livello/test/engine"
)

// database is what the tests need of a connection.
type database interface {
	QueryFormat(ctx context.Context, format, query string, args ...any) (io.ReadCloser, error)
	InsertFormat(ctx context.Context, format, query string, data io.Reader) error
	Exec(ctx context.Context, query string, args ...any) error
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
}

// openDatabase returns a fresh database with all tables and views.
func openDatabase(t testing.TB) database {
	t.Helper()
	return engine.Migrated(t)
}

// TestMain keeps random tests short unless -rapid.checks asks for more: each check is an insert and four questions.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "10"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}
