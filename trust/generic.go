package trust

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/livello/livello/internal/ask"
)

// asMade says whether a rollup that has no check of its own in sql/ holds what its view would make of a month's events now: the rows of
// both are merged by the types of the table's columns, and hashed. It names no day and no measure, and leaves out what may depend on the
// order of merging (estimates, any), so it serves to find out whether a rebuild is needed, not to explain a difference.
func (r rollup) asMade(ctx context.Context, db DB, month time.Time) (bool, error) {
	rows, err := db.Query(ctx, "SELECT name, type, is_in_sorting_key FROM system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position", named("table", r.table))
	if err != nil {
		return false, fmt.Errorf("columns of %s: %w", r.table, err)
	}
	defer rows.Close()
	var keys, values []string
	for rows.Next() {
		var name, kind string
		var key uint8
		if err := rows.Scan(&name, &kind, &key); err != nil {
			return false, fmt.Errorf("columns of %s: %w", r.table, err)
		}
		if key != 0 {
			keys = append(keys, quote(name))
		} else if v := merged(quote(name), kind); v != "" {
			values = append(values, v)
		}
	}
	if err := rows.Err(); err != nil {
		return false, fmt.Errorf("columns of %s: %w", r.table, err)
	}
	partition := month.Format("200601")
	sum := func(from string) string {
		return "SELECT concat(toString(count()), ' ', toString(sum(cityHash64(one)))) FROM (SELECT toString(tuple(" + strings.Join(append(keys, values...), ", ") +
			")) AS one FROM " + from + " GROUP BY " + strings.Join(keys, ", ") + ")"
	}
	made := "(" + fromEvents.ReplaceAllString(r.query, "FROM (SELECT * FROM events FINAL WHERE _partition_id = '"+partition+"') AS events") + ")"
	found, err := ask.Texts(ctx, db, sum(made)+" UNION ALL "+sum("(SELECT * FROM "+quote(r.table)+" WHERE _partition_id = '"+partition+"')"))
	if err != nil {
		return false, fmt.Errorf("compare %s of %s: %w", r.table, month.Format("2006-01"), err)
	}
	return len(found) == 2 && found[0] == found[1], nil
}

// merged is a column's value of all rows of a key, as text that does not depend on their order; "" when there is none.
func merged(column, kind string) string {
	simple, is := strings.CutPrefix(kind, "SimpleAggregateFunction(")
	if !is {
		return "" // a state that is an estimate, or a column of which one row's value is kept
	}
	function, of, _ := strings.Cut(simple, ", ")
	switch {
	case function == "sum" && strings.HasPrefix(of, "Float"):
		return "round(sum(" + column + "), 6)" // the last digits depend on the order
	case function == "sum" || function == "min" || function == "max" || function == "sumMap":
		return function + "(" + column + ")"
	case function == "groupArrayArray":
		return "arraySort(groupArrayArray(" + column + "))"
	case function == "groupUniqArrayArray":
		return "arraySort(groupUniqArrayArray(" + column + "))"
	default:
		return ""
	}
}
