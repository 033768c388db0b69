-- What erasures took out of events, per day: receipts less these (and less repeats) are what events must hold. Without this
-- table nobody could tell an erasure from a loss. It holds counts only.
--
-- How rows merge: not at all, readers add up. ORDER BY (day, request): the question is a range of days. PARTITION BY nothing.
CREATE TABLE IF NOT EXISTS erased_days /*ON CLUSTER*/
(
    request UUID                 COMMENT 'The erasure: erasures.request',
    day     Date                 COMMENT 'Day of the events (ts), UTC',
    rows    UInt64               COMMENT 'Erased events, each counted once however many copies there were',
    id_sum  UInt64               COMMENT 'Sum of cityHash64(event_id) of them, modulo 2^64' CODEC(NONE),
    at      DateTime64(3, 'UTC') COMMENT 'When the erasure was asked for, UTC'
)
ENGINE = /*Replicated*/MergeTree
ORDER BY (day, request)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Events taken out by erasures (rows of a day add up)'
