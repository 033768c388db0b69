-- Whom a replayed day is about: ids with events of the day, ids that were joined to somebody on it, and people who are due by its end. On the first
-- day everybody there was until then.
INSERT INTO evaluation_scope (batch, distinct_id)
WITH
    {at:DateTime64(3, 'UTC')} AS moment,
    toDate(moment) AS that_day
SELECT DISTINCT
    {list:UUID},
    id
FROM
(
    SELECT distinct_id AS id
    FROM person_day
    WHERE day = that_day OR {first:Bool} AND day < that_day
    UNION ALL
    SELECT distinct_id AS id
    FROM person_ids
    WHERE toDate(since) = that_day
    UNION ALL
    SELECT person_id AS id
    FROM tier_replay FINAL
    WHERE due_at <= moment
)
SETTINGS min_insert_block_size_rows = 131072
