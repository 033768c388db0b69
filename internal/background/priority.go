package background

import "github.com/ClickHouse/clickhouse-go/v2"

// AfterLoading are the settings of a statement that takes long and that nobody waits for. While events are inserted, which is said to come first (priority 1), it
// pauses before each block it reads, for a twentieth of a second at most, so that it goes on however much comes in. Statements that say nothing of priorities, as those of
// users, neither wait nor are waited for.
func AfterLoading() clickhouse.Settings {
	return clickhouse.Settings{"priority": 2, "low_priority_query_wait_time_ms": 50}
}
