package trust

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/livello/livello/internal/background"
)

// Difference is a number that is not what it should be.
type Difference struct {
	Day      string `json:"day"`   // 2026-03-01; of a table that is kept by month the first of it
	Table    string `json:"table"` // the one that is wrong, compared with what it is made from
	Measure  string `json:"measure"`
	Expected string `json:"expected"`
	Found    string `json:"found"`
	Meaning  string `json:"meaning"` // what it says, and the way out
}

// Report is the result of a verification.
type Report struct {
	At          time.Time    `json:"at"`
	From        string       `json:"from"` // first day compared
	To          string       `json:"to"`   // the day after the last one
	Days        int          `json:"days"` // with events or receipts
	Events      uint64       `json:"events"`
	Sums        int          `json:"sums"` // numbers compared
	Repeats     uint64       `json:"repeats"`
	Differences []Difference `json:"differences"`
	Accepted    []Accepted   `json:"accepted"` // differences of these days that a person took as they are, and that are not among Differences any more; null: none
	Lacking     []Lacking    `json:"lacking"`  // months of rollups that came with an update, being filled in and not compared; null: none
	Spool       *Spool       `json:"spool"`    // of the service that verified; null: it has none
	Known       []Known      `json:"known"`    // differences that earlier verifications found, and that this one did not look at; null: none
	Seconds     float64      `json:"seconds"`
}

// Verifier compares receipts, raw events and rollups. Safe for concurrent use; it must not be copied.
type Verifier struct {
	DB     DB
	Hold   Hold
	Logger *slog.Logger
	// Rebuilder is what history is filled in with, so that a report can say why a month still lacks it. Nil: nobody knows.
	Rebuilder *Rebuilder
	// Spool answers what of the accepted events is in no table yet, or never will be. Nil: there is no spool to ask.
	Spool func() (Spool, error)
	// Service tells this service's spool from those of others on the same database. It must stay the same after a restart.
	Service string
	// Busy says that loading is behind: what Watch does waits for it, but not for ever. Nil: never.
	Busy func() bool
	// MendRepeats has Watch make rollups again that counted late repetitions twice, with Rebuilder. Nobody else may rebuild in this database meanwhile but through it.
	MendRepeats bool

	seen seen
	soon time.Duration // after the start of Watch; 0: soon
}

// Verify compares the days from from up to but not including to; a zero time is no limit. It writes what it found into the
// table verifications. The error says that it could not compare; differences are no error.
func (v *Verifier) Verify(ctx context.Context, from, to time.Time) (Report, error) {
	all, err := v.everything(ctx)
	if err != nil {
		return Report{}, err
	}
	var spans []span
	for _, s := range all {
		if !from.IsZero() && midnight(from).After(s.from) {
			s.from = midnight(from)
		}
		if !to.IsZero() && midnight(to).Before(s.to) {
			s.to = midnight(to)
		}
		if s.from.Before(s.to) {
			spans = append(spans, s)
		}
	}
	return v.verify(ctx, spans, from.IsZero() && to.IsZero(), false)
}

// everything is the months that any of the tables knows, in order: what a table lacks entirely is found through the others.
func (v *Verifier) everything(ctx context.Context) ([]span, error) {
	rows, err := v.DB.Query(ctx, `SELECT DISTINCT month FROM
(
    SELECT toDate(parseDateTimeBestEffort(concat(partition, '01'))) AS month
    FROM system.parts
    WHERE database = currentDatabase() AND active AND table IN {tables:Array(String)}
    UNION ALL
    SELECT DISTINCT toStartOfMonth(day) FROM receipts
)
ORDER BY month`, named("tables", checks))
	if err != nil {
		return nil, fmt.Errorf("list the months there are: %w", err)
	}
	defer rows.Close()
	var months []span
	for rows.Next() {
		var month time.Time
		if err := rows.Scan(&month); err != nil {
			return nil, fmt.Errorf("list the months there are: %w", err)
		}
		first := firstOfMonth(month)
		months = append(months, span{first, first.AddDate(0, 1, 0)})
	}
	return months, rows.Err()
}

