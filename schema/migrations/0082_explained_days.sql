-- Why events holds other events of a day than receipts say, where somebody knows: receipts less these (and less repeats and erased_days) are what events must hold.
--
-- copy: livello verify found exactly one event less than was accepted, and one with its hash is stored: it was accepted twice, and the copies had merged before anybody saw
-- them side by side (those that were seen are in repeats). accepted: a person said so (livello verify --accept).
-- How rows merge: not at all, readers add up. ORDER BY (day, at): the question is a range of days. PARTITION BY nothing: there are few.
CREATE TABLE IF NOT EXISTS explained_days /*ON CLUSTER*/
(
    day     Date                   COMMENT 'Day of the events (ts), UTC',
    reason  LowCardinality(String) COMMENT 'copy: accepted once more than it is stored; accepted: a person knows and takes it as it is',
    rows    Int64                  COMMENT 'How many events fewer are stored than were accepted; negative: more',
    id_sum  UInt64                 COMMENT 'Sum of cityHash64(event_id) of what was accepted less that of what is stored, modulo 2^64' CODEC(NONE),
    said_by String                 COMMENT 'Of accepted: who said so, as user@machine',
    because String                 COMMENT 'Of accepted: why, in their words',
    at      DateTime64(3, 'UTC')   COMMENT 'When it was written, UTC'
)
ENGINE = /*Replicated*/MergeTree
ORDER BY (day, at)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Days whose events are not what receipts say, and why that is so (rows of a day add up)'
