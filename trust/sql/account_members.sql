-- account_members adds up to what events say, per month (its day is the first of the month) and for the right pairs.
WITH
    expected AS
    (
        SELECT
            toStartOfMonth(toDate(ts)) AS day,
            [
                ('evidence', toDecimal128(count(), 4)),
                ('first_at', toDecimal128(toUnixTimestamp64Milli(min(ts)), 4)),
                ('last_at', toDecimal128(toUnixTimestamp64Milli(max(ts)), 4)),
                ('by_pair', toDecimal128(sum(cityHash64(distinct_id, account_id)), 4))
            ] AS measures
        FROM events FINAL
        WHERE ts >= toDateTime64(toStartOfMonth({from:Date}), 3, 'UTC') AND ts < toDateTime64(addMonths(toStartOfMonth({to:Date} - 1), 1), 3, 'UTC')
          AND account_id != '' AND distinct_id != ''
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
                ('by_pair', toDecimal128(sum(cityHash64(distinct_id, account_id) * evidence), 4))
            ] AS measures
        FROM account_members
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
