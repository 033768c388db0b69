-- Where to cut everybody into pieces of some granules: each granule's first person stands in the table's index. (A LIMIT would have ClickHouse read a piece of
-- every part for each piece of rows, which takes twenty times as long.)
SELECT person_id
FROM
(
    SELECT
        person_id,
        row_number() OVER (ORDER BY person_id) AS place
    FROM mergeTreeIndex(currentDatabase(), 'person_states')
)
WHERE place % {granules:UInt64} = 0
ORDER BY person_id
