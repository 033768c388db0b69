-- What came into identity_edges lately: a queue for the resolver.
--
-- How rows merge: they do not; a pair may be there many times. A reader goes by _block_number, which ClickHouse counts up as inserts become
-- visible, and not by at: a clock may step, and an insert that takes long has an early time.
-- ORDER BY at: a reader asks for the last minutes. TTL: a resolver that was away for longer decides everything anew. No PARTITION BY: there is no
-- past to make again.
-- No deduplication window: a segment that is sent again after a crash may complete identity_edges, so its pairs have news again.
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
SETTINGS enable_block_number_column = 1, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 0, replicated_deduplication_window = 0
COMMENT 'Pairs of ids that came into identity_edges in the last two days (a queue: one row per pair and insert)'
