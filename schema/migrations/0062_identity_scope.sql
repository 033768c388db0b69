-- The ids that the resolver is asking about, so that they stand in no statement: any string can be an id, and there may be many.
-- PARTITION BY batch: dropped whole when it is done. What a crash left goes after an hour.
CREATE TABLE IF NOT EXISTS identity_scope /*ON CLUSTER*/
(
    batch       UUID                 COMMENT 'What they are asked for',
    distinct_id String               COMMENT 'An id' CODEC(NONE),
    at          DateTime('UTC')      DEFAULT now('UTC') COMMENT 'When the row was written, UTC'
)
ENGINE = /*Replicated*/MergeTree
PARTITION BY batch
ORDER BY distinct_id
TTL at + INTERVAL 1 HOUR
SETTINGS ttl_only_drop_parts = 1, old_parts_lifetime = 1
COMMENT 'Ids that the resolver is asking about now; otherwise empty'
