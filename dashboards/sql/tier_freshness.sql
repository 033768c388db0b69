-- Freshness of tiers: whether evaluation keeps up with what people do.
--
-- Nobody who did something should wait longer than a few seconds, and nobody whose time has come longer than a minute.
--
-- column people          UInt64              people with a state
-- column waiting         UInt64              ids with news that are not evaluated yet
-- column waiting_seconds Nullable(Int64)     for how long the oldest of these waits; 0 when none does, NULL when nobody was ever evaluated
-- column overdue         UInt64              people whose state should have been looked at more than a minute ago
-- column evaluated_at    DateTime64(3, 'UTC') when the latest evaluation was, UTC
SELECT
    states.people AS people,
    queue.ids AS waiting,
    multiIf(states.people = 0, NULL, queue.ids = 0, toInt64(0), dateDiff('second', queue.oldest, now64(3, 'UTC'))) AS waiting_seconds,
    states.overdue AS overdue,
    states.evaluated_at AS evaluated_at
FROM
(
    SELECT
        count() AS people,
        countIf(due_at < now64(3, 'UTC') - INTERVAL 1 MINUTE) AS overdue,
        max(evaluated_at) AS evaluated_at
    FROM person_tiers
) AS states
CROSS JOIN
(
    SELECT
        uniqExact(distinct_id) AS ids,
        min(at) AS oldest
    FROM touched_ids
    WHERE _block_number > (SELECT max(block) FROM tier_progress FINAL WHERE name = 'touched')
        OR at > (SELECT max(at) FROM tier_progress FINAL WHERE name = 'touched')
) AS queue
