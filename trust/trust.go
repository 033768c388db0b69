// Package trust proves that the numbers are right, and makes them right when they are not.
//
// # Verify
//
// Three things are written down independently of one another: receipts (what the spool gave to the loader, summed up from its bytes before
// ClickHouse saw them, and written when all of it was confirmed), the raw events, and the rollups that materialized views kept. What was accepted and is in
// no table has no receipt: a Verifier asks the spool for it. Each file of sql/ is one check: it compares
// one table with what it is made from, per day, and answers rows (day, measure, expected, found). Verify runs them and reports
// where the two differ.
//
// An event is what has one key in events (distinct_id, ts, event_id). Receipts count what was accepted, so an event that was sent again
// after the deduplication window counts twice there and, until they are rebuilt, in the rollups; events keeps one copy, as soon as
// its parts merge. Verify notes such copies in the table repeats while they still lie side by side, and from then on expects that
// many fewer. Of copies that merged before any run saw them one of a day is known by its hash; more are reported as missing: this package does not
// guess. A person may take what is missing as it is (Accept). Rollups that counted copies are made again by Watch, where these explain all of what differs.
//
// What differs is kept in the table known_differences until a later run has compared the same and found it right: a run looks at some days only.
//
// It works while events come in: days that differ are compared again with the loader held between two segments.
//
// # Mend
//
// Mend is what the loader asks for after a segment that ClickHouse confirmed only when it was sent again: rollups of its days that do
// not add up are rebuilt. See mend.go.
//
// # Rebuild
//
// Rebuild recomputes whole months of rollups from raw, beside the live tables, and swaps them in, while ingest goes on. See rebuild.go.
package trust

import (
	"context"
	"embed"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DB is what this package needs of a connection; clickhouse-go's driver.Conn is one.
type DB interface {
	Exec(ctx context.Context, query string, args ...any) error
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
}

// Hold keeps the loader between two segments until release is called; see loader.Hold. A nil Hold says that nobody loads.
type Hold func(context.Context) (release func(), err error)

func (h Hold) hold(ctx context.Context) (release func(), err error) {
	if h == nil {
		return func() {}, nil
	}
	return h(ctx)
}

//go:embed sql/*.sql
var files embed.FS

// checks are the tables that are compared with what they are made from, that with receipts first. Every table that a materialized view
// feeds is among them or in unchecked: a test sees to it, for tables to come, too.
var checks = []string{
	"events", "person_day", "person_signals", "channel_hour", "survey_day", "visit_day", "milestones",
	"person_month", "origins", "identity_edges", "account_members", "person_traits",
}

// byMonth are those of them that are kept by month: each look reads a month, and a difference has the first day of it.
var byMonth = []string{"person_month", "origins", "identity_edges", "account_members", "person_traits"}

// unchecked are the tables fed by materialized views that nobody compares with anything, and why.
var unchecked = map[string]string{
	"touched_ids":   "a queue of two days; what it holds twice or no longer is no fault",
	"touched_edges": "a queue of two days, fed from identity_edges",
	"rates":         "fed from measurements, not from events; each row is one of theirs, read beside it",
}

func statement(name string) (string, error) {
	text, err := files.ReadFile(path.Join("sql", name+".sql"))
	if err != nil {
		return "", fmt.Errorf("check %s: %w", name, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// span is a range of days, half-open, both midnight UTC.
type span struct{ from, to time.Time }

func (s span) args() []any {
	return []any{named("from", s.from.Format(time.DateOnly)), named("to", s.to.Format(time.DateOnly))}
}

// spansOf are the days, in order, as one span a month: a check reads the month's partition anyway.
func spansOf(days []time.Time) (spans []span) {
	for _, day := range days {
		day = midnight(day)
		if n := len(spans); n > 0 && firstOfMonth(spans[n-1].from).Equal(firstOfMonth(day)) {
			spans[n-1].to = day.AddDate(0, 0, 1)
			continue
		}
		spans = append(spans, span{day, day.AddDate(0, 0, 1)})
	}
	return spans
}

func named(name string, value any) driver.NamedValue {
	return driver.NamedValue{Name: name, Value: value}
}

func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

func firstOfMonth(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}
