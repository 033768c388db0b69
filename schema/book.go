package schema

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// States of an entry.
const (
	StateStarted = "started" // begun; when nobody is at it any more, it was cut off
	StateApplied = "applied"
	StateFailed  = "failed"
	StateDropped = "dropped" // a view that left the repository
	StatePending = "pending" // only in Status: not begun
)

// entry is a row of schema_migrations.
type entry struct {
	kind      string
	version   uint32
	name      string
	checksum  string
	state     string
	startedAt time.Time
	appliedAt time.Time
	err       string
	binary    string
}

// book is schema_migrations, read once: for each file the entry of its last run.
type book struct {
	exists bool // whether the table does
	last   map[key]entry
	latest time.Time // the greatest startedAt, so that the next one is greater whatever the clocks do
}

type key struct{ kind, name string }

func readBook(ctx context.Context, db DB) (*book, error) {
	b := &book{last: map[key]entry{}}
	objects, err := ourObjects(ctx, db)
	if err != nil {
		return nil, err
	}
	if b.exists = objects["schema_migrations"] != ""; !b.exists {
		return b, nil
	}
	rows, err := db.Query(ctx, `SELECT kind, version, name, checksum, state, started_at, applied_at, error, binary
FROM schema_migrations FINAL
ORDER BY started_at, kind, version, name`)
	if err != nil {
		return nil, fmt.Errorf("read schema_migrations: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.kind, &e.version, &e.name, &e.checksum, &e.state, &e.startedAt, &e.appliedAt, &e.err, &e.binary); err != nil {
			return nil, fmt.Errorf("read schema_migrations: %w", err)
		}
		k := key{e.kind, e.name}
		if e.kind == KindMigration {
			// A migration is its number: one that was renamed must be noticed, not applied again.
			k.name = fmt.Sprint(e.version)
		}
		b.last[k] = e
		b.latest = e.startedAt
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read schema_migrations: %w", err)
	}
	return b, nil
}

func (b *book) of(f file) (entry, bool) {
	k := key{f.kind, f.name}
	if f.kind == KindMigration {
		k.name = fmt.Sprint(f.version)
	}
	e, ok := b.last[k]
	return e, ok
}

// begin is the time of a new run, later than that of every run before it.
func (b *book) begin(now time.Time) time.Time {
	now = now.UTC().Truncate(time.Millisecond)
	if !now.After(b.latest) {
		now = b.latest.Add(time.Millisecond)
	}
	b.latest = now
	return now
}

// write appends entries, all or none. A row of the same run replaces the one before.
func (b *book) write(ctx context.Context, db DB, entries ...entry) error {
	if len(entries) == 0 {
		return nil
	}
	const timeFormat = "2006-01-02 15:04:05.000"
	var query strings.Builder
	query.WriteString("INSERT INTO schema_migrations (kind, version, name, checksum, state, started_at, applied_at, error, binary)\n")
	var args []any
	for i, e := range entries {
		if i > 0 {
			query.WriteString("\nUNION ALL\n")
		}
		appliedAt := "1970-01-01 00:00:00.000"
		if !e.appliedAt.IsZero() {
			appliedAt = e.appliedAt.UTC().Format(timeFormat)
		}
		query.WriteString("SELECT ")
		for n, column := range []struct {
			name, typ string
			value     any
		}{
			{"kind", "String", e.kind}, {"version", "UInt32", e.version}, {"name", "String", e.name}, {"checksum", "String", e.checksum},
			{"state", "String", e.state}, {"started_at", "DateTime64(3, 'UTC')", e.startedAt.Format(timeFormat)},
			{"applied_at", "DateTime64(3, 'UTC')", appliedAt}, {"error", "String", e.err}, {"binary", "String", e.binary},
		} {
			if n > 0 {
				query.WriteString(", ")
			}
			parameter := fmt.Sprintf("%s_%d", column.name, i)
			fmt.Fprintf(&query, "{%s:%s}", parameter, column.typ)
			args = append(args, driver.NamedValue{Name: parameter, Value: column.value})
		}
	}
	if err := db.Exec(ctx, query.String(), args...); err != nil {
		return fmt.Errorf("write schema_migrations: %w", err)
	}
	return nil
}

// ourObjects are the tables and views of the current database: name to engine.
func ourObjects(ctx context.Context, db DB) (map[string]string, error) {
	rows, err := db.Query(ctx, "SELECT name, engine FROM system.tables WHERE database = currentDatabase()")
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	defer rows.Close()
	objects := map[string]string{}
	for rows.Next() {
		var name, engine string
		if err := rows.Scan(&name, &engine); err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		objects[name] = engine
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	return objects, nil
}

// binaryVersion is what the running program calls itself: its module version, or the commit it was built from.
func binaryVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (version == "" || version == "(devel)") {
			return s.Value
		}
	}
	return version
}
