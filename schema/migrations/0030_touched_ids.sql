-- The queue of ids with news: who has to be evaluated again. Filled by a view on events, and by whoever joins or separates ids.
--
-- How rows merge: they do not; an id may be there many times, and a reader says DISTINCT. A reader goes by _block_number, which ClickHouse
-- counts up as inserts become visible, and not by at: a clock may step, and an insert that takes long has an early time.
-- ORDER BY at: a reader asks for the last minutes. No PARTITION BY: block numbers are one row of numbers per partition, and the queue is
-- short, as what is older than two days is dropped by whole parts.
-- No deduplication window, alone among the tables: a segment that is sent again after a crash may complete a rollup that lacked it, so its ids have
-- news again.
CREATE TABLE IF NOT EXISTS touched_ids /*ON CLUSTER*/
(
    at          DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the news came, UTC: the start of the insert' CODEC(Delta(8), ZSTD(1)),
    distinct_id String                                       COMMENT 'Id with new events, or whose person has changed' CODEC(ZSTD(1))
)
ENGINE = /*Replicated*/MergeTree
ORDER BY at
TTL toDateTime(at) + INTERVAL 2 DAY
SETTINGS enable_block_number_column = 1, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 0, replicated_deduplication_window = 0
COMMENT 'Ids with news of the last two days: the queue of the tiers'' evaluation (one row per id and insert)'
