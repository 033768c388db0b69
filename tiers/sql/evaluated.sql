-- What an evaluation was: its people, and how many of them have changed.
SELECT
    uniqExact(person_id) AS people,
    (
        SELECT count()
        FROM tier_observations
        WHERE person_id IN (SELECT distinct_id FROM evaluation_scope WHERE batch = {batch:UUID})
            AND version = {version:UInt64}
    ) AS changes
FROM evaluation_scope
WHERE batch = {batch:UUID}
