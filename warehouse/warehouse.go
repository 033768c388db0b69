// Package warehouse opens ClickHouse, wherever it is: a server or cluster by DSN, the embedded engine in a data folder, or
// the embedded engine of another process that holds the folder.
//
// Open always gives the same thing, a clickhouse-go connection over HTTP, so that statements, batches, InsertFormat and
// QueryFormat work alike and no other package knows which of the three it talks to:
//
//	w, err := warehouse.Open(ctx, warehouse.Config{Data: "./livello-data"})   // or DSN: "http://user:pass@host:8123/livello"
//	defer w.Close()
//	err = w.InsertFormat(ctx, "Native", "INSERT INTO events (...)", segment)
//
// The package knows nothing of tables; it makes sure that the database exists and leaves the rest to the migrator.
package warehouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/livello/livello/warehouse/embedded"
)

// DefaultDatabase is where tables and views live unless the configuration or the DSN names another database.
const DefaultDatabase = "livello"

// Config says where the warehouse is. Either DSN or Data is set.
type Config struct {
	// DSN of a server: http(s)://user:password@host:8123/database?setting=value. clickhouse:// is taken for HTTP when its
	// port is an HTTP one (8123, 8443) or missing; the native port is refused, because streaming inserts need HTTP.
	DSN string
	// Data is the data folder of the embedded engine. When another process holds it, Open connects to that process.
	Data string

	Engine    string   // path of libchdb.so; empty: see embedded.Find
	Database  string   // default: the DSN's, or "livello"
	Cluster   string   // name for ON CLUSTER; empty on a single node
	Exclusive bool     // fail with *embedded.HeldError when the folder is held, instead of connecting to its holder
	Command   string   // what LOCK says about this process; default: the program's name and first argument
	MaxMemory int64    // bytes for the embedded engine; default 75 % of the machine's
	Readable  []string // databases that SQLHandler lets clients read; default: the database, and those of tests ("livello*")

	// Lazy has Open of a server not connect: the first statement does, and fails while the server is away. Ensure creates the
	// database then. Without effect on the embedded engine.
	Lazy bool

	MaxConns int // connections at a time; default 32
	Logger   *slog.Logger
}

// Mode says how a Warehouse reaches ClickHouse.
type Mode string

const (
	Server   Mode = "server"   // by DSN
	Embedded Mode = "embedded" // the engine runs in this process, which holds the data folder
	Remote   Mode = "socket"   // the engine runs in the process that holds the data folder
)

// Warehouse is an open connection pool to one database. Its driver.Conn is safe for concurrent use.
type Warehouse struct {
	driver.Conn
	mode     Mode
	database string
	cluster  string
	engine   *embedded.Engine // when it runs in this process
	folder   *embedded.Folder // when this Warehouse holds it
	options  *clickhouse.Options
	log      *slog.Logger
}

