package loader

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/internal/background"
)

const (
	// smallMerge is how large a part may become by a merge while loading is behind, in compressed bytes: about a million events, so that each is merged once or twice.
	smallMerge = 32 << 20
	// manyParts is how many parts of a table and partition are too many to put off merging them.
	manyParts = 300
	// behindFor is how long loading has to be behind, or not to be, until something is done about it.
	behindFor = 10 * time.Second
)

// mergeLimit is the setting of a table that says how large a part may become by a merge.
const mergeLimit = "max_bytes_to_merge_at_max_space_in_pool"

// Merges has large merges wait while loading is behind: they take as much of the processors as the INSERTs themselves, the more the more there is, and
// nobody gains by them in that moment. Once loading has caught up they are made up for. A limit that a killed process left is taken off by the next
// one. For the embedded engine: a server has merges of its own to think of.
type Merges struct {
	DB     Inserter
	Behind func() bool // says that events wait
	Logger *slog.Logger

	largest int64         // 0: smallMerge
	parts   uint64        // 0: manyParts
	settled time.Duration // 0: behindFor
}

// Run watches loading until ctx ends; then merges may be large again.
func (m Merges) Run(ctx context.Context) {
	m.largest, m.parts, m.settled = cmp.Or(m.largest, smallMerge), cmp.Or(m.parts, manyParts), cmp.Or(m.settled, behindFor)
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := m.release(ending); err != nil {
			m.Logger.Warn("large merges are still put off; the next start changes that", "error", err)
		}
	}()
	since, behind := time.Now(), m.Behind()
	free := false        // no table has the limit
	var looked time.Time // when loading was behind, at parts and tables
	background.Loop{
		Every: m.settled / 10,
		Failed: func(err error) {
			m.Logger.Warn("it cannot be said now how large merges may be; trying again", "error", err)
		},
	}.Run(ctx, func(ctx context.Context) error {
		if now := m.Behind(); now != behind {
			since, behind = time.Now(), now
		}
		switch {
		case time.Since(since) < m.settled, !behind && free, behind && time.Since(looked) < m.settled:
			return nil
		case !behind:
			err := m.end(ctx)
			free = err == nil
			return err
		}
		free, looked = false, time.Now()
		many, err := m.tooMany(ctx)
		if err != nil {
			return err
		}
		if many {
			return m.end(ctx)
		}
		return m.limit(ctx)
	})
}

// end takes the limit off, and says so.
func (m Merges) end(ctx context.Context) error {
	tables, err := m.release(ctx)
	if len(tables) > 0 {
		m.Logger.Info("large merges go on", "tables", len(tables))
	}
	return err
}

// limit has merges of large tables stay small, of those for which it does not hold yet.
func (m Merges) limit(ctx context.Context) error {
	tables, err := m.tables(ctx, "total_bytes > {largest:Int64} AND position(engine_full, {setting:String}) = 0")
	if err != nil || len(tables) == 0 {
		return err
	}
	for _, table := range tables {
		if err := m.alter(ctx, table, fmt.Sprintf("MODIFY SETTING %s = %d", mergeLimit, m.largest)); err != nil {
			return err
		}
	}
	m.Logger.Info("large merges wait until loading has caught up", "tables", len(tables))
	return nil
}

// release takes the limit off the tables that have it, and answers which. A limit of somebody else's stays.
func (m Merges) release(ctx context.Context) (tables []string, err error) {
	if tables, err = m.tables(ctx, "match(engine_full, concat({setting:String}, ' = ', toString({largest:Int64}), '(,|$)'))"); err != nil {
		return nil, err
	}
	for _, table := range tables {
		if err := m.alter(ctx, table, "RESET SETTING "+mergeLimit); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

func (m Merges) alter(ctx context.Context, table, what string) error {
	err := m.DB.Exec(ctx, "ALTER TABLE {table:Identifier} "+what, clickhouse.Named("table", table))
	if ask.NoTable(err) { // a table of a moment, dropped meanwhile
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s of %s: %w", what, table, err)
	}
	return nil
}

// tables are the names of those that merge and that a condition holds for.
func (m Merges) tables(ctx context.Context, condition string) ([]string, error) {
	names, err := ask.Texts(ctx, m.DB, "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND "+condition,
		clickhouse.Named("largest", m.largest), clickhouse.Named("setting", mergeLimit))
	if err != nil {
		return nil, fmt.Errorf("look for tables to merge: %w", err)
	}
	return names, nil
}

// tooMany says whether a partition has so many parts that even while loading is behind they have to be merged.
func (m Merges) tooMany(ctx context.Context) (bool, error) {
	most, err := ask.Number(ctx, m.DB, "SELECT max(n) FROM (SELECT count() AS n FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table, partition_id)")
	if err != nil {
		return false, fmt.Errorf("count parts: %w", err)
	}
	return most > m.parts, nil
}