// verify compares the spans, each within a month. whole says that these are all there are. Gently means with one thread, behind events that come in, and with a rest
// after each month that is as long as the month took; what has to be looked at again while the loader is held is looked at at full speed.
func (v *Verifier) verify(ctx context.Context, spans []span, whole, gently bool) (Report, error) {
	began := time.Now()
	r := Report{Differences: []Difference{}}
	if len(spans) > 0 {
		r.From, r.To = spans[0].from.Format(time.DateOnly), spans[len(spans)-1].to.Format(time.DateOnly)
	}
	lacking, err := ReadLacking(ctx, v.DB)
	if err != nil {
		return r, err
	}
	if v.Rebuilder != nil {
		lacking = v.Rebuilder.unfilled.explain(lacking)
	}
	did := compared{whole: whole, lacking: lacking, service: v.Service}
	looking := ctx
	if gently {
		looking = background.AfterLoading(ctx, 1)
	}
	for i, s := range spans {
		start := time.Now()
		tables := slices.Clone(checks)
		for _, l := range lacking {
			if l.Month == s.from.Format("2006-01") {
				r.Lacking = append(r.Lacking, l)
				tables = slices.DeleteFunc(tables, func(table string) bool { return table == l.Table })
			}
		}
		sums, err := v.compare(looking, s, tables)
		if err != nil {
			return r, err
		}
		if differ(sums) {
			if sums, err = v.settle(ctx, s, sums); err != nil {
				return r, err
			}
		}
		r.add(sums)
		did.parts = append(did.parts, part{s, tables})
		if gently && i+1 < len(spans) {
			if err := background.Rest(ctx, 0, time.Since(start), v.Busy); err != nil {
				return r, err
			}
		}
	}
	if err := v.repeats(ctx, spans, &r); err != nil {
		return r, err
	}
	if v.Spool != nil {
		aside, err := v.Spool()
		if err != nil {
			return r, fmt.Errorf("look into the spool: %w", err)
		}
		r.Spool, did.spool = &aside, true
		r.Differences = append(r.Differences, aside.differences()...)
	}
	r.At, r.Seconds = time.Now().UTC().Truncate(time.Millisecond), time.Since(began).Seconds()
	known, err := v.remember(ctx, began, did, r.Differences)
	if err != nil {
		return r, err
	}
	for _, k := range known {
		if !did.has(k) {
			r.Known = append(r.Known, k)
		}
	}
	if err := v.record(ctx, r, whole); err != nil {
		return r, err
	}
	v.seen.set(r, known)
	return r, nil
}

// sum is a row of a check.
type sum struct {
	day                             time.Time
	table, measure, expected, found string
}

func differ(sums []sum) bool {
	return slices.ContainsFunc(sums, func(s sum) bool { return s.expected != s.found })
}

// compare runs the checks of the tables over a span.
func (v *Verifier) compare(ctx context.Context, s span, tables []string) ([]sum, error) {
	var sums []sum
	for _, table := range tables {
		text, err := statement(table)
		if err == nil {
			text, err = withViews(ctx, v.DB, text)
		}
		if err != nil {
			return nil, err
		}
		// Parts of two months never hold the same event; sums of hashes may run over.
		rows, err := v.DB.Query(ctx, text+"\nSETTINGS do_not_merge_across_partitions_select_final = 1", s.args()...)
		if err != nil {
			return nil, fmt.Errorf("verify %s of %s: %w", table, s.from.Format("2006-01"), err)
		}
		for rows.Next() {
			one := sum{table: table}
			if err := rows.Scan(&one.day, &one.measure, &one.expected, &one.found); err != nil {
				rows.Close()
				return nil, fmt.Errorf("verify %s of %s: %w", table, s.from.Format("2006-01"), err)
			}
			sums = append(sums, one)
		}
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("verify %s of %s: %w", table, s.from.Format("2006-01"), err)
		}
	}
	return sums, nil
}

// settle compares what differs within a span again, at a moment in which every segment is loaded in whole or not at all, after noting the copies that explain why fewer
// events are stored than were accepted. Only these tables and days are looked at, because the loader waits meanwhile; a table that is kept by month needs the month.
func (v *Verifier) settle(ctx context.Context, s span, sums []sum) ([]sum, error) {
	var byDays, byMonths []string
	var days span
	for _, one := range sums {
		switch {
		case one.expected == one.found:
		case slices.Contains(byMonth, one.table):
			if !slices.Contains(byMonths, one.table) {
				byMonths = append(byMonths, one.table)
			}
		default:
			if !slices.Contains(byDays, one.table) {
				byDays = append(byDays, one.table)
			}
			day := midnight(one.day)
			if days.from.IsZero() || day.Before(days.from) {
				days.from = day
			}
			if !day.Before(days.to) {
				days.to = day.AddDate(0, 0, 1)
			}
		}
	}
	release, err := v.Hold.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	var again []sum
	if len(byDays) > 0 {
		if again, err = v.settled(ctx, days, byDays); err != nil {
			return nil, err
		}
	}
	if len(byMonths) > 0 {
		more, err := v.compare(ctx, s, byMonths)
		if err != nil {
			return nil, err
		}
		again = append(again, more...)
	}
	left := slices.DeleteFunc(slices.Clone(sums), func(one sum) bool {
		return slices.Contains(byMonths, one.table) || slices.Contains(byDays, one.table) && !one.day.Before(days.from) && one.day.Before(days.to)
	})
	all := append(left, again...)
	slices.SortStableFunc(all, func(a, b sum) int {
		return cmp.Or(cmp.Compare(slices.Index(checks, a.table), slices.Index(checks, b.table)), a.day.Compare(b.day))
	})
	return all, nil
}