// Open connects, checks that ClickHouse answers, and creates the database when it is missing. Errors never show passwords.
func Open(ctx context.Context, c Config) (*Warehouse, error) {
	if (c.DSN == "") == (c.Data == "") {
		return nil, errors.New("open warehouse: set either a data folder (--data) or a DSN (--dsn), not both")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Command == "" {
		c.Command = commandName()
	}
	deadline := time.Now().Add(socketPatience)
	for {
		w, err := open(ctx, c)
		// Whoever held the folder may leave it just when it is asked. Nothing has been asked of it yet but who it is.
		if err == nil || !errors.Is(err, errHolderLeft) || ctx.Err() != nil || time.Now().After(deadline) {
			return w, err
		}
	}
}

// errHolderLeft says that the process that held the folder was there, and was gone before it said which ClickHouse it has.
var errHolderLeft = errors.New("the process that held the data folder has left it")

func open(ctx context.Context, c Config) (*Warehouse, error) {
	w := &Warehouse{database: c.Database, cluster: c.Cluster, log: c.Logger}
	var options *clickhouse.Options
	var err error
	if c.DSN != "" {
		w.mode = Server
		options, err = parseDSN(c.DSN)
	} else {
		options, err = w.openFolder(ctx, c)
	}
	if err != nil {
		return nil, fmt.Errorf("open warehouse: %w", err)
	}
	if w.database == "" {
		w.database = options.Auth.Database
	}
	if w.database == "" {
		w.database = DefaultDatabase
	}
	if err := w.connect(ctx, options, c); err != nil {
		if w.mode == Remote && cutOff(err) {
			err = fmt.Errorf("%w: %w", errHolderLeft, err)
		}
		err = fmt.Errorf("open warehouse (%s): %w", redact(c.DSN, c.Data), redactError(err, options.Auth.Password))
		if w.folder != nil {
			err = errors.Join(err, w.folder.Close())
		}
		return nil, err
	}
	return w, nil
}

// connect makes the pool, after a first connection without a database, because ClickHouse refuses a session in one that is
// missing.
func (w *Warehouse) connect(ctx context.Context, options *clickhouse.Options, c Config) error {
	options.Protocol = clickhouse.HTTP
	options.MaxOpenConns = c.MaxConns
	if options.MaxOpenConns <= 0 {
		options.MaxOpenConns = 32
	}
	options.MaxIdleConns = options.MaxOpenConns
	options.ClientInfo.Products = append(options.ClientInfo.Products, struct{ Name, Version string }{"livello", "1"})

	options.Auth.Database = w.database
	w.options = options
	if !c.Lazy || c.DSN == "" {
		if err := w.ensure(ctx); err != nil {
			return err
		}
	}
	var err error
	w.Conn, err = clickhouse.Open(options)
	return err
}

// Ensure checks that ClickHouse answers and creates the database when it is missing: what Open does unless it is lazy.
func (w *Warehouse) Ensure(ctx context.Context) error {
	if err := w.ensure(ctx); err != nil {
		return fmt.Errorf("connect to %s: %w", strings.Join(w.options.Addr, ", "), redactError(err, w.options.Auth.Password))
	}
	return nil
}

func (w *Warehouse) ensure(ctx context.Context) error {
	bare := *w.options
	bare.Auth.Database = ""
	conn, err := clickhouse.Open(&bare)
	if err != nil {
		return err
	}
	err = w.ensureDatabase(ctx, conn)
	if closeErr := conn.Close(); err == nil {
		err = closeErr
	}
	return err
}

// ensureDatabase creates the database only when it is missing, so that a user without the right to create one can still
// work in one that is there.
func (w *Warehouse) ensureDatabase(ctx context.Context, conn driver.Conn) error {
	var n uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM system.databases WHERE name = ?", w.database).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return nil
	}
	sql := "CREATE DATABASE IF NOT EXISTS " + quoteName(w.database)
	if w.cluster != "" {
		sql += " ON CLUSTER " + quoteName(w.cluster)
	}
	if err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("create database %s: %w", w.database, err)
	}
	return nil
}

func quoteName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// OpenDatabase opens another database, created when missing, beside this one on the same ClickHouse. Closing it leaves this
// warehouse open; it must be closed first.
func (w *Warehouse) OpenDatabase(ctx context.Context, database string) (*Warehouse, error) {
	options := *w.options
	options.ClientInfo.Products = nil
	other := &Warehouse{mode: w.mode, database: database, cluster: w.cluster, log: w.log, engine: w.engine}
	if err := other.connect(ctx, &options, Config{MaxConns: options.MaxOpenConns}); err != nil {
		return nil, fmt.Errorf("open database %s: %w", database, redactError(err, options.Auth.Password))
	}
	return other, nil
}

// Mode says how ClickHouse is reached.
func (w *Warehouse) Mode() Mode { return w.mode }

// Database is the name of the database that unqualified table names mean.
func (w *Warehouse) Database() string { return w.database }

// Cluster is the name for ON CLUSTER, empty on a single node.
func (w *Warehouse) Cluster() string { return w.cluster }

// SQLOptions say who may read over the network and within which limits.
type SQLOptions = embedded.ReadOnlyOptions

// ErrNoSQLHandler is returned by SQLHandler when the engine does not run in this process.
var ErrNoSQLHandler = errors.New("the SQL endpoint is served by the process that runs the embedded engine; a ClickHouse server has its own HTTP port, with users and quotas")

// SQLHandler returns the read-only ClickHouse HTTP interface for other programs. Only a Warehouse whose engine runs in this
// process has one; otherwise the error is ErrNoSQLHandler.
func (w *Warehouse) SQLHandler(o SQLOptions) (http.Handler, error) {
	if w.mode != Embedded {
		return nil, ErrNoSQLHandler
	}
	if o.Database == "" {
		o.Database = w.database
	}
	return w.engine.ReadOnly(o)
}

// Close closes the pool and then, in the process that holds the data folder, its socket, engine and lock.
func (w *Warehouse) Close() error {
	err := w.Conn.Close()
	if w.folder != nil {
		err = errors.Join(err, w.folder.Close())
	}
	if err != nil {
		return fmt.Errorf("close warehouse: %w", err)
	}
	return nil
}

func commandName() string {
	name := filepath.Base(os.Args[0])
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		name += " " + os.Args[1]
	}
	return name
}
