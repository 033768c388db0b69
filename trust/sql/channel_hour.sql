-- channel_hour adds up to what events say, per day and under the right keys.
--
-- by_key weighs each event with its hour, channel, kind, source, campaign and currency: an event counted under another key
-- leaves the plain sums as they were, and changes this one. people is an estimate that
-- depends a little on the order in which its states were merged (128 or 129 of the same ids, seen): within 2 % and one it counts as equal.
WITH
    raw AS
    (
        SELECT
            toDate(ts) AS day,
            cityHash64(toUnixTimestamp(toStartOfHour(toDateTime(ts, 'UTC'))), channel, kind, source, utm_campaign, currency) AS key,
            machine = '' AS human,
            distinct_id,
            value
        FROM events FINAL
        WHERE ts >= toDateTime64({from:Date}, 3, 'UTC') AND ts < toDateTime64({to:Date}, 3, 'UTC')
          AND kind NOT IN ('identify', 'group', 'alias')
    ),
    expected AS
    (
        SELECT
            day,
            [
                ('events', toDecimal128(count(), 4)),
                ('human_events', toDecimal128(sum(human), 4)),
                ('people', toDecimal128(uniqCombined64If(12)(distinct_id, human), 4)),
                ('value', sumIf(toDecimal128(value, 4), human)),
                ('by_key', toDecimal128(sum(key * toUInt64(1 + 2 * human)), 4))
            ] AS measures
        FROM raw
        GROUP BY day
    ),
    found AS
    (
        SELECT
            toDate(hour) AS day,
            [
                ('events', toDecimal128(sum(events), 4)),
                ('human_events', toDecimal128(sum(human_events), 4)),
                ('people', toDecimal128(uniqCombined64Merge(12)(people), 4)),
                ('value', toDecimal128(sum(value), 4)),
                ('by_key', toDecimal128(sum(cityHash64(toUnixTimestamp(hour), channel, kind, source, campaign, currency) * (events + 2 * human_events)), 4))
            ] AS measures
        FROM channel_hour
        WHERE hour >= toDateTime({from:Date}, 'UTC') AND hour < toDateTime({to:Date}, 'UTC')
        GROUP BY day
    )
SELECT
    day,
    measure,
    toString(wanted) AS expected,
    toString(if(measure = 'people' AND abs(counted - wanted) <= 1 + wanted / 50, wanted, counted)) AS found
FROM
(
    SELECT
        day,
        sums.1 AS measure,
        sumIf(sums.2, side = 'expected') AS wanted,
        sumIf(sums.2, side = 'found') AS counted
    FROM
    (
        SELECT 'expected' AS side, * FROM expected
        UNION ALL
        SELECT 'found' AS side, * FROM found
    )
    ARRAY JOIN measures AS sums
    GROUP BY day, measure
)
ORDER BY day, measure
