-- Every way in that was ever seen: campaign source and medium, and the site that led here. A few thousand rows that the definitions give names
-- to (view origin_channels), so that a rule is tried once per origin and not once per session.
--
-- How rows merge: the same origin of a month collapses; a reader says DISTINCT.
-- ORDER BY all of it: a row is nothing but its key. PARTITION BY month, which is in the key for that, as the other tables kept from events.
CREATE TABLE IF NOT EXISTS origins /*ON CLUSTER*/
(
    month    Date   COMMENT 'First day of the month it was seen in, UTC',
    source   String COMMENT 'utm_source, lower case; empty when there is none' CODEC(ZSTD(1)),
    medium   String COMMENT 'utm_medium, lower case; of a click that has none email or cpc; empty when there is none' CODEC(ZSTD(1)),
    referrer String COMMENT 'Address of the other site that led here, lower case, without query; empty when there is none' CODEC(ZSTD(1))
)
ENGINE = /*Replicated*/ReplacingMergeTree
PARTITION BY toYYYYMM(month)
ORDER BY (source, medium, referrer, month)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Ways in that were seen (one row per month, source, medium and referrer, once merged)'
