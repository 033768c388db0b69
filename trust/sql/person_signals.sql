-- person_signals adds up to what its view, whose query is written from the definitions, makes of events now, per day and under the
-- right ids.
--
-- by_person weighs each sum with its id, key_page_seconds each page with the second it was seen at. They differ, too, when the
-- definitions have changed and the past was not recomputed yet: the service does that by itself, at the latest at its next start.
WITH
    expected AS
    (
        SELECT
            made.day AS day,
            [
                ('key_pages', toDecimal128(sum(length(key_pages)), 4)),
                ('key_page_seconds', toDecimal128(sum(arraySum(arrayMap(page -> cityHash64(page) % 1000000007, key_pages))), 4)),
                ('downloads', toDecimal128(sum(length(download_times)), 4)),
                ('download_seconds', toDecimal128(sum(arraySum(download_times)), 4)),
                ('nps', toDecimal128(sumIf(cityHash64(distinct_id, nps) % 1000000007, tupleElement(nps, 1) != toDateTime64(0, 3, 'UTC')), 4)),
                ('csat', toDecimal128(sumIf(cityHash64(distinct_id, csat) % 1000000007, tupleElement(csat, 1) != toDateTime64(0, 3, 'UTC')), 4)),
                ('sentiment', toDecimal128(round(sum(sentiment_sum), 2), 4)),
                ('sentiments', toDecimal128(sum(sentiment_count), 4)),
                ('by_person', toDecimal128(sum((cityHash64(distinct_id) % 1000000007) * (length(key_pages) + 2 * length(download_times) + 4 * sentiment_count + 8 * arraySum(mapValues(signals)))), 4))
            ] AS plain,
            sumMap(made.signals) AS counted
        FROM (/*made by person_signals_mv*/) AS made
        GROUP BY day
    ),
    merged AS
    (
        SELECT
            distinct_id,
            person_signals.day AS day,
            sumMap(person_signals.signals) AS signals,
            groupArrayArray(person_signals.key_pages) AS key_pages,
            groupArrayArray(person_signals.download_times) AS download_times,
            max(person_signals.nps) AS nps,
            max(person_signals.csat) AS csat,
            sum(person_signals.sentiment_sum) AS sentiment_sum,
            sum(person_signals.sentiment_count) AS sentiment_count
        FROM person_signals
        WHERE person_signals.day >= {from:Date} AND person_signals.day < {to:Date}
        GROUP BY distinct_id, day
    ),
    found AS
    (
        SELECT
            merged.day AS day,
            [
                ('key_pages', toDecimal128(sum(length(key_pages)), 4)),
                ('key_page_seconds', toDecimal128(sum(arraySum(arrayMap(page -> cityHash64(page) % 1000000007, key_pages))), 4)),
                ('downloads', toDecimal128(sum(length(download_times)), 4)),
                ('download_seconds', toDecimal128(sum(arraySum(download_times)), 4)),
                ('nps', toDecimal128(sumIf(cityHash64(distinct_id, nps) % 1000000007, tupleElement(nps, 1) != toDateTime64(0, 3, 'UTC')), 4)),
                ('csat', toDecimal128(sumIf(cityHash64(distinct_id, csat) % 1000000007, tupleElement(csat, 1) != toDateTime64(0, 3, 'UTC')), 4)),
                ('sentiment', toDecimal128(round(sum(sentiment_sum), 2), 4)),
                ('sentiments', toDecimal128(sum(sentiment_count), 4)),
                ('by_person', toDecimal128(sum((cityHash64(distinct_id) % 1000000007) * (length(key_pages) + 2 * length(download_times) + 4 * sentiment_count + 8 * arraySum(mapValues(signals)))), 4))
            ] AS plain,
            sumMap(merged.signals) AS counted
        FROM merged
        GROUP BY day
    )
SELECT day, sums.1 AS measure, toString(sumIf(sums.2, side = 'expected')) AS expected, toString(sumIf(sums.2, side = 'found')) AS found
FROM
(
    SELECT 'expected' AS side, * FROM expected
    UNION ALL
    SELECT 'found' AS side, * FROM found
)
ARRAY JOIN arrayConcat(plain, arrayMap((signal, n) -> (concat('signal ', signal), toDecimal128(n, 4)), mapKeys(counted), mapValues(counted))) AS sums
GROUP BY day, measure
ORDER BY day, measure
