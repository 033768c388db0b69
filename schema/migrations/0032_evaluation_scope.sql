-- Whom a batch of the tiers' evaluation is about: all ids of its people. Features are then read for these ids alone, by the key of the rollups.
--
-- Scratch: what a crash loses is written again under another batch.
-- How rows merge: they do not. A batch is written once, by one insert, and read by its UUID.
-- ORDER BY (batch, distinct_id): a batch is read as a whole. No PARTITION BY: rows live for an hour and go with their part.
CREATE TABLE IF NOT EXISTS evaluation_scope /*ON CLUSTER*/
(
    batch       UUID                                         COMMENT 'The batch; all zeros stands for everybody and is never written',
    distinct_id String                                       COMMENT 'An id of the person' CODEC(ZSTD(1)),
    person_id   String                                       COMMENT 'The person as of the moment that is evaluated' CODEC(ZSTD(1)),
    made_at     DateTime('UTC') DEFAULT now('UTC')           COMMENT 'When, UTC' CODEC(Delta(4), ZSTD(1))
)
ENGINE = /*Replicated*/MergeTree
ORDER BY (batch, distinct_id)
TTL made_at + INTERVAL 1 HOUR
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, merge_with_ttl_timeout = 600
COMMENT 'Ids of the people of each batch that is evaluated (one row per batch and id, for an hour)'
