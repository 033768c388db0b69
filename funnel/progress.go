package funnel

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// progress is the row of funnel_progress.
type progress struct {
	there        bool
	until        time.Time
	definitions  uint32
	identitiesAt time.Time
	identities   uint64
	rates        uint64
}

func (p progress) differs(was progress) bool {
	return !was.there || !p.until.Equal(was.until) || p.definitions != was.definitions || !p.identitiesAt.Equal(was.identitiesAt) ||
		p.identities != was.identities || p.rates != was.rates
}

// identitySlack is how far apart the times of two resolvers may be that write at once. They go by the clock of the database.
const identitySlack = 10 * time.Second

// readProgress reads what was noted last, and what there is now.
func (k *Keeper) readProgress(ctx context.Context) (was, is progress, err error) {
	rows, err := k.o.DB.Query(ctx, `SELECT
    noted.there > 0,
    noted.until,
    noted.definitions,
    noted.identities_at,
    noted.identities,
    noted.rates,
    (SELECT max(version) FROM definitions),
    (SELECT max(at) FROM person_map) AS newest,
    (SELECT count() FROM person_map WHERE at > (SELECT max(at) FROM person_map) - toIntervalMillisecond({slack:Int64})),
    (SELECT sum(cityHash64(day, currency, base, rate)) FROM rates FINAL)
FROM
(
    SELECT
        count() AS there,
        max(until) AS until,
        max(definitions) AS definitions,
        max(identities_at) AS identities_at,
        max(identities) AS identities,
        max(rates) AS rates
    FROM funnel_progress FINAL
) AS noted`, named("slack", strconv.FormatInt(identitySlack.Milliseconds(), 10)))
	if err != nil {
		return was, is, fmt.Errorf("read how far metrics are: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return was, is, fmt.Errorf("read how far metrics are: no row: %w", rows.Err())
	}
	if err := rows.Scan(&was.there, &was.until, &was.definitions, &was.identitiesAt, &was.identities, &was.rates,
		&is.definitions, &is.identitiesAt, &is.identities, &is.rates); err != nil {
		return was, is, fmt.Errorf("read how far metrics are: %w", err)
	}
	was.until = was.until.UTC()
	is.there = true
	return was, is, rows.Err()
}

// note writes down that the days that follow from p were asked for. Of two keepers that do so at once either row is right: the one that knows
// less has more asked for again.
func (k *Keeper) note(ctx context.Context, p progress) error {
	err := k.o.DB.Exec(ctx, `INSERT INTO funnel_progress (one, at, until, definitions, identities_at, identities, rates)
SELECT
    1,
    greatest(fromUnixTimestamp64Milli({now:Int64}, 'UTC'), (SELECT max(at) FROM funnel_progress) + toIntervalMillisecond(1)),
    toDate({until:String}),
    {definitions:UInt32},
    fromUnixTimestamp64Milli({moved:Int64}, 'UTC'),
    {identities:UInt64},
    {rates:UInt64}
SETTINGS async_insert = 0, insert_deduplicate = 0`,
		k.now(), named("until", p.until.Format(time.DateOnly)), named("definitions", strconv.FormatUint(uint64(p.definitions), 10)),
		named("moved", strconv.FormatInt(p.identitiesAt.UnixMilli(), 10)), named("identities", strconv.FormatUint(p.identities, 10)),
		named("rates", strconv.FormatUint(p.rates, 10)))
	if err != nil {
		return fmt.Errorf("note how far metrics are: %w", err)
	}
	return nil
}

// now is the parameter now. Clocks may step, and another keeper may have another one: what has to be later than a row says so in SQL.
func (k *Keeper) now() driver.NamedValue {
	return named("now", strconv.FormatInt(k.o.Now().UnixMilli(), 10))
}

func named(name, value string) driver.NamedValue {
	return driver.NamedValue{Name: name, Value: value}
}
