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
	customersDue bool
}

func (p progress) differs(was progress) bool {
	return !was.there || !p.until.Equal(was.until) || p.definitions != was.definitions || !p.identitiesAt.Equal(was.identitiesAt) ||
		p.identities != was.identities || p.rates != was.rates || p.customersDue != was.customersDue
}

// readProgress reads what was noted last, and what there is now.
func (k *Keeper) readProgress(ctx context.Context) (was, is progress, err error) {
	rows, err := k.o.DB.Query(ctx, `SELECT
    noted.there > 0,
    noted.until,
    noted.definitions,
    noted.identities_at,
    noted.identities,
    noted.rates,
    noted.customers_due > 0,
    (SELECT max(version) FROM definitions),
    (SELECT max(at) FROM person_map) AS newest,
    (SELECT count() FROM person_map WHERE at = (SELECT max(at) FROM person_map)),
    (SELECT sum(cityHash64(day, currency, base, rate)) FROM rates FINAL),
    toUnixTimestamp64Milli(greatest(noted.at, (SELECT max(at) FROM funnel_days), if({first:UInt8} = 1, (SELECT max(computed_at) FROM person_term_days), noted.at)))
FROM
(
    SELECT
        count() AS there,
        max(until) AS until,
        max(definitions) AS definitions,
        max(identities_at) AS identities_at,
        max(identities) AS identities,
        max(rates) AS rates,
        max(customers_due) AS customers_due,
        max(at) AS at
    FROM funnel_progress FINAL
) AS noted`, named("first", map[bool]string{true: "1", false: "0"}[k.version == 0]))
	if err != nil {
		return was, is, fmt.Errorf("read how far metrics are: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return was, is, fmt.Errorf("read how far metrics are: no row: %w", rows.Err())
	}
	var version int64
	if err := rows.Scan(&was.there, &was.until, &was.definitions, &was.identitiesAt, &was.identities, &was.rates, &was.customersDue,
		&is.definitions, &is.identitiesAt, &is.identities, &is.rates, &version); err != nil {
		return was, is, fmt.Errorf("read how far metrics are: %w", err)
	}
	k.version = max(k.version, version)
	was.until = was.until.UTC()
	is.there = true
	return was, is, rows.Err()
}

// note writes down that the days that follow from p are noted as due.
func (k *Keeper) note(ctx context.Context, p progress) error {
	err := k.o.DB.Exec(ctx, `INSERT INTO funnel_progress (one, at, until, definitions, identities_at, identities, rates, customers_due)
SELECT 1, fromUnixTimestamp64Milli({at:Int64}, 'UTC'), toDate({until:String}), {definitions:UInt32}, fromUnixTimestamp64Milli({moved:Int64}, 'UTC'), {identities:UInt64}, {rates:UInt64}, {due:UInt8}
SETTINGS async_insert = 0, insert_deduplicate = 0`,
		k.stamp(), named("until", p.until.Format(time.DateOnly)), named("definitions", strconv.FormatUint(uint64(p.definitions), 10)),
		named("moved", strconv.FormatInt(p.identitiesAt.UnixMilli(), 10)), named("identities", strconv.FormatUint(p.identities, 10)),
		named("rates", strconv.FormatUint(p.rates, 10)), named("due", map[bool]string{true: "1", false: "0"}[p.customersDue]))
	if err != nil {
		return fmt.Errorf("note how far metrics are: %w", err)
	}
	return nil
}

// stamp is the parameter at of what is written now: the clock, but never a time at or before what was written last.
func (k *Keeper) stamp() driver.NamedValue {
	k.version = max(k.o.Now().UnixMilli(), k.version+1)
	return named("at", strconv.FormatInt(k.version, 10))
}

func named(name, value string) driver.NamedValue {
	return driver.NamedValue{Name: name, Value: value}
}
