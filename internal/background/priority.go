package background

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// AfterLoading is the context of a statement that takes long and that nobody waits for, with so many threads at most; 0 is as many as ClickHouse takes for others. While events are inserted, which is said to come first (priority 1), it
// pauses before each block it reads, for a twentieth of a second at most, so that it goes on however much comes in. Statements that say nothing of priorities, as those of
// users, neither wait nor are waited for.
func AfterLoading(ctx context.Context, threads int) context.Context {
	settings := clickhouse.Settings{"priority": 2, "low_priority_query_wait_time_ms": 50}
	if threads > 0 {
		settings["max_threads"] = threads
	}
	return clickhouse.Context(ctx, clickhouse.WithSettings(settings))
}
