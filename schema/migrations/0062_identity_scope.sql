-- The ids that the resolver is asking about, so that they stand in no statement: any string can be an id, and there may be many.
-- Scratch: what a crash loses is written again under another batch.
-- ORDER BY (round, distinct_id): asked for by rounds. PARTITION BY batch: dropped whole when it is done; what a crash left goes after an hour.
CREATE TABLE IF NOT EXISTS identity_scope /*ON CLUSTER*/
(
    batch       UUID            COMMENT 'What they are asked for',
    round       UInt16          COMMENT 'Which step of the batch: ids lead to further ids',
    distinct_id String          COMMENT 'An id',
    made_at     DateTime('UTC') DEFAULT now('UTC') COMMENT 'When, UTC'
)
ENGINE = /*Replicated*/MergeTree
PARTITION BY batch
ORDER BY (round, distinct_id)
TTL made_at + INTERVAL 1 HOUR
SETTINGS ttl_only_drop_parts = 1, old_parts_lifetime = 1
COMMENT 'Ids that the resolver is asking about now; otherwise empty'
