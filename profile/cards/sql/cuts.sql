-- Where to cut a table into pieces of some granules: each granule's first key stands in the table's index. (A LIMIT would have ClickHouse read a piece of every
-- part for each piece of rows, which takes twenty times as long.)
SELECT {key:Identifier}
FROM
(
    SELECT
        {key:Identifier},
        row_number() OVER (ORDER BY {key:Identifier}) AS place
    FROM mergeTreeIndex(currentDatabase(), {table:String})
)
WHERE place % {granules:UInt64} = 0
ORDER BY {key:Identifier}
