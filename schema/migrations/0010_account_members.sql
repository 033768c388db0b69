-- Which account an id acted for, as events brought it (group messages, and every event that names an account).
--
-- How rows merge: evidence adds up, first_at takes the least, last_at the greatest, per key. A reader groups, and takes the
-- account with the greatest last_at.
-- ORDER BY (distinct_id, account_id, month) and PARTITION BY month: as identity_edges.
CREATE TABLE IF NOT EXISTS account_members /*ON CLUSTER*/
(
    distinct_id String                                             COMMENT 'User id, or anonymous id of a visitor who is not logged in' CODEC(ZSTD(1)),
    account_id  String                                             COMMENT 'The account it acted for' CODEC(ZSTD(1)),
    month       Date                                               COMMENT 'First day of the month of the evidence, UTC' CODEC(ZSTD(1)),
    first_at    SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'First evidence in the month, UTC' CODEC(Delta(8), ZSTD(1)),
    last_at     SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Last evidence in the month, UTC' CODEC(Delta(8), ZSTD(1)),
    evidence    SimpleAggregateFunction(sum, UInt64)               COMMENT 'Events that say so' CODEC(T64, ZSTD(1))
)
ENGINE = /*Replicated*/AggregatingMergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (distinct_id, account_id, month)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Evidence that an id belongs to an account (one row per pair and month, once merged)'
