-- Where each run of a list begins, in the order of ids, which is that of the rollups: neighbours are read from the same granules.
SELECT distinct_id
FROM
(
    SELECT
        distinct_id,
        row_number() OVER (ORDER BY distinct_id) AS place
    FROM evaluation_scope
    WHERE batch = {list:UUID}
)
WHERE (place - 1) % {size:UInt64} = 0
ORDER BY distinct_id
