package trust

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/livello/livello/internal/ask"
)

// shadowPrefix is how the names begin of what a rebuild makes and drops.
const shadowPrefix = "rebuild_"

// rollup is a table that a materialized view keeps from events.
type rollup struct {
	table   string
	view    string
	query   string   // the view's SELECT, as ClickHouse has it: the one definition
	columns []string // of the view
	prefix  string   // of what this rebuilder makes
}

func (r rollup) shadow() string       { return quote(r.prefix + r.table) }
func (r rollup) shadowView() string   { return quote(r.prefix + r.table + "_view") }
func (r rollup) shadowEvents() string { return quote(r.prefix + "events") }

var (
	fromEvents = regexp.MustCompile("(?i)\\bFROM\\s+(?:(?:`[^`]+`|\\w+)\\.)?(?:`events`|events)\\b")
	viewTarget = regexp.MustCompile("(?s)^CREATE MATERIALIZED VIEW \\S+ TO (?:(?:`[^`]+`|\\w+)\\.)?(?:`([^`]+)`|(\\w+))")
)

// fill is the INSERT of what the attached partition holds, one copy of each event. Months of many people are grouped in part on
// disk rather than in memory that the machine does not have. No block may be skipped for looking like another one.
// threads bounds the processors it takes; 0 is no bound.
func (r rollup) fill(threads int) string {
	bound := ""
	if threads > 0 {
		bound = fmt.Sprintf(", max_threads = %d", threads)
	}
	var names []string
	for _, c := range r.columns {
		names = append(names, quote(c))
	}
	list := strings.Join(names, ", ")
	return "INSERT INTO " + r.shadow() + " (" + list + ")\nSELECT " + list + " FROM (" +
		fromEvents.ReplaceAllString(r.query, "FROM "+r.shadowEvents()+" AS events FINAL") +
		")\nSETTINGS insert_deduplicate = 0, async_insert = 0, max_partitions_per_insert_block = 0, " +
		"max_bytes_before_external_group_by = 268435456, do_not_merge_across_partitions_select_final = 1" + bound
}

// rollups are the tables kept by materialized views on events and partitioned by month, in the order of their names.
func (b *Rebuilder) rollups(ctx context.Context) ([]rollup, error) {
	rows, err := b.DB.Query(ctx, `SELECT name, create_table_query, as_select
FROM system.tables
WHERE database = currentDatabase() AND engine = 'MaterializedView' AND NOT startsWith(name, {prefix:String})
ORDER BY name`, named("prefix", shadowPrefix))
	if err != nil {
		return nil, fmt.Errorf("list rollups: %w", err)
	}
	defer rows.Close()
	var all []rollup
	for rows.Next() {
		r := rollup{prefix: b.prefix()}
		var create string
		if err := rows.Scan(&r.view, &create, &r.query); err != nil {
			return nil, fmt.Errorf("list rollups: %w", err)
		}
		target := viewTarget.FindStringSubmatch(create)
		if len(fromEvents.FindAllString(r.query, -1)) != 1 || target == nil {
			continue // it is fed by something else, or by more than events: it cannot be made again from them alone
		}
		r.table = target[1] + target[2]
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list rollups: %w", err)
	}
	return b.byMonth(ctx, all)
}

// byMonth keeps the rollups that are partitioned by month, which can be swapped in by months, and fills in their columns. Another
// table fed from events is a queue of what came lately, such as touched_ids: it has no past to make again.
func (b *Rebuilder) byMonth(ctx context.Context, fed []rollup) ([]rollup, error) {
	monthly, err := ask.Texts(ctx, b.DB, "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(partition_key, 'toYYYYMM(')")
	if err != nil {
		return nil, fmt.Errorf("partitions of rollups: %w", err)
	}
	all := slices.DeleteFunc(fed, func(r rollup) bool { return !slices.Contains(monthly, r.table) })
	var views []string
	for _, r := range all {
		views = append(views, r.view)
	}
	rows, err := b.DB.Query(ctx, "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND table IN {views:Array(String)} ORDER BY table, position", named("views", views))
	if err != nil {
		return nil, fmt.Errorf("columns of rollups: %w", err)
	}
	defer rows.Close()
	columns := map[string][]string{}
	for rows.Next() {
		var view, column string
		if err := rows.Scan(&view, &column); err != nil {
			return nil, fmt.Errorf("columns of rollups: %w", err)
		}
		columns[view] = append(columns[view], column)
	}
	for i := range all {
		all[i].columns = columns[all[i].view]
	}
	return all, rows.Err()
}

func quote(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}
