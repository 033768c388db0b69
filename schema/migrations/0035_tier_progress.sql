-- How far the evaluation has come, so that a restart goes on where it ended. Written after the states it speaks of: what is cut off in between is
-- evaluated again, to the same result.
--
-- How rows merge: the row with the greatest version of a name stays; version counts up, whatever the clock does. A reader says FINAL.
-- ORDER BY name, as there are a handful of rows; no PARTITION BY for the same reason.
CREATE TABLE IF NOT EXISTS tier_progress /*ON CLUSTER*/
(
    name    String              COMMENT 'touched: the queue of news' CODEC(ZSTD(1)),
    version UInt64              COMMENT 'Counts the rows of a name' CODEC(ZSTD(1)),
    block   UInt64              COMMENT 'Last block number of touched_ids that was evaluated' CODEC(ZSTD(1)),
    at      DateTime64(3, 'UTC') COMMENT 'Latest time in touched_ids that was evaluated, UTC' CODEC(ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree(version)
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'How far the evaluation of tiers has come (one row per name, once merged)'
