-- identity_edges adds up to what events say, per month (its day is the first of the month) and for the right pairs of ids.
WITH
    raw AS
    (
        SELECT
            toStartOfMonth(toDate(ts)) AS day,
            if(type = 'alias', previous_id, anonymous_id) AS joined_id,
            user_id,
            if(type = 'alias', 'alias', 'identify') AS how,
            ts
        FROM events FINAL
        WHERE ts >= toDateTime64(toStartOfMonth({from:Date}), 3, 'UTC') AND ts < toDateTime64(addMonths(toStartOfMonth({to:Date} - 1), 1), 3, 'UTC')
          AND user_id != '' AND joined_id != '' AND joined_id != user_id
    ),
    expected AS
    (
        SELECT
            day,
            [
                ('evidence', toDecimal128(count(), 4)),
                ('first_at', toDecimal128(toUnixTimestamp64Milli(min(ts)), 4)),
                ('last_at', toDecimal128(toUnixTimestamp64Milli(max(ts)), 4)),
                ('by_pair', toDecimal128(sum(cityHash64(joined_id, user_id, how)), 4))
            ] AS measures
        FROM raw
        GROUP BY day
    ),
    found AS
    (
        SELECT
            month AS day,
            [
                ('evidence', toDecimal128(sum(evidence), 4)),
                ('first_at', toDecimal128(toUnixTimestamp64Milli(min(first_at)), 4)),
                ('last_at', toDecimal128(toUnixTimestamp64Milli(max(last_at)), 4)),
                ('by_pair', toDecimal128(sum(cityHash64(distinct_id, user_id, kind) * evidence), 4))
            ] AS measures
        FROM identity_edges
        WHERE month >= toStartOfMonth({from:Date}) AND month < {to:Date}
        GROUP BY day
    )
SELECT day, sums.1 AS measure, toString(sumIf(sums.2, side = 'expected')) AS expected, toString(sumIf(sums.2, side = 'found')) AS found
FROM
(
    SELECT 'expected' AS side, * FROM expected
    UNION ALL
    SELECT 'found' AS side, * FROM found
)
ARRAY JOIN measures AS sums
GROUP BY day, measure
ORDER BY day, measure
