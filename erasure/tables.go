package erasure

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/ask"
)

// table is one that names people.
type table struct {
	name, where string // where has %s for the set of ids
}

func (t *table) condition(w *work) string { return strings.ReplaceAll(t.where, "%s", w.ofPerson()) }

// idColumns name a person wherever they stand: one in a text, several in an array of texts.
var idColumns = []string{"distinct_id", "user_id", "anonymous_id", "previous_id", "person_id", "distinct_ids", "ids", "named"}

// counting are the rollups that name nobody but count what people did. They are recomputed for the months of a person who counted there.
var counting = []string{"channel_hour", "origins", "survey_day"}

// monthsOf stands behind a rollup's name in Certificate.Changed.
const monthsOf = "_months"

// exempt are the tables that an erasure leaves as they are, and why. Every table is either here, or among those that are recomputed, or has a
// column of idColumns: a test sees to it, for tables to come, too.
var exempt = map[string]string{
	"backfills":          "which months of which rollup are still to be filled",
	"definitions":        "what people decided about figures, not about people; applied_by names who applied them",
	"erased_days":        "counts per day",
	"erased_ids":         "the ids while an erasure goes on; its partition is dropped at the end",
	"erasures":           "the certificates: salted hashes",
	"explained_days":     "counts and sums of hashes per day; said_by names who accepted them",
	"funnel_days":        "which days are computed from which receipts",
	"funnel_progress":    "how far metrics are",
	"identity_progress":  "how far the resolver is",
	"known_differences":  "counts per day that were compared",
	"leases":             "which service does what, about no person",
	"measurements":       "figures of campaigns and channels, of nobody",
	"person_term_days":   "counts per day and channel; computed again when events were removed (Options.Recount)",
	"quarantine_replays": "ids of rejected records, not of people",
	"rates":              "exchange rates",
	"receipts":           "counts and sums of hashes per segment and day; erased_days says what is missing since",
	"recomputations":     "which days are to be computed again",
	"repeats":            "event ids and times, without which verify could not tell a copy from a loss",
	"schema_migrations":  "which statements made the tables",
	"tier_progress":      "how far the evaluation is",
	"verifications":      "counts per day that were compared",
}

// tables are all of the database that name people, whichever migration made them, and events last. A row of events belongs to
// whom its distinct_id names; other ids in it may be of another person (a device that two share), and are blanked.
func (e *Eraser) tables(ctx context.Context) ([]table, error) {
	// rebuild_* are shadows of a rebuild that goes on or was cut off.
	columns, err := ask.Texts(ctx, e.o.DB, `SELECT concat(c.table, '.', c.name, '.', c.type)
FROM system.columns AS c
INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
WHERE c.database = currentDatabase() AND t.engine LIKE '%MergeTree' AND c.type IN ('String', 'Array(String)')
  AND NOT startsWith(c.table, 'rebuild_') AND c.table NOT IN ('events', 'erased_ids')
  AND has({columns:Array(String)}, c.name)
ORDER BY c.table, c.position`, named("columns", idColumns))
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var all []table
	for _, column := range columns {
		name, rest, _ := strings.Cut(column, ".")
		id, kind, _ := strings.Cut(rest, ".")
		is := id + " IN %s"
		if kind != "String" {
			is = "hasAny(" + id + ", (SELECT groupArray(id) FROM %s))"
		}
		if name == "quarantine" {
			// A record that could not be read may be theirs all the same: it is when their id stands in it as a JSON text.
			is += " OR arrayExists(text -> position(payload, text) > 0 OR position(envelope, text) > 0, (SELECT groupArray(concat('\"', id, '\"')) FROM %s))"
		}
		if n := len(all); n > 0 && all[n-1].name == name {
			all[n-1].where += " OR " + is
		} else {
			all = append(all, table{name, is})
		}
	}
	return append(all, table{"events", "distinct_id IN %s"}), nil
}

var fromEvents = regexp.MustCompile("(?i)\\bFROM\\s+(?:(?:`[^`]+`|\\w+)\\.)?(?:`events`|events)\\b")

// monthsOf says in how many months the person counts in a rollup: those for which its view makes rows of their events.
func (e *Eraser) monthsOf(ctx context.Context, w *work, name string) (uint64, error) {
	queries, err := ask.Texts(ctx, e.o.DB, "SELECT as_select FROM system.tables WHERE database = currentDatabase() AND name = {view:String}", named("view", name+"_mv"))
	if err != nil || len(queries) == 0 {
		return 0, err // a schema without it
	}
	theirs := "SELECT * FROM events WHERE distinct_id IN " + w.ofPerson()
	rows, err := ask.Number(ctx, e.o.DB, "SELECT count() FROM ("+fromEvents.ReplaceAllLiteralString(queries[0], "FROM ("+theirs+") AS events")+")")
	if err != nil || rows == 0 {
		return 0, err
	}
	return ask.Number(ctx, e.o.DB, "SELECT uniqExact(toStartOfMonth(day)) FROM erased_days WHERE request = {request:UUID}", named("request", w.Request.String()))
}

// takenBack is the further condition on identity_decisions for splits by hand that took back only merges with the person. Without those
// merges such a split would mean something else: that evidence about the id, which is somebody else's, does not count.
func (e *Eraser) takenBack(ctx context.Context, w *work) (string, error) {
	rows, err := e.o.DB.Query(ctx, "SELECT decision, action, distinct_id, user_id, distinct_id IN "+w.ofPerson()+" OR user_id IN "+w.ofPerson()+" FROM identity_decisions ORDER BY at, decision")
	if err != nil {
		return "", fmt.Errorf("read identity_decisions: %w", err)
	}
	defer rows.Close()
	type merge struct {
		id, user string
		goes     bool
	}
	var standing []merge
	var splits []string
	for rows.Next() {
		var decision uuid.UUID
		var action string
		var m merge
		var goes uint8
		if err := rows.Scan(&decision, &action, &m.id, &m.user, &goes); err != nil {
			return "", fmt.Errorf("read identity_decisions: %w", err)
		}
		if m.goes = goes == 1; action == "merge" {
			standing = append(standing, m)
			continue
		}
		var kept []merge
		others := false
		for _, s := range standing {
			if s.id != m.id && s.user != m.id {
				kept = append(kept, s)
			} else if !s.goes {
				others = true
			}
		}
		if !m.goes && !others && len(kept) < len(standing) {
			splits = append(splits, "'"+decision.String()+"'")
		}
		standing = kept
	}
	if len(splits) == 0 {
		return "", rows.Err()
	}
	return " OR decision IN (" + strings.Join(splits, ", ") + ")", rows.Err()
}
