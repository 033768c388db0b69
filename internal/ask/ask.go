// Package ask puts small questions to the database, whose answer is a number or a list of texts.
package ask

import (
	"context"
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DB is what this package needs of a connection; clickhouse-go's driver.Conn is one.
type DB interface {
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
}

// Number answers the one number that query is about, a UInt64; no row is zero. The error is the database's as it is.
func Number(ctx context.Context, db DB, query string, args ...any) (n uint64, err error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if rows.Next() {
		err = rows.Scan(&n)
	}
	if err == nil {
		err = rows.Err()
	}
	return n, err
}

// Texts answers the column of texts that query is about. The error is the database's as it is.
func Texts(ctx context.Context, db DB, query string, args ...any) ([]string, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

// NoTable says that an error is ClickHouse's about a table that is not there.
func NoTable(err error) bool {
	const unknownTable = 60
	var answer *clickhouse.Exception
	return errors.As(err, &answer) && answer.Code == unknownTable
}
