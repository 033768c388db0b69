-- What was accepted, as the spool wrote it down: for each segment and day of its events, how many there are and a sum that
-- tells which. It is computed from the segment's bytes, not from what ClickHouse made of them; livello verify compares the two.
--
-- How rows merge: not at all, readers add up. After a week the rows of a day are added up by the TTL, because a service that
-- gets an event a second writes many segments; sums stay what they were.
-- ORDER BY (day, segment_id): the question is a range of days, and the TTL needs day first. PARTITION BY nothing: a segment of
-- historic data touches hundreds of days, and its few rows should be one part.
CREATE TABLE IF NOT EXISTS receipts /*ON CLUSTER*/
(
    segment_id UUID                   COMMENT 'Segment of the spool, one INSERT; of rows older than a week any one of the day',
    day        Date                   COMMENT 'Day of the events, UTC',
    rows       UInt64                 COMMENT 'Accepted events' CODEC(T64, ZSTD(1)),
    id_sum     UInt64                 COMMENT 'Sum of cityHash64(event_id) of them, modulo 2^64' CODEC(NONE),
    first_at   DateTime64(3, 'UTC')   COMMENT 'When the first of them was received, UTC' CODEC(Delta(8), ZSTD(1)),
    last_at    DateTime64(3, 'UTC')   COMMENT 'When the last of them was received, UTC' CODEC(Delta(8), ZSTD(1)),
    loaded_at  DateTime('UTC') DEFAULT now('UTC') COMMENT 'When ClickHouse had confirmed the segment, UTC' CODEC(Delta(4), ZSTD(1))
)
ENGINE = /*Replicated*/MergeTree
ORDER BY (day, segment_id)
TTL loaded_at + INTERVAL 7 DAY GROUP BY day SET rows = sum(rows), id_sum = sum(id_sum), first_at = min(first_at), last_at = max(last_at), loaded_at = max(loaded_at)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'What was accepted, written down before loading (rows of a day add up)'
