-- What livello verify found, each time it ran.
--
-- How rows merge: not at all. ORDER BY at: the question is the last one. PARTITION BY nothing: an hourly run makes 9,000 rows a year.
CREATE TABLE IF NOT EXISTS verifications /*ON CLUSTER*/
(
    at          DateTime64(3, 'UTC') COMMENT 'When it ended, UTC',
    from_day    Date                 COMMENT 'First day that was compared, UTC',
    to_day      Date                 COMMENT 'The day after the last one, UTC',
    days        UInt32               COMMENT 'Days with events or receipts in between',
    events      UInt64               COMMENT 'Events stored for these days, each once',
    sums        UInt64               COMMENT 'Numbers that were compared',
    differences UInt32               COMMENT 'Numbers that were not what they should be',
    details     String               COMMENT 'The first of them, a line each; empty when there are none',
    took        Float64              COMMENT 'Seconds it took'
)
ENGINE = /*Replicated*/MergeTree
ORDER BY at
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What livello verify found (one row per run)'
