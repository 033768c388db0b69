-- Which days of person_term_days are as of which events, and which are to be computed again: a day is due when its receipts are no longer those it
-- was computed from, or when something else was noted (an id that was there belongs to somebody else, a month was rebuilt, a person erased).
-- No clock decides: receipts are compared by what they add up to.
--
-- How rows merge: of a day the row with the greatest at stays; a reader says FINAL.
-- ORDER BY day: there is one row a day. PARTITION BY nothing, for the same reason.
CREATE TABLE IF NOT EXISTS funnel_days /*ON CLUSTER*/
(
    day    Date                 COMMENT 'Day, UTC' CODEC(Delta(2), ZSTD(1)),
    rows   UInt64               COMMENT 'Sum of receipts.rows of the day when it was computed last; 0: never' CODEC(T64, ZSTD(1)),
    id_sum UInt64               COMMENT 'Sum of receipts.id_sum of the day when it was computed last, modulo 2^64' CODEC(NONE),
    due    UInt8                COMMENT '1: to be computed again, whatever the receipts say' CODEC(T64, ZSTD(1)),
    at     DateTime64(3, 'UTC') COMMENT 'When it was computed or became due, UTC; the greatest counts' CODEC(Delta(8), ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree(at)
ORDER BY day
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What the days of person_term_days were computed from (one row per day, with FINAL)'
