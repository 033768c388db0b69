-- Which days of person_term_days are as of which events: a day is due when its receipts are no longer those it was computed from, or when somebody
-- asked for it in recomputations. The row of day 1970-01-01 is of the terms of customers, with the receipts of all days.
-- No clock decides: receipts are compared by what they add up to.
--
-- How rows merge: of a day the row with the greatest at stays; a reader says FINAL.
-- ORDER BY day: there is one row a day. PARTITION BY nothing, for the same reason.
CREATE TABLE IF NOT EXISTS funnel_days /*ON CLUSTER*/
(
    day    Date                 COMMENT 'Day, UTC; 1970-01-01 is all of history, which the terms of customers are computed from' CODEC(Delta(2), ZSTD(1)),
    rows   UInt64               COMMENT 'Sum of receipts.rows of the day when it was computed last; 0: never' CODEC(T64, ZSTD(1)),
    id_sum UInt64               COMMENT 'Sum of receipts.id_sum of the day when it was computed last, modulo 2^64' CODEC(NONE),
    at     DateTime64(3, 'UTC') COMMENT 'When it was computed, UTC; the greatest counts' CODEC(Delta(8), ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree(at)
ORDER BY day
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What the days of person_term_days were computed from (one row per day, with FINAL)'
