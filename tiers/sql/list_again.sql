-- The rest of a long list, under another id: the table forgets rows after an hour.
INSERT INTO evaluation_scope (batch, distinct_id)
SELECT
    {again:UUID},
    distinct_id
FROM evaluation_scope
WHERE batch = {list:UUID}
    AND distinct_id >= {first:String}
