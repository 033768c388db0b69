-- Whose the ids are, of those that belong to somebody else.
SELECT
    distinct_id,
    person_id
FROM person_ids
WHERE distinct_id IN {ids:Array(String)}
