-- Where each run of a list begins, in the order of ids, which is that of the rollups: neighbours are read from the same granules. And how many rows of the
-- list lie before it. An id that is listed twice counts once, and is in one run.
SELECT
    min(distinct_id) AS first,
    toUInt64(min(line) - 1) AS before
FROM
(
    SELECT
        distinct_id,
        row_number() OVER (ORDER BY distinct_id) AS line,
        dense_rank() OVER (ORDER BY distinct_id) AS place
    FROM evaluation_scope
    WHERE batch = {list:UUID}
)
GROUP BY intDiv(place - 1, {size:UInt64})
ORDER BY first
