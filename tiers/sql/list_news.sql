-- The ids that are new in the queue, up to the block that news.sql has seen.
INSERT INTO evaluation_scope (batch, distinct_id)
SELECT DISTINCT
    {list:UUID},
    distinct_id
FROM touched_ids
WHERE at >= least({at:DateTime64(3, 'UTC')}, now64(3, 'UTC')) - INTERVAL 5 MINUTE
    AND (_block_number > {block:UInt64} OR at > {at:DateTime64(3, 'UTC')})
    AND _block_number <= {until:UInt64}
