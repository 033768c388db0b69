-- Every accepted event is in events, once.
--
-- Accepted is what receipts say, less what was sent again after the deduplication window (repeats), what erasures of people
-- took out (erased_days), and what is known to differ for a reason (explained_days). The sum of the ids' hashes
-- tells events apart: one lost and another one doubled leave the count as it was, and change the sum.
WITH
    accepted AS
    (
        SELECT day, sum(rows) AS n, sum(id_sum) AS ids
        FROM receipts
        WHERE day >= {from:Date} AND day < {to:Date}
        GROUP BY day
    ),
    repeated AS
    (
        SELECT day, sum(copies - 1) AS n, sum((copies - 1) * cityHash64(event_id)) AS ids
        FROM
        (
            SELECT day, event_id, toUInt64(count()) AS copies
            FROM repeats FINAL
            WHERE day >= {from:Date} AND day < {to:Date}
            GROUP BY day, event_id
        )
        GROUP BY day
    ),
    erased AS
    (
        SELECT day, sum(rows) AS n, sum(id_sum) AS ids
        FROM erased_days
        WHERE day >= {from:Date} AND day < {to:Date}
        GROUP BY day
    ),
    explained AS
    (
        SELECT day, toUInt64(sum(rows)) AS n, sum(id_sum) AS ids
        FROM explained_days
        WHERE day >= {from:Date} AND day < {to:Date}
        GROUP BY day
    ),
    stored AS
    (
        SELECT toDate(ts) AS day, count() AS n, sum(cityHash64(event_id)) AS ids
        FROM events FINAL
        WHERE ts >= toDateTime64({from:Date}, 3, 'UTC') AND ts < toDateTime64({to:Date}, 3, 'UTC')
        GROUP BY day
    ),
    days AS
    (
        SELECT
            day,
            toUInt64(sumIf(n, side = 'accepted') - sumIf(n, side = 'repeated') - sumIf(n, side = 'erased') - sumIf(n, side = 'explained')) AS expected_events,
            toUInt64(sumIf(n, side = 'stored')) AS found_events,
            toUInt64(sumIf(ids, side = 'accepted') - sumIf(ids, side = 'repeated') - sumIf(ids, side = 'erased') - sumIf(ids, side = 'explained')) AS expected_ids,
            toUInt64(sumIf(ids, side = 'stored')) AS found_ids
        FROM
        (
            SELECT 'accepted' AS side, day, n, ids FROM accepted
            UNION ALL
            SELECT 'repeated' AS side, day, toUInt64(n), toUInt64(ids) FROM repeated
            UNION ALL
            SELECT 'erased' AS side, day, n, ids FROM erased
            UNION ALL
            SELECT 'explained' AS side, day, n, ids FROM explained
            UNION ALL
            SELECT 'stored' AS side, day, n, ids FROM stored
        )
        GROUP BY day
    )
SELECT day, sums.1 AS measure, toString(sums.2) AS expected, toString(sums.3) AS found
FROM days
ARRAY JOIN [('events', expected_events, found_events), ('ids', expected_ids, found_ids)] AS sums
ORDER BY day, measure
