package funnel

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// The book is one row of person_term_days itself, of the day 1970-01-01 and no term: amount is the unix time up to which the days
// know everything.

// overlap is how far behind the last computation news are looked for: times of different clocks and of inserts under way.
const overlap = 15 * time.Second

// computed is when the last computation began; zero when there was none.
func (k *Keeper) computed(ctx context.Context) (time.Time, error) {
	var seconds float64
	err := k.row(ctx, "SELECT max(amount) FROM person_term_days FINAL WHERE day = toDate(0) AND term = ''", &seconds)
	if err != nil {
		return time.Time{}, fmt.Errorf("read when terms were computed: %w", err)
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
}

// note writes down that everything that was there at began is computed.
func (k *Keeper) note(ctx context.Context, began time.Time) error {
	err := k.o.DB.Exec(ctx, `INSERT INTO person_term_days (day, channel, term, amount, problem, computed_at)
SELECT toDate(0), '', '', {began:Float64}, '', now64(3, 'UTC')
SETTINGS async_insert = 0, insert_deduplicate = 0`, named("began", strconv.FormatFloat(float64(began.UnixMilli())/1000, 'f', 3, 64)))
	if err != nil {
		return fmt.Errorf("note when terms were computed: %w", err)
	}
	k.at.Set(float64(began.Unix()))
	return nil
}

// news is what came since a time.
type news struct {
	days        []time.Time // with new events, or of ids that belong to somebody else now
	rates       bool
	definitions bool
}

func (n news) any() bool { return len(n.days) > 0 || n.rates }

func (k *Keeper) news(ctx context.Context, since time.Time) (n news, err error) {
	from := named("since", since.Format("2006-01-02 15:04:05.000"))
	var rates, definitions uint64
	err = k.row(ctx, `SELECT
    (SELECT count() FROM rates WHERE received_at >= {since:DateTime64(3, 'UTC')}),
    (SELECT count() FROM definitions WHERE applied_at >= {since:DateTime64(3, 'UTC')})`, &rates, &definitions, from)
	if err != nil {
		return n, fmt.Errorf("look for new rates and definitions: %w", err)
	}
	n.rates, n.definitions = rates > 0, definitions > 0
	n.days, err = k.listDays(ctx, `SELECT DISTINCT day FROM receipts WHERE loaded_at >= {since:DateTime64(3, 'UTC')}
UNION DISTINCT
SELECT DISTINCT day FROM person_day
WHERE distinct_id IN (SELECT distinct_id FROM person_map WHERE at >= {since:DateTime64(3, 'UTC')})`, from)
	if err != nil {
		return n, fmt.Errorf("look for days with news: %w", err)
	}
	return n, nil
}

// history are the days on which anybody was there.
func (k *Keeper) history(ctx context.Context) ([]time.Time, error) {
	days, err := k.listDays(ctx, "SELECT DISTINCT day FROM person_day")
	if err != nil {
		return nil, fmt.Errorf("list the days there are: %w", err)
	}
	return days, nil
}

func (k *Keeper) listDays(ctx context.Context, query string, args ...any) ([]time.Time, error) {
	rows, err := k.o.DB.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var days []time.Time
	for rows.Next() {
		var d time.Time
		if err := rows.Scan(&d); err != nil {
			return nil, err
		}
		days = append(days, d.UTC())
	}
	return days, rows.Err()
}

// row reads a query's one row into the pointers among into; what is no pointer is an argument.
func (k *Keeper) row(ctx context.Context, query string, into ...any) error {
	var args []any
	var targets []any
	for _, x := range into {
		if arg, ok := x.(driver.NamedValue); ok {
			args = append(args, arg)
		} else {
			targets = append(targets, x)
		}
	}
	rows, err := k.o.DB.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return fmt.Errorf("no row: %w", rows.Err())
	}
	if err := rows.Scan(targets...); err != nil {
		return err
	}
	return rows.Err()
}

func named(name string, value any) driver.NamedValue {
	return driver.NamedValue{Name: name, Value: value}
}
