-- Where to cut all ids into pieces of some granules of events, as cuts.sql does for people.
SELECT distinct_id
FROM
(
    SELECT
        distinct_id,
        row_number() OVER (ORDER BY distinct_id) AS place
    FROM mergeTreeIndex(currentDatabase(), 'events')
)
WHERE place % {granules:UInt64} = 0
ORDER BY distinct_id
