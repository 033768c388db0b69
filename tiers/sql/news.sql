-- How much is new in the queue since the place where the last evaluation ended. Block numbers count inserts as they become visible; the time is
-- looked at as well, because a queue that was empty at a restart of ClickHouse may count from the beginning again. Five minutes back are more than
-- an insert takes, and the clock may have been set back since.
SELECT
    count() AS rows,
    max(_block_number) AS block,
    max(at) AS latest,
    min(at) AS oldest
FROM touched_ids
WHERE at >= least({at:DateTime64(3, 'UTC')}, now64(3, 'UTC')) - INTERVAL 5 MINUTE
    AND (_block_number > {block:UInt64} OR at > {at:DateTime64(3, 'UTC')})
