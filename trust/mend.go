package trust

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Mender has the rollups of given days add up to their events.
type Mender struct {
	Verifier  *Verifier
	Rebuilder *Rebuilder
	Logger    *slog.Logger
}

// mendAttempts bounds how often a month is rebuilt that does not add up: the loader of another node may have been in between.
const mendAttempts = 3

// Mend compares every rollup with the events on the given days, which are in order, and rebuilds those that differ, for the months they
// differ in. It answers how many months of tables it rebuilt. What receipts say is not looked at. The error says that it could not
// compare, or that a rollup differs from its events after it was rebuilt. A rollup without a check in sql/ is compared with what its view
// makes of the month (asMade).
//
// It costs what a verification of these days costs: a pass over the events of each month (of the days only, where the rollup is kept by
// day) and a rebuild of what differs. When nothing differs at the first look, nobody waits for it; otherwise the loader is held for the
// second one.
//
// A rebuild that is on its way is waited for: what was put into events since it began to read, past the views, is not in what it swaps in.
func (m *Mender) Mend(ctx context.Context, days []time.Time) (mended int, err error) {
	if err := m.Rebuilder.wait(); err != nil {
		return 0, err
	}
	for _, s := range spansOf(days) {
		more, err := m.unlike(ctx, s.from)
		if err != nil {
			return mended, err
		}
		done, err := m.mend(ctx, s, checks[1:], more...)
		if mended += done; err != nil {
			return mended, err
		}
	}
	return mended, nil
}

// mend rebuilds those of the tables that differ from their events within a span, and the unchecked ones, until none differs. It answers how many tables it rebuilt.
func (m *Mender) mend(ctx context.Context, s span, tables []string, uncheckedWrong ...string) (mended int, err error) {
	for attempt := 0; ; attempt++ {
		wrong, err := m.wrong(ctx, s, tables)
		if err != nil {
			return mended, err
		}
		if attempt == 0 {
			wrong = append(wrong, uncheckedWrong...)
		}
		if len(wrong) == 0 {
			return mended, nil
		}
		if attempt == mendAttempts {
			return mended, fmt.Errorf("rollups %v of %s differ from their events after %d rebuilds (livello verify shows how)", wrong, s.from.Format("2006-01"), attempt)
		}
		done, err := m.Rebuilder.Rebuild(ctx, s.from, s.from, wrong...)
		if err != nil {
			return mended, fmt.Errorf("mend %s: %w", s.from.Format("2006-01"), err)
		}
		mended += len(wrong)
		m.logger().Warn("rollups rebuilt that did not add up to their events", "month", s.from.Format("2006-01"), "tables", wrong,
			"seconds", done.Seconds, "held_seconds", done.Held)
		tables = slices.DeleteFunc(slices.Clone(wrong), func(table string) bool { return !slices.Contains(checks, table) })
	}
}

// wrong are those of the tables that differ from their events within a span.
func (m *Mender) wrong(ctx context.Context, s span, tables []string) ([]string, error) {
	sums, err := m.Verifier.compare(ctx, s, tables)
	if err != nil {
		return nil, err
	}
	tables = differing(sums)
	if len(tables) == 0 {
		return nil, nil
	}
	release, err := m.Verifier.Hold.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if sums, err = m.Verifier.compare(ctx, s, tables); err != nil {
		return nil, err
	}
	return differing(sums), nil
}

// unlike are those rollups without a check in sql/ that are not what their views would make of the month.
func (m *Mender) unlike(ctx context.Context, month time.Time) ([]string, error) {
	all, err := m.Rebuilder.rollups(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(r rollup) bool { return slices.Contains(checks, r.table) })
	look := func() (names []string, err error) {
		for _, r := range all {
			same, err := r.asMade(ctx, m.Verifier.DB, firstOfMonth(month))
			if err != nil {
				return nil, err
			}
			if !same {
				names = append(names, r.table)
			}
		}
		return names, nil
	}
	names, err := look()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	release, err := m.Verifier.Hold.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return look()
}

// differing are the tables of sums that are not what they should be, each once.
func differing(sums []sum) (tables []string) {
	for _, s := range sums {
		if s.expected != s.found && !slices.Contains(tables, s.table) {
			tables = append(tables, s.table)
		}
	}
	return tables
}

func (m *Mender) logger() *slog.Logger {
	if m.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return m.Logger
}
