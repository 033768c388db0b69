// Package schema holds the tables and views of Livello as SQL files, and the migrator that brings a database to them.
//
// migrations/NNNN_what.sql are applied once, in order, one statement per file, and never change once released. views/NN_name.sql
// hold no data; they are recreated, in order, whenever a migration was applied or one of them changed. The files never name the
// database: it is the connection's current one. docs/schema.md describes what they make.
package schema

import (
	"context"
	"errors"
	"log/slog"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DB is what the migrator needs of a ClickHouse connection; clickhouse-go's driver.Conn is one.
type DB interface {
	Exec(ctx context.Context, query string, args ...any) error
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
}

// Options say how statements are rendered and where progress is told.
type Options struct {
	// Cluster is the name of a ClickHouse cluster. With one, every statement runs ON CLUSTER and tables are Replicated.
	// Empty is a single node.
	Cluster string
	// Version is what schema_migrations remembers of the program. Empty is what its build says of itself.
	Version string
	// Logger is told of each statement. Nil is silence.
	Logger *slog.Logger
}

func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// ErrNewerDatabase says that a newer binary migrated this database. The older one must not touch it.
var ErrNewerDatabase = errors.New("the database is newer than this binary")

// ErrChanged says that the text of an applied migration is not the one that was applied, or is gone.
var ErrChanged = errors.New("an applied migration has changed")