// settled compares tables within a span, after noting copies of which events do not tell. The caller holds the loader.
func (v *Verifier) settled(ctx context.Context, s span, tables []string) ([]sum, error) {
	sums, err := v.compare(ctx, s, tables)
	if err != nil {
		return nil, err
	}
	fewer := slices.ContainsFunc(sums, func(s sum) bool { return s.table == "events" && s.expected != s.found })
	if !fewer {
		return sums, nil
	}
	note, err := statement("note_repeats")
	if err != nil {
		return nil, err
	}
	if err := v.DB.Exec(ctx, note, s.args()...); err != nil {
		return nil, fmt.Errorf("note repeated events of %s: %w", s.from.Format("2006-01"), err)
	}
	if sums, err = v.compare(ctx, s, tables); err != nil {
		return nil, err
	}
	if found, err := v.noteMergedCopies(ctx, sums); err != nil || !found {
		return sums, err
	}
	return v.compare(ctx, s, tables)
}

func (r *Report) add(sums []sum) {
	days := map[time.Time]bool{}
	for _, s := range sums {
		r.Sums++
		if s.table == "events" {
			days[s.day] = true
			if s.measure == "events" {
				n, _ := strconv.ParseUint(s.found, 10, 64) // a count that the check itself printed
				r.Events += n
			}
		}
		if s.expected != s.found {
			r.Differences = append(r.Differences, Difference{
				Day: s.day.Format(time.DateOnly), Table: s.table, Measure: s.measure, Expected: s.expected, Found: s.found, Meaning: meaning(s),
			})
		}
	}
	r.Days += len(days)
}

func meaning(s sum) string {
	if s.table != "events" {
		return "the rollup does not add up to its events: livello rebuild --from " + s.day.Format("2006-01") + " --to " + s.day.Format("2006-01") + " --table " + s.table
	}
	expected, err1 := strconv.ParseInt(s.expected, 10, 64)
	found, err2 := strconv.ParseInt(s.found, 10, 64)
	switch {
	case s.measure != "events" || err1 != nil || err2 != nil:
		return "other events are stored than were accepted"
	case found < expected:
		return fmt.Sprintf("%d accepted events are not stored (lost, or sent again after dedupe.window and merged before anybody looked); when you know why: livello verify --accept %s", expected-found, s.day.Format(time.DateOnly))
	default:
		return fmt.Sprintf("%d events are stored that no receipt knows (written past the spool, or of a damaged segment); when you know why: livello verify --accept %s", found-expected, s.day.Format(time.DateOnly))
	}
}

// repeats counts the copies beyond the first that the spans are known to have, and reads what people accepted of them.
func (v *Verifier) repeats(ctx context.Context, spans []span, r *Report) error {
	if len(spans) == 0 {
		return nil
	}
	whole := span{spans[0].from, spans[len(spans)-1].to}
	copies, err := v.copies(ctx, whole)
	for _, n := range copies {
		r.Repeats += n
	}
	if err == nil {
		r.Accepted, err = v.accepted(ctx, whole)
	}
	return err
}

// detailLines bounds what verifications keeps of a run.
const detailLines = 20

func (v *Verifier) record(ctx context.Context, r Report, whole bool) error {
	if r.From == "" {
		r.From, r.To = "1970-01-01", "1970-01-01"
	}
	var details []string
	for _, d := range r.Differences[:min(len(r.Differences), detailLines)] {
		details = append(details, d.line())
	}
	everything := "0"
	if whole {
		everything = "1"
	}
	err := v.DB.Exec(ctx, `INSERT INTO verifications (at, from_day, to_day, days, events, sums, differences, details, took, whole)
SELECT {at:DateTime64(3, 'UTC')}, {from:Date}, {to:Date}, {days:UInt32}, {events:UInt64}, {sums:UInt64}, {differences:UInt32}, {details:String}, {took:Float64}, {whole:UInt8}
SETTINGS async_insert = 0, insert_deduplicate = 0`,
		named("at", r.At.Format(milliseconds)), named("from", r.From), named("to", r.To), named("days", strconv.Itoa(r.Days)),
		named("events", strconv.FormatUint(r.Events, 10)), named("sums", strconv.Itoa(r.Sums)), named("differences", strconv.Itoa(len(r.Differences))),
		named("details", strings.Join(details, "\n")), named("took", strconv.FormatFloat(r.Seconds, 'f', 3, 64)),
		named("whole", everything))
	if err != nil {
		return fmt.Errorf("write verifications: %w", err)
	}
	return nil
}
