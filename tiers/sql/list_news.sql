-- The ids that are new in the queue, up to the block that news.sql has seen; one that was touched twice is listed twice.
-- Small blocks: after a long load the queue holds millions of ids, and a block of a million takes 400 MiB to write.
INSERT INTO evaluation_scope (batch, distinct_id)
SELECT
    {list:UUID},
    distinct_id
FROM touched_ids
WHERE at >= least({at:DateTime64(3, 'UTC')}, now64(3, 'UTC')) - INTERVAL 5 MINUTE
    AND (_block_number > {block:UInt64} OR at > {at:DateTime64(3, 'UTC')})
    AND _block_number <= {until:UInt64}
SETTINGS min_insert_block_size_rows = 131072
