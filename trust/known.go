package trust

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Known is a difference that a verification found and no later one found right: of a table and a day, or a month where it is kept by month.
type Known struct {
	Table   string    `json:"table"`
	Day     string    `json:"day"`
	Service string    `json:"service,omitempty"` // of the table spool: whose
	Numbers uint64    `json:"numbers"`           // how many differ
	Details string    `json:"details"`
	Since   time.Time `json:"since"` // when it was found first
}

func (k Known) same(o Known) bool {
	return k.Table == o.Table && k.Day == o.Day && k.Service == o.Service
}

// compared is what a verification looked at.
type compared struct {
	parts   []part
	whole   bool      // everything there is
	lacking []Lacking // of that, what it left out
	service string    // whose spool it knows; with spool
	spool   bool
}

// part is a span within a month, and the tables that were compared there.
type part struct {
	span
	tables []string
}

// has says whether what is known would have been found again if it were still so.
func (c compared) has(k Known) bool {
	if k.Table == spoolTable {
		return c.spool && k.Service == c.service
	}
	day, err := time.Parse(time.DateOnly, k.Day)
	if err != nil {
		return false
	}
	if c.whole { // also of a month that nothing is left of
		return !slices.ContainsFunc(c.lacking, func(l Lacking) bool { return l.Table == k.Table && l.Month == day.Format("2006-01") })
	}
	return slices.ContainsFunc(c.parts, func(p part) bool {
		if !slices.Contains(p.tables, k.Table) {
			return false
		}
		if slices.Contains(byMonth, k.Table) {
			return firstOfMonth(p.from).Equal(day)
		}
		return !day.Before(p.from) && day.Before(p.to)
	})
}

// readKnown answers what is known to be wrong, in order.
func readKnown(ctx context.Context, db DB) ([]Known, error) {
	rows, err := db.Query(ctx, `SELECT toString(table_name), toString(day), service, toUInt64(numbers), details, since
FROM known_differences FINAL
WHERE numbers > 0
ORDER BY table_name, day, service`)
	if err != nil {
		return nil, fmt.Errorf("read known_differences: %w", err)
	}
	defer rows.Close()
	var all []Known
	for rows.Next() {
		var k Known
		if err := rows.Scan(&k.Table, &k.Day, &k.Service, &k.Numbers, &k.Details, &k.Since); err != nil {
			return nil, fmt.Errorf("read known_differences: %w", err)
		}
		all = append(all, k)
	}
	return all, rows.Err()
}

// remember writes down what a verification that began at that time found wrong, and what it found right again, and answers what is known to be wrong then.
func (v *Verifier) remember(ctx context.Context, began time.Time, c compared, differences []Difference) ([]Known, error) {
	before, err := readKnown(ctx, v.DB)
	if err != nil {
		return nil, err
	}
	var write []Known
	for _, d := range differences {
		k := Known{Table: d.Table, Day: d.Day, Numbers: 1, Details: d.line(), Since: began}
		if d.Table == spoolTable {
			k.Service = c.service
		}
		if at := slices.IndexFunc(write, k.same); at >= 0 {
			if write[at].Numbers++; write[at].Numbers <= knownLines {
				write[at].Details += "\n" + k.Details
			}
			continue
		}
		if at := slices.IndexFunc(before, k.same); at >= 0 {
			k.Since = before[at].Since
		}
		write = append(write, k)
	}
	for _, k := range before {
		if c.has(k) && !slices.ContainsFunc(write, k.same) {
			k.Numbers, k.Details = 0, ""
			write = append(write, k)
		}
	}
	for some := range slices.Chunk(write, 200) { // they travel in an address
		if err := v.writeKnown(ctx, began, some); err != nil {
			return nil, err
		}
	}
	return readKnown(ctx, v.DB)
}

// knownLines bounds what known_differences keeps of a day.
const knownLines = 3

func (v *Verifier) writeKnown(ctx context.Context, began time.Time, some []Known) error {
	columns := make([][]string, 6)
	for _, k := range some {
		for i, value := range []string{k.Table, k.Day, k.Service, strconv.FormatUint(k.Numbers, 10), k.Details, k.Since.UTC().Format(milliseconds)} {
			columns[i] = append(columns[i], value)
		}
	}
	err := v.DB.Exec(ctx, `INSERT INTO known_differences (table_name, day, service, numbers, details, since, at)
SELECT r.1, toDate(r.2), r.3, toUInt32(r.4), r.5, toDateTime64(r.6, 3, 'UTC'), {at:DateTime64(3, 'UTC')}
FROM
(
    SELECT arrayJoin(arrayZip({tables:Array(String)}, {days:Array(String)}, {services:Array(String)}, {numbers:Array(String)}, {details:Array(String)}, {since:Array(String)})) AS r
)
SETTINGS async_insert = 0, insert_deduplicate = 0`,
		named("at", began.UTC().Format(milliseconds)), named("tables", columns[0]), named("days", columns[1]), named("services", columns[2]),
		named("numbers", columns[3]), named("details", columns[4]), named("since", columns[5]))
	if err != nil {
		return fmt.Errorf("write known_differences: %w", err)
	}
	return nil
}

const milliseconds = "2006-01-02 15:04:05.000"

// numbersOf adds up how many numbers are known to be wrong.
func numbersOf(known []Known) (n uint64) {
	for _, k := range known {
		n += k.Numbers
	}
	return n
}

// line is a difference in a line.
func (d Difference) line() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s.%s: expected %s, found %s", d.Day, d.Table, d.Measure, d.Expected, d.Found)), " ")
}
