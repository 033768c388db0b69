-- What came into identity_edges lately: a queue that the resolver reads from its watermark on, with an overlap. Rows may come twice.
--
-- ORDER BY at: it is read from a time on. TTL: a resolver that was away for longer decides everything anew.
-- No partition by month: there is no past to make again.
CREATE TABLE IF NOT EXISTS touched_edges /*ON CLUSTER*/
(
    at          DateTime64(3, 'UTC') COMMENT 'When the row was written, UTC' CODEC(Delta(8), ZSTD(1)),
    distinct_id String               COMMENT 'The id that was seen with user_id' CODEC(ZSTD(1)),
    user_id     String               COMMENT 'The user' CODEC(ZSTD(1)),
    first_at    DateTime64(3, 'UTC') COMMENT 'First evidence among the rows that came, UTC' CODEC(Delta(8), ZSTD(1))
)
ENGINE = /*Replicated*/MergeTree
ORDER BY at
TTL toDateTime(at) + INTERVAL 2 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Pairs of ids that came into identity_edges in the last two days (a queue: one row per pair and insert)'
