-- person_traits holds each trait that identify messages told, per month, with a value told last.
--
-- Of two values told in the same millisecond either one will do: the table keeps the one that arrived last.
WITH
    told AS
    (
        SELECT
            'expected' AS side,
            distinct_id,
            trait.1 AS name,
            trait.2 AS value,
            ts AS at
        FROM events FINAL
        ARRAY JOIN CAST(properties, 'Array(Tuple(LowCardinality(String), String))') AS trait
        WHERE type = 'identify'
          AND ts >= toDateTime64(toStartOfMonth({from:Date}), 3, 'UTC') AND ts < toDateTime64(addMonths(toStartOfMonth({to:Date} - 1), 1), 3, 'UTC')
    ),
    kept AS
    (
        SELECT 'found' AS side, distinct_id, trait AS name, value, at
        FROM person_traits
        WHERE at >= toDateTime64(toStartOfMonth({from:Date}), 3, 'UTC') AND at < toDateTime64(addMonths(toStartOfMonth({to:Date} - 1), 1), 3, 'UTC')
    ),
    traits AS
    (
        SELECT
            toStartOfMonth(toDate(at)) AS day,
            countIf(side = 'expected') > 0 AS is_told,
            countIf(side = 'found') > 0 AS is_kept,
            maxIf(at, side = 'expected') AS told_at,
            groupUniqArrayIf((at, value), side = 'expected') AS values,
            argMaxIf((at, value), at, side = 'found') AS latest
        FROM (SELECT * FROM told UNION ALL SELECT * FROM kept)
        GROUP BY day, distinct_id, name
    ),
    days AS
    (
        SELECT
            day,
            countIf(is_told) AS told,
            countIf(is_kept) AS kept,
            countIf(is_told AND is_kept AND latest.1 = told_at AND has(values, latest)) AS latest
        FROM traits
        GROUP BY day
    )
SELECT day, sums.1 AS measure, toString(sums.2) AS expected, toString(sums.3) AS found
FROM days
ARRAY JOIN [('traits', told, kept), ('latest_values', told, latest)] AS sums
ORDER BY day, measure
